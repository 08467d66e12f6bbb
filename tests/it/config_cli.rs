//! `guichet config` and `check-config`, as an operator calls them.

use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

const MAIN: &str = "\
[tpp]
certificate_file = 'tls/a.pem'
key_file = 'tls/a.key'
[psu]
certificate_file = 'tls/a.pem'
key_file = 'tls/a.key'
[database]
url = 'postgres:///guichet'
[trust]
anchors_file = 'tls/a.pem'
[limits]
request_seconds = 20
";

const BRAND: &str = "\
[[brand]]
bank = 'cic'
issuer = 'https://auth.cic.example'
tpp_host = 'api.cic.example'
psu_host = 'auth.cic.example'
[brand.authorization]
interaction_seconds = 300
";

struct Installation(tempfile::TempDir);

impl Installation {
    fn new() -> Self {
        let installation = Self(tempfile::tempdir().unwrap());
        installation.write("guichet.toml", MAIN).write("conf.d/cic.toml", BRAND).write("tls/a.pem", "").write("tls/a.key", "");
        installation
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> &Self {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
        self
    }

    /// `guichet WORDS` in the folder, with these variables and no others.
    fn call(&self, words: &[&str], variables: &[(&str, &str)]) -> Call {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
        command.args(words).current_dir(self.0.path()).env_clear().envs(variables.iter().copied());
        Call(command.output().unwrap())
    }

    fn show(&self, words: &[&str], variables: &[(&str, &str)]) -> Call {
        self.call(&[&["config", "show", "--config", "guichet.toml"], words].concat(), variables)
    }
}

struct Call(Output);

impl Call {
    /// What it printed, where it ended so.
    fn printed(&self, code: i32) -> String {
        assert_eq!(self.0.status.code(), Some(code), "{}{}", self.out(), self.complaint());
        self.out()
    }

    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn complaint(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }
}

#[test]
fn show_tells_what_differs_from_the_defaults_and_where_it_is_from() {
    let installation = Installation::new();
    installation.write("conf.d/cic.toml~", "x");
    let call = installation.show(&[], &[("GUICHET_LOG__LEVEL", "debug"), ("GUICHET_LIMITS__DRAIN_SECONDS", "20")]);
    let shown = call.printed(0);
    for line in [
        "limits.request_seconds = 20  # guichet.toml:12",
        "brand.cic.authorization.interaction_seconds = 300  # conf.d/cic.toml:7",
        "log.level = \"debug\"  # GUICHET_LOG__LEVEL",
        "database.url = \"postgres:///guichet\"  # guichet.toml:8",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    // said again is not changed, and a bank's own word is its default
    assert!(!shown.contains("drain_seconds") && !shown.contains("code_seconds"), "{shown}");
    assert!(call.complaint().contains("conf.d/cic.toml~ is ignored"), "{}", call.complaint());
    let all = installation.show(&["--all"], &[]).printed(0);
    assert!(all.contains("limits.drain_seconds = 20  # default\n"), "{all}");
    assert!(all.contains("brand.cic.authorization.code_seconds = 60  # cic.toml:"), "{all}");
}

#[test]
fn show_tells_it_as_json_and_no_secret() {
    let installation = Installation::new();
    installation.write("guichet.toml", &MAIN.replace("url = 'postgres:///guichet'", "url_file = 'secret'"));
    installation.write("secret", "postgres://guichet:hush@db/guichet");
    let from_file: Value = serde_json::from_str(&installation.show(&["--json"], &[]).printed(0)).unwrap();
    let url = &from_file["database.url"];
    assert!(url["value"].is_null() && url["secret"] == true && url["origin"]["file"] == "secret", "{url}");
    let variable = [("GUICHET_DATABASE_URL", "postgres://guichet:hush@db/other")];
    for words in [&["--json", "--all"][..], &["--all"], &[]] {
        let call = installation.show(words, &variable);
        assert!(!call.printed(0).contains("hush") && !call.complaint().contains("hush"));
    }
    let all: Value = serde_json::from_str(&installation.show(&["--json", "--all"], &variable).printed(0)).unwrap();
    assert_eq!(all["database.url"]["origin"]["variable"], "GUICHET_DATABASE_URL");
    assert!(all.get("database.url_file").is_none());
    assert_eq!((&all["limits.request_seconds"]["value"], &all["limits.request_seconds"]["default"]), (&20.into(), &15.into()));
    assert_eq!(all["brand.cic.languages.offered"]["value"][0], "de");
    assert_eq!(all["brand.cic.languages.offered"]["origin"]["kind"], "bank");
    assert_eq!(all["limits.body_bytes"]["origin"]["kind"], "default");
}

#[test]
fn every_mistake_of_every_layer_is_told_by_every_verb() {
    let installation = Installation::new();
    installation.write("conf.d/a.toml", "[limits]\nreqest_seconds = 1\n").write("conf.d/b.toml", BRAND);
    let variables = [("GUICHET_LIMITS__BODY_SECONDS", "ten"), ("GUICHET_LIMITS__HEADERS_SECONDS", "10")];
    for words in [&["check-config", "guichet.toml"][..], &["config", "show", "--config", "guichet.toml"]] {
        let call = installation.call(words, &variables);
        assert_eq!(call.printed(3), "");
        let told: Vec<_> = call.complaint().lines().map(|line| line.trim_start_matches("guichet: ").to_owned()).collect();
        assert_eq!(
            told,
            [
                "conf.d/a.toml:2:1: unknown key `limits.reqest_seconds`; did you mean `request_seconds`?",
                "conf.d/cic.toml:1:1: brand `cic` is there twice; give one of them another `id` (the other is at conf.d/b.toml:1:1)",
                "environment: `GUICHET_LIMITS__BODY_SECONDS`: `limits.body_seconds` must be an integer, not a string",
                "environment: unknown variable `GUICHET_LIMITS__HEADERS_SECONDS`; the nearest is `GUICHET_LIMITS__HEADER_SECONDS`",
            ]
        );
    }
    fs::remove_file(installation.path("conf.d/a.toml")).unwrap();
    fs::rename(installation.path("conf.d/b.toml"), installation.path("conf.d/b.toml.old")).unwrap();
    let call = installation.call(&["check-config", "guichet.toml"], &[]);
    assert_eq!(call.printed(0), "guichet.toml: no mistakes\n");
    assert!(call.complaint().contains("conf.d/b.toml.old is ignored"), "{}", call.complaint());
}

#[test]
fn explain_tells_all_of_a_key() {
    let installation = Installation::new();
    let explain = |key: &str| installation.call(&["config", "explain", key], &[]).printed(0);
    let seconds = explain("limits.request_seconds");
    for line in [
        "limits.request_seconds",
        "  from head to answer; the regulator counts 30 s without answer as down",
        "  [limits]: of this process; nothing is unbounded",
        "takes     integer: 1 to 300, in s",
        "default   15",
        "variable  GUICHET_LIMITS__REQUEST_SECONDS",
        "change    taken up by a reload",
    ] {
        assert!(seconds.lines().any(|told| told == line), "{line}\n{seconds}");
    }
    assert_eq!(explain("GUICHET_LIMITS__REQUEST_SECONDS"), seconds);
    assert!(explain("tpp.address").contains("taken up by a restart") && explain("tpp.key_file").contains("none: must be given"));
    assert!(explain("brand.authorization.code_seconds").contains("default   60 (cic), 60 (labanquepostale)\n"));
    assert!(explain("brand.issuer").contains("variable  none: a row of an array"));
    assert!(explain("brand.channel.sca_errors.timed_out").contains("[channel.sca_errors] of a bank's file"));
    assert!(explain("limits").contains("limits.drain_seconds  # ") && explain("[limits]").contains("limits.drain_seconds  # "));
    let unknown = installation.call(&["config", "explain", "limits.reqest_seconds"], &[]);
    assert_eq!(unknown.printed(2), "");
    assert!(
        unknown.complaint().contains("no key `limits.reqest_seconds`; the nearest are `limits.request_seconds`, "),
        "{}",
        unknown.complaint()
    );
}

#[test]
fn explain_tells_what_holds_where_a_file_is_named() {
    let installation = Installation::new();
    let explain = |key: &str| {
        installation.call(&["config", "explain", key, "--config", "guichet.toml"], &[("GUICHET_LOG__LEVEL", "warn")]).printed(0)
    };
    assert!(explain("log.level").ends_with("here      log.level = \"warn\"  # GUICHET_LOG__LEVEL\n"));
    let brand = "here      brand.cic.authorization.interaction_seconds = 300  # conf.d/cic.toml:7\n";
    assert!(explain("brand.authorization.interaction_seconds").ends_with(brand));
    assert!(explain("brand.cic.authorization.interaction_seconds").ends_with(brand));
    assert!(explain("brand.other.authorization.interaction_seconds").ends_with("here      not set\n"));
    assert!(explain("brand.tpp_port").ends_with("here      brand.cic.tpp_port = 443  # default\n"));
}

#[test]
fn diff_compares_what_is_meant_and_says_how_it_is_taken_up() {
    let installation = Installation::new();
    let brand = BRAND.replace("300", "0x12c");
    // the same in one file, in another order and elsewhere
    installation.write("new/guichet.toml", &format!("log.format = 'json'\n{MAIN}{brand}"));
    let diff = |words: &[&str]| installation.call(&[&["config", "diff", "guichet.toml", "new/guichet.toml"], words].concat(), &[]);
    assert_eq!(diff(&[]).printed(0), "");
    let changed = MAIN.replace("= 20", "= 25").replace("[database]\nurl = 'postgres:///guichet'", "[ops]\naddress = '127.0.0.1:1'");
    let second = BRAND.replace("'cic'", "'labanquepostale'").replace("cic.example", "lbp.example");
    installation.write("new/guichet.toml", &format!("{changed}{brand}{second}"));
    assert_eq!(
        diff(&[]).printed(12),
        "brand.labanquepostale: (not set) -> \"labanquepostale\"  (reload)\n\
         database.url: \"postgres:///guichet\" -> (not set)  (restart)\n\
         limits.request_seconds: 20 -> 25  (reload)\n\
         ops.address: \"127.0.0.1:9464\" -> \"127.0.0.1:1\"  (restart)\n"
    );
    let json: Value = serde_json::from_str(&diff(&["--json"]).printed(12)).unwrap();
    assert_eq!((&json[2]["key"], &json[2]["old"], &json[2]["new"]), (&"limits.request_seconds".into(), &20.into(), &25.into()));
    assert_eq!(json[3]["taken_up"], "restart");
    installation.write("new/guichet.toml", "[tpp]\nadress = 1\n").write("conf.d/a.toml", "x = 1\n");
    let wrong = diff(&[]);
    assert_eq!(wrong.printed(3), "");
    assert!(wrong.complaint().contains("conf.d/a.toml:1:1: unknown key `x`"), "{}", wrong.complaint());
    assert!(wrong.complaint().contains("new/guichet.toml:2:1: unknown key `tpp.adress`"), "{}", wrong.complaint());
}

#[test]
fn the_variables_of_the_tests_and_of_kubernetes_stop_no_server() {
    let installation = Installation::new();
    let variables = [
        ("GUICHET_WRITE_DOCS", "1"),
        ("GUICHET_SERVICE_HOST", "10.0.0.1"),
        ("GUICHET_PORT", "tcp://10.0.0.1:8443"),
        ("GUICHET_CONFIG", "elsewhere.toml"),
    ];
    installation.call(&["check-config", "guichet.toml"], &variables).printed(0);
    installation.call(&["config", "show"], &[("GUICHET_CONFIG", "guichet.toml")]).printed(0);
}

/// `config explain limits | true`.
#[test]
fn a_reader_who_leaves_is_no_fault() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
    let mut child = command.args(["config", "explain", "limits"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
