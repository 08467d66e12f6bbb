//! What README.md and the documents beside it say is what the program does: the parts that can be compared are compared.
//!
//! `GUICHET_WRITE_DOCS=1 cargo test --test it readme` writes docs/errors.md anew.

use guichet::{
    config::{BrandPlace, SHIPPED_BANKS, shipped_brand},
    oauth::{
        error::{ErrorCode, OAuthError},
        registration::RegistrationRefusal,
        sca::ScaFailure,
        software_statement::StatementRefusal,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text between a fence that opens with `language` after `heading`, and its end.
fn fenced(text: &str, heading: &str, language: &str) -> String {
    let after = text.split_once(heading).unwrap_or_else(|| panic!("no {heading:?}")).1;
    let inside = after.split_once(&format!("```{language}\n")).unwrap_or_else(|| panic!("nothing fenced after {heading:?}")).1;
    inside.split_once("```").unwrap().0.to_owned()
}

#[test]
fn the_documents_show_the_shortest_configuration_and_the_floors_as_they_are() {
    assert_eq!(fenced(&read("README.md"), "## Your own configuration", "toml"), read("config/example.toml"));
    let documented: String =
        read("src/lib.rs").lines().map_while(|l| l.strip_prefix("//!")).map(|l| format!("{}\n", l.trim_start())).collect();
    assert_eq!(fenced(&read("docs/architecture.md"), "## Floors", "text"), fenced(&documented, "", "text"));
}

#[test]
fn the_documents_name_every_verb_exit_code_limit_and_setting_of_the_database() {
    let readme = read("README.md");
    let help = Command::new(env!("CARGO_BIN_EXE_guichet")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let verbs = help.split_once("Commands:\n").unwrap().1.lines().map_while(|line| line.split_whitespace().next());
    for verb in verbs.filter(|verb| *verb != "help") {
        assert!(readme.contains(&format!("| `{verb}")), "verb {verb}");
    }
    for line in help.split_once("Exit codes:\n").unwrap().1.lines() {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        assert!(readme.contains(&format!("| {code} | {meaning} |")), "exit code {code}");
    }
    for section in ["limits", "database"] {
        let document = read(format!("docs/{section}.md"));
        let settings = read("config/default.toml");
        let rows = settings.split_once(&format!("\n[{section}]")).unwrap().1.lines().skip(1).take_while(|line| !line.starts_with('['));
        for (key, rest) in rows.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = ")) {
            let value = rest.split_whitespace().next().unwrap();
            assert!(document.contains(&format!("| `{section}.{key}` | {value} |")), "{section}.{key} = {value}");
        }
    }
}

#[test]
fn the_list_of_metrics_is_what_the_code_records() {
    let mut recorded: BTreeMap<String, (&str, BTreeSet<String>)> = BTreeMap::new();
    for file in sources() {
        for (name, metric) in recordings(&read(&file)) {
            let known = recorded.entry(name.clone()).or_insert_with(|| metric.clone());
            assert_eq!(*known, metric, "{name} is recorded in two ways ({})", file.display());
        }
    }
    assert_eq!(metrics(), recorded);
}

/// Of docs/metrics.md: name, kind, labels.
pub fn metrics() -> BTreeMap<String, (&'static str, BTreeSet<String>)> {
    let kinds = ["counter", "gauge", "histogram"];
    let list = read("docs/metrics.md");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let kind = kinds.into_iter().find(|kind| *kind == cells[2]).unwrap_or_else(|| panic!("{line}"));
        (cells[1].trim_matches('`').to_owned(), (kind, cells[3].split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect()))
    };
    list.lines().filter(|line| line.starts_with("| `guichet_")).map(row).collect()
}

/// Every `counter!("name", "label" => ..)` and its kin.
fn recordings(text: &str) -> Vec<(String, (&'static str, BTreeSet<String>))> {
    let mut found = vec![];
    for (kind, maker) in [("counter", "counter!("), ("gauge", "gauge!("), ("histogram", "histogram!(")] {
        for (at, _) in text.match_indices(maker) {
            let call = balanced(&text[at + maker.len() - 1..]);
            let Some(name) = literal(call).filter(|name| name.starts_with("guichet_")) else { continue };
            let labels = call.split(" =>").filter_map(|before| Some(before.trim_end().strip_suffix('"')?.rsplit_once('"')?.1.to_owned()));
            found.push((name, (kind, labels.collect())));
        }
    }
    found
}

#[test]
fn the_error_table_is_current() {
    let (path, table) = ("docs/errors.md", error_table());
    if env::var_os("GUICHET_WRITE_DOCS").is_some() {
        fs::write(root().join(path), &table).unwrap();
    }
    assert!(read(path) == table, "docs/errors.md is not what the code says: GUICHET_WRITE_DOCS=1 cargo test --test it readme");
}

const CODES: [ErrorCode; ErrorCode::ALL.len()] = ErrorCode::ALL;

fn error_table() -> String {
    let mut text = String::from(
        "# Errors\n\nGenerated from the code by `tests/it/readme.rs`; a test compares them. `{..}` stands for what varies.\n\n\
         ## OAuth errors\n\nThe JSON body of every refusal at a machine endpoint has `error` and `error_description`; at the authorization\n\
         endpoint both travel in the redirect. The status is that of the JSON answer.\n\n\
         | `error` | status | `error_description` |\n|---|---|---|\n",
    );
    let statements = StatementRefusal::all().map(|refusal| {
        let told = OAuthError::from(RegistrationRefusal::from(refusal));
        Refusal { code: format!("{:?}", told.code), description: told.description.into_owned(), status: None }
    });
    let found: BTreeSet<Refusal> = sources().iter().flat_map(|file| refusals(file)).chain(statements).collect();
    for code in CODES {
        for refusal in found.iter().filter(|refusal| refusal.code == format!("{code:?}")) {
            let status = refusal.status.clone().unwrap_or_else(|| code.status().to_string());
            writeln!(text, "| `{}` | {status} | {} |", code.as_str(), refusal.description).unwrap();
        }
    }
    let named: BTreeSet<String> = CODES.iter().map(|code| format!("{code:?}")).collect();
    let unknown: Vec<_> = found.iter().filter(|refusal| !named.contains(&refusal.code)).map(|refusal| &refusal.code).collect();
    assert!(unknown.is_empty(), "error codes without a row: {unknown:?}");

    text += "\n## Certificate reasons\n\nOf a refused certificate `error` is `invalid_client`, the status 401, and `error_description` lists every reason,\n\
             separated by commas. `guichet cert inspect FILE` explains each.\n\n| code | meaning | source |\n|---|---|---|\n";
    for [code, source, meaning] in certificate_reasons() {
        writeln!(text, "| `{code}` | {meaning} | {source} |").unwrap();
    }
    text += "\n## When the customer does not get through\n\n`error` in the redirect, per bank and channel. The reason's name is the sandbox customer that meets it.\n\n";
    text + &sca_table()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Refusal {
    code: String,
    description: String,
    status: Option<String>,
}

/// Where a refusal is made: what is called, and its code where the call names none.
const MAKERS: [(&str, &str); 6] = [
    ("OAuthError::new(", ""),
    ("OAuthError::described(", ""),
    ("RegistrationRefusal::metadata(", "InvalidClientMetadata"),
    ("RegistrationRefusal::redirect(", "InvalidRedirectUri"),
    ("refuse(\"", "InvalidClientMetadata"),
    ("refuse(&format!(\"", "InvalidClientMetadata"),
];

fn refusals(file: &Path) -> Vec<Refusal> {
    let text = read(file);
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let code = if file.ends_with("oauth/error.rs") {
        code.replace("Self::new(", "OAuthError::new(").replace("Self::described(", "OAuthError::described(")
    } else {
        code.to_owned()
    };
    let mut found = vec![];
    for (maker, implied) in MAKERS {
        for (at, _) in code.match_indices(maker) {
            let call = balanced(&code[at + maker.find('(').unwrap()..]);
            let (first, rest) = call.split_once(',').unwrap_or((call, ""));
            let refuse = maker.starts_with("refuse");
            let Some(literal) = literal(if refuse { call } else { rest }) else { continue };
            let name = if implied.is_empty() { first.rsplit("::").next().unwrap().trim_start_matches('(').trim() } else { implied };
            if name.starts_with(char::is_lowercase) {
                continue; // handed on from where it was made
            }
            let after = &code[at + maker.find('(').unwrap() + call.len()..];
            let status = after.trim_start().strip_prefix(".with_status(").map(|rest| rest.split(')').next().unwrap().to_owned());
            let description = if implied.is_empty() { literal } else { format!("{{member}}: {literal}") };
            found.push(Refusal { code: name.to_owned(), description: description.replace('|', "\\|"), status });
        }
    }
    for (at, maker) in code.match_indices("code: ErrorCode::").filter(|(at, _)| code[*at..].find("field: \"").is_some_and(|far| far < 100))
    {
        let rest = &code[at + maker.len()..];
        let texts: Vec<&str> = rest.split('"').skip(1).step_by(2).take(2).collect();
        let name = rest.split(',').next().unwrap().to_owned();
        found.push(Refusal { code: name, description: texts.join(": "), status: None });
    }
    if file.ends_with("oauth/payment_fields.rs") {
        let makers = ["Err(\"", "ok_or(\"", "why = \"", "why: \"", "batch_count\", \"", "fault(name, \""];
        let reasons = makers.into_iter().flat_map(|maker| code.split(maker).skip(1)).map(|rest| rest.split('"').next().unwrap());
        found.extend(reasons.map(|why| Refusal { code: "InvalidRequest".into(), description: format!("{{member}}: {why}"), status: None }));
    }
    let details = |why: &str| Refusal {
        code: "InvalidAuthorizationDetails".into(),
        description: format!("authorization_details{{member}}: {why}"),
        status: None,
    };
    if file.ends_with("oauth/payment_fields.rs") {
        // those of the members that a payment has there, too
        let shared = [
            ("fn need<", "    }"),
            ("fn may<", "    }"),
            ("fn finish(", "    }"),
            ("fn amount(", "}"),
            ("fn currency(", "}"),
            ("fn name(", "}"),
        ];
        for (function, end) in shared {
            let body = code.split_once(function).unwrap().1.split_once(&format!("\n{end}\n")).unwrap().0;
            let reasons = ["Err(\"", "ok_or(\"", "why: \"", "fault(name, \""].into_iter().flat_map(|maker| body.split(maker).skip(1));
            found.extend(reasons.map(|rest| details(rest.split('"').next().unwrap())));
        }
    }
    if file.ends_with("oauth/details.rs") || file.ends_with("oauth/authorize.rs") {
        let makers = [
            "wrong(PARAMETER, \"",
            "type_fault(\"",
            "Action::ALL, \"",
            "fault(\"accounts\", \"",
            "fault(&place, \"",
            "fault(place, \"",
            "Err(\"",
        ];
        let reasons = makers.into_iter().flat_map(|maker| code.split(maker).skip(1)).map(|rest| rest.split('"').next().unwrap());
        found.extend(reasons.map(details));
    }
    if file.ends_with("oauth/redirect.rs") {
        let body = code.split_once("pub fn registrable_redirect").unwrap().1.split_once("\n}").unwrap().0;
        let reasons =
            ["Err(\"", "|_| \""].into_iter().flat_map(|maker| body.split(maker).skip(1)).map(|rest| rest.split('"').next().unwrap());
        found.extend(reasons.map(|why| Refusal {
            code: "InvalidRedirectUri".into(),
            description: format!("redirect_uris[{{i}}]: {why}"),
            status: None,
        }));
    }
    found
}

/// From an opening parenthesis to the one that closes it.
fn balanced(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return &text[..=at];
        }
    }
    panic!("no end of {text:.40}")
}

fn literal(text: &str) -> Option<String> {
    Some(text.split_once('"')?.1.split_once('"')?.0.to_owned())
}

/// The rows of `Reason::row`: code, source, explanation.
fn certificate_reasons() -> Vec<[String; 3]> {
    let text = read("src/pki/reason.rs");
    let rows = text.split_once("const fn row(").unwrap().1.split_once("\n    }\n").unwrap().0;
    let rows: Vec<_> = rows
        .lines()
        .filter(|line| line.contains("=> ("))
        .map(|line| {
            let texts: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            let [code, source, meaning] = texts[..] else { panic!("{line}") };
            [code, source, meaning].map(str::to_owned)
        })
        .collect();
    assert!(rows.len() > 40);
    rows
}

fn sca_table() -> String {
    let (mut head, mut rule) = ("| reason |".to_owned(), "|---|".to_owned());
    let mut columns = vec![];
    for bank in SHIPPED_BANKS {
        let (tpp_origin, psu_origin) = ("https://api.bank.example".to_owned(), "https://bank.example".to_owned());
        let place = BrandPlace { id: None, sandbox: true, issuer: psu_origin.clone(), tpp_origin, psu_origin, psu_authentication: None };
        let brand = shipped_brand(bank, place).unwrap();
        for channel in brand.channels {
            write!(head, " {} {} |", brand.id, channel.name).unwrap();
            rule += "---|";
            columns.push(channel);
        }
    }
    let mut text = format!("{head}\n{rule}\n");
    for failure in ScaFailure::ALL {
        let cells: String = columns.iter().map(|channel| format!(" `{}` |", channel.wire_code(failure))).collect();
        writeln!(text, "| `{}` |{cells}", failure.name()).unwrap();
    }
    text
}

pub fn sources() -> Vec<PathBuf> {
    let (mut open, mut found) = (vec![root().join("src")], vec![]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path);
        }
    }
    found
}
