//! deploy/monitoring names only metrics, labels and words that exist, and each alert has its runbook.

use crate::{
    harness::{Bank, BankOptions, CIC, Process, tpp::Tpp, wire::Wire},
    readme::metrics,
};
use guichet::oauth::tpp::PspRole;
use reqwest::Method;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

type Metrics = BTreeMap<String, (&'static str, BTreeSet<String>)>;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Prometheus puts these on every series by itself.
const OF_PROMETHEUS: [&str; 3] = ["instance", "job", "le"];

struct Alert {
    name: String,
    expr: String,
    summary: String,
}

/// The rules of alerts.yaml, which has one key a line.
fn alerts() -> Vec<Alert> {
    let text = read("deploy/monitoring/alerts.yaml");
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.trim().strip_prefix(&format!("{key}: ")).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {key}: {block}")).trim_matches('\'').replace("''", "'")
    };
    let rules = text.split("- alert: ").skip(1);
    rules
        .map(|rule| {
            let name = rule.lines().next().unwrap().to_owned();
            assert!(value(rule, "runbook_url").ends_with(&format!("#{}", name.to_lowercase())), "{name}: its runbook");
            assert!(
                ["{ severity: page }", "{ severity: ticket }", "{ severity: info }"].contains(&value(rule, "labels").as_str()),
                "{name}"
            );
            Alert { expr: value(rule, "expr"), summary: value(rule, "summary"), name }
        })
        .collect()
}

/// Titles and queries of dashboard.json.
fn panels() -> Vec<(String, String, String)> {
    let dashboard: Value = serde_json::from_str(&read("deploy/monitoring/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let queries = panels.iter().flat_map(|panel| {
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(|target| (text(&panel["title"]), text(&target["expr"]), text(&target["legendFormat"])))
    });
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let of_variables = variables.filter(|variable| variable["type"] == "query").map(|variable| {
        let (metric, label) = variable["definition"].as_str().unwrap().strip_prefix("label_values(").unwrap().split_once(", ").unwrap();
        (text(&variable["name"]), format!("sum by ({}) ({metric})", label.trim_end_matches(')')), String::new())
    });
    queries.chain(of_variables).collect()
}

/// A query with its strings taken out, and the matchers that they stood in.
fn unquoted(query: &str) -> (String, Vec<(String, String)>) {
    let (mut bare, mut matchers) = (String::new(), vec![]);
    for (at, part) in query.split('"').enumerate() {
        if at % 2 == 0 {
            bare.push_str(part);
        } else {
            let label = bare.trim_end_matches(['=', '~', '!']).rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
            matchers.push((label.to_owned(), part.to_owned()));
        }
    }
    (bare, matchers)
}

/// What is wrong with a query: metrics that nobody records, labels that they do not have, words that no code says.
fn faults(query: &str, metrics: &Metrics, words: &str) -> Vec<String> {
    let (bare, matchers) = unquoted(query);
    let mut faults = vec![];
    let mut labels: BTreeSet<String> = OF_PROMETHEUS.map(str::to_owned).into();
    let names: Vec<&str> = bare.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| word.starts_with("guichet_")).collect();
    for name in &names {
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let known = metrics.get(*name).filter(|(kind, _)| *kind != "histogram");
        match known.or_else(|| metrics.get(histogram?).filter(|(kind, _)| *kind == "histogram")) {
            Some((kind, of_metric)) => {
                labels.extend(of_metric.iter().cloned());
                let counts = *kind != "gauge";
                let rated = ["rate(", "increase("].iter().any(|call| bare.contains(&format!("{call}{name}")));
                if counts != rated && !bare.starts_with("sum by (brand) (guichet_http") {
                    faults.push(format!("{name} is a {kind}: rate() is for what only grows, and for nothing else"));
                }
            }
            None => faults.push(format!("nobody records {name}")),
        }
    }
    if names.is_empty() && !bare.starts_with("up{") {
        faults.push("no metric".to_owned());
    }
    let grouped = ["by (", "on (", "without (", "ignoring ("].iter().flat_map(|keyword| bare.split(keyword).skip(1));
    let grouped: Vec<String> =
        grouped.flat_map(|rest| rest.split(')').next().unwrap().split(',').map(|label| label.trim().to_owned())).collect();
    for label in grouped.iter().chain(matchers.iter().map(|(label, _)| label)).filter(|label| !labels.contains(*label)) {
        faults.push(format!("no label {label}"));
    }
    for (label, value) in matchers.iter().filter(|(label, value)| !value.starts_with('$') && label != "job" && label != "status") {
        for word in value.split('|').filter(|word| !words.contains(&format!("\"{word}\""))) {
            faults.push(format!("{label} is never {word}"));
        }
    }
    faults
}

/// All that the program says in quotes.
fn words() -> String {
    crate::readme::sources().iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

#[test]
fn alerts_and_dashboard_name_only_what_the_program_records() {
    let (metrics, words) = (metrics(), words());
    let alerts = alerts();
    assert!(alerts.len() > 20);
    for Alert { name, expr, summary } in &alerts {
        assert_eq!(faults(expr, &metrics, &words), Vec::<String>::new(), "{name}: {expr}");
        for label in summary.split("$labels.").skip(1).map(|rest| rest.split(' ').next().unwrap()) {
            let kept = !expr.contains(" by (") || expr.split(" by (").skip(1).any(|rest| rest.split(')').next().unwrap().contains(label));
            assert!(kept, "{name}: its summary shows {label}, which the sum does not keep");
        }
    }
    let panels = panels();
    assert!(panels.len() > 20);
    for (title, expr, legend) in &panels {
        assert_eq!(faults(expr, &metrics, &words), Vec::<String>::new(), "{title}: {expr}");
        for label in legend.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap()) {
            assert!(expr.contains(label) || label == "instance", "{title}: {label}");
        }
    }
}

#[test]
fn a_query_of_what_does_not_exist_is_found() {
    let (metrics, words) = (metrics(), words());
    for (query, fault) in [
        ("rate(guichet_nothing_total[5m]) > 0", "nobody records guichet_nothing_total"),
        ("rate(guichet_http_request_seconds[5m]) > 0", "nobody records guichet_http_request_seconds"),
        ("rate(guichet_panics_bucket[5m])", "nobody records guichet_panics_bucket"),
        ("sum by (tenant) (rate(guichet_http_requests_total[5m]))", "no label tenant"),
        ("rate(guichet_http_requests_total{path=\"x\"}[5m])", "no label path"),
        ("rate(guichet_http_requests_total{fault=\"somebody\"}[5m])", "fault is never somebody"),
        ("rate(guichet_tokens_refused_total{reason=~\"code_replayed|nothing_like_it\"}[5m])", "reason is never nothing_like_it"),
        ("guichet_outages_total > 3", "guichet_outages_total is a counter: rate() is for what only grows, and for nothing else"),
        ("increase(guichet_blocks[5m])", "guichet_blocks is a gauge: rate() is for what only grows, and for nothing else"),
    ] {
        assert_eq!(faults(query, &metrics, &words), [fault], "{query}");
    }
}

#[test]
fn each_alert_has_its_runbook_and_each_runbook_its_alert() {
    let runbooks = read("docs/runbooks.md");
    let sections: Vec<&str> = runbooks.split("\n## ").skip(1).collect();
    let headings: Vec<&str> = sections.iter().map(|section| section.lines().next().unwrap()).collect();
    assert_eq!(headings, alerts().iter().map(|alert| alert.name.as_str()).collect::<Vec<_>>());
    for section in sections {
        for part in ["**What it means.**", "**How to see it.**", "**What to do.**", "**Whom to call.**"] {
            assert!(section.contains(part), "{part}: {section}");
        }
        let named = section.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        let metrics = metrics();
        for name in named.filter(|word| word.starts_with("guichet_")) {
            assert!(metrics.contains_key(name.trim_end_matches("_bucket")), "nobody records {name}: {section}");
        }
    }
}

/// Where Debian's `prometheus` is installed, its own tool reads the rules, too.
#[test]
fn prometheus_reads_the_rules() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring/alerts.yaml");
    if let Ok(checked) = Command::new("promtool").args(["check", "rules"]).arg(rules).output() {
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
}

/// What a server that was used says of itself: only series of the list, with the labels of the list, and no ids in them.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_what_the_list_says() {
    let bank = Bank::unserved(BankOptions::default()).await;
    let _server = Process::serve(&bank).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let code = client.authorize("web", "aisp").await.approve().await.code().to_owned();
    let tokens = client.redeem("web", "aisp", &code).await.ok(200).json();
    client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200);
    client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
    client.authorize("web", "aisp").await.cancel().await;
    let other = client.client_credentials().await.ok(200).json();
    client.introspect(other["access_token"].as_str().unwrap()).await;
    client.revoke(other["access_token"].as_str().unwrap()).await.ok(200);
    Wire::with_file(&bank, "expired").get(&client.url("/nowhere")).await;
    Wire::with_file(&bank, "expired").json(Method::POST, &client.tpp.registration_url(CIC), &[], &Tpp::metadata(CIC)).await.ok(401);

    let text = bank.browser().get(&format!("http://{}/metrics", bank.ops)).await.ok(200).body;
    for series in [
        r#"guichet_interactions_total{brand="cic",channel="web",stage="begun"} 2"#,
        r#"guichet_interactions_total{brand="cic",channel="web",stage="identified"} 1"#,
        r#"guichet_interactions_total{brand="cic",channel="web",stage="consented"} 1"#,
        r#"guichet_interactions_total{brand="cic",channel="web",stage="sca_begun"} 1"#,
        r#"guichet_interactions_total{brand="cic",channel="web",stage="approved"} 1"#,
        r#"guichet_interactions_total{brand="cic",channel="web",stage="failed"} 1"#,
        r#"guichet_interactions_total{brand="cic",channel="web",stage="returned"} 2"#,
        r#"guichet_sca_failures_total{brand="cic",channel="web",reason="cancelled",fault="psu"} 1"#,
        r#"guichet_tokens_issued_total{brand="cic",role="ais",grant_type="authorization_code"} 1"#,
        r#"guichet_tokens_issued_total{brand="cic",role="ais",grant_type="refresh_token"} 1"#,
        r#"guichet_tokens_issued_total{brand="cic",role="pis",grant_type="client_credentials"} 1"#,
        r#"guichet_tokens_refused_total{brand="cic",reason="code_replayed"} 1"#,
        r#"guichet_tokens_revoked_total{brand="cic",kind="access_token"} 1"#,
        r#"guichet_introspections_total{brand="cic",outcome="active"} 1"#,
        r#"guichet_certificates_refused_total{brand="cic",reason="CERTIFICATE_EXPIRED"} 1"#,
        r#"guichet_http_requests_total{endpoint="token",brand="cic",role="ais",fault="tpp",status="400"} 1"#,
        "guichet_database_waiting 0",
        "# TYPE guichet_http_request_seconds histogram",
        "# HELP guichet_outages_total times the database did not answer",
    ] {
        assert!(text.lines().any(|line| line == series), "no {series} in\n{text}");
    }
    for gauge in [
        "guichet_process_open_files ",
        "guichet_process_resident_bytes ",
        "guichet_database_connections{state=\"idle\"} ",
        "guichet_crl_next_update_seconds{",
    ] {
        let value = text.lines().find_map(|line| line.strip_prefix(gauge)?.rsplit(' ').next()?.parse::<f64>().ok());
        assert!(value.is_some_and(|value| value > 0.0), "{gauge}: {value:?}");
    }
    let listed = metrics();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (series, labels) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap(), ""));
        let known =
            listed.get(series).or_else(|| listed.get(["_bucket", "_sum", "_count"].iter().find_map(|end| series.strip_suffix(end))?));
        let (_, of_metric) = known.unwrap_or_else(|| panic!("not in the list: {line}"));
        for (name, value) in labels.split("\",").filter_map(|label| label.split_once("=\"")) {
            let value = value.split('"').next().unwrap();
            assert!(of_metric.contains(name) || name == "le", "{name} is no label of {series}");
            assert!(value.len() <= 40 && value.chars().filter(char::is_ascii_digit).count() < 12, "an id? {line}");
        }
    }
    for id in [client.id.as_str(), &client.id.replace('-', ""), &client.tpp.organisation, "mme_", &code] {
        assert!(!text.contains(id), "{id} in the metrics");
    }
}
