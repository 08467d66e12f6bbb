//! The examples below deploy/ are what the program understands: units, compose file, manifests and the settings in them.

use crate::harness::{bank::pki, command::run};
use clap::Parser;
use guichet::cli::Cli;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn documents(file: &str) -> Vec<Value> {
    Yaml::load_from_str(&read(file)).unwrap_or_else(|error| panic!("{file}: {error}")).iter().map(value).collect()
}

fn document(file: &str) -> Value {
    documents(file).into_iter().next().unwrap()
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, under)| (value(key).as_str().unwrap().to_owned(), value(under))).collect::<Map<_, _>>())
        }
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(flag)) => (*flag).into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::FloatingPoint(number)) => number.into_inner().into(),
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        other => panic!("{other:?}"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> Vec<&str> {
    list(value).iter().map(|text| text.as_str().unwrap()).collect()
}

/// The program's own reading of `words`, after its name; the file of settings may come by the environment.
fn is_understood(words: &[&str]) {
    let flag: &[&str] = if words.contains(&"--config") { &[] } else { &["--config", "guichet.toml"] };
    let all = ["guichet"].iter().chain(words).chain(flag);
    if let Err(error) = Cli::try_parse_from(all) {
        panic!("{words:?}: {error}");
    }
}

/// A number of seconds in config/default.toml.
fn default_seconds(key: &str) -> i64 {
    let text = read("config/default.toml");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{key} = "))).unwrap();
    line.split(' ').next().unwrap().parse().unwrap()
}

/// How long a server may take to stop.
fn stop_seconds() -> i64 {
    default_seconds("shutdown_delay_seconds") + default_seconds("drain_seconds")
}

/// `guichet check-config` of settings whose files are those of the test PKI.
async fn has_no_mistakes(settings: &str) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display().to_string();
    for (name, from) in [("server.pem", "server.pem"), ("server.key", "server.key"), ("internal.pem", "internal.pem")].into_iter().chain([
        ("internal.key", "internal.key"),
        ("bank-ca.pem", "bank-ca.pem"),
        ("anchors.pem", "qtsp.pem"),
        ("signing.key", "signing.key"),
    ]) {
        fs::copy(pki().1.file(from), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("database-url"), "postgres://guichet_server:secret@postgres/guichet").unwrap();
    let file = folder.path().join("guichet.toml");
    fs::write(&file, settings.replace("/run/secrets", &place)).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_guichet"));
    check.arg("check-config").arg(&file).env_remove("GUICHET_DATABASE_URL");
    let output = run(check, "").await;
    assert!(output.status.success(), "{}\n{settings}", String::from_utf8_lossy(&output.stderr));
}

/// The names below /run/secrets that settings read.
fn named_secrets(settings: &str) -> BTreeSet<&str> {
    settings.split('"').filter_map(|word| word.strip_prefix("/run/secrets/")).collect()
}

/// Ports that settings listen on, the default ones included.
fn ports(settings: &str) -> BTreeSet<i64> {
    let of = |text: &str| -> Vec<i64> {
        let addresses = text.lines().filter_map(|line| line.strip_prefix("address = \"")?.split('"').next()?.rsplit_once(':'));
        addresses.map(|(_, port)| port.parse().unwrap()).collect()
    };
    of(settings).into_iter().chain(of(&read("config/default.toml"))).collect()
}

#[tokio::test]
async fn the_compose_file_starts_what_there_is_as_little_as_it_can() {
    let compose = document("deploy/compose/compose.yaml");
    let settings = read("deploy/compose/guichet.toml");
    has_no_mistakes(&settings).await;
    let declared: BTreeSet<_> = compose["secrets"].as_object().unwrap().keys().map(String::as_str).collect();
    for name in ["migrate", "guichet"] {
        let service = &compose["services"][name];
        is_understood(&texts(&service["command"]));
        assert_eq!((&service["read_only"], texts(&service["cap_drop"])), (&true.into(), vec!["ALL"]), "{name}");
        assert_eq!(texts(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert_eq!(texts(&service["volumes"]), ["./guichet.toml:/etc/guichet/guichet.toml:ro"]);
        let target = |secret: &Value| secret["target"].as_str().or(secret.as_str()).unwrap().to_owned();
        let given: BTreeSet<_> = list(&service["secrets"]).iter().map(target).collect();
        assert_eq!(given, named_secrets(&settings).into_iter().map(str::to_owned).collect(), "{name}");
    }
    for service in compose["services"].as_object().unwrap().values() {
        let source = |secret: &Value| secret["source"].as_str().or(secret.as_str()).unwrap().to_owned();
        let undeclared: Vec<_> = list(&service["secrets"]).iter().map(source).filter(|name| !declared.contains(name.as_str())).collect();
        assert!(undeclared.is_empty(), "{undeclared:?}");
    }
    let server = &compose["services"]["guichet"];
    let check = texts(&server["healthcheck"]["test"]);
    assert_eq!(check[..2], ["CMD", "/usr/bin/guichet"]);
    is_understood(&check[2..]);
    for port in texts(&server["ports"]) {
        assert!(ports(&settings).contains(&port.rsplit(':').next().unwrap().parse().unwrap()), "{port}");
    }
    let grace: i64 = server["stop_grace_period"].as_str().unwrap().trim_end_matches('s').parse().unwrap();
    assert!(grace > stop_seconds());
    assert_eq!(server["depends_on"]["migrate"]["condition"], "service_completed_successfully");
}

/// The pod template of each workload, with what it stands in.
fn pods() -> Vec<(&'static str, Value)> {
    let at = |file, path: &str| {
        let all = document(file);
        let pod = all.pointer(path).cloned().unwrap_or_else(|| panic!("{file}: no {path}"));
        (file, pod)
    };
    vec![
        at("deploy/kubernetes/deployment.yaml", "/spec/template"),
        at("deploy/kubernetes/migrate.yaml", "/spec/template"),
        at("deploy/kubernetes/trust.yaml", "/spec/jobTemplate/spec/template"),
    ]
}

fn kubernetes_settings() -> String {
    document("deploy/kubernetes/settings.yaml")["data"]["guichet.toml"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_pods_are_restricted_and_given_all_that_the_settings_name() {
    let settings = kubernetes_settings();
    has_no_mistakes(&settings).await;
    let secrets = documents("deploy/kubernetes/secrets.example.yaml");
    for (file, pod) in pods() {
        let spec = &pod["spec"];
        let own = &spec["securityContext"];
        assert_eq!(
            (&own["runAsNonRoot"], &own["runAsUser"], &own["seccompProfile"]["type"]),
            (&true.into(), &10001.into(), &"RuntimeDefault".into()),
            "{file}"
        );
        assert_eq!(spec["automountServiceAccountToken"], false, "{file}");
        let [container] = list(&spec["containers"]) else { panic!("{file}: one container") };
        let rights = &container["securityContext"];
        assert_eq!((&rights["readOnlyRootFilesystem"], &rights["allowPrivilegeEscalation"]), (&true.into(), &false.into()), "{file}");
        assert_eq!(texts(&rights["capabilities"]["drop"]), ["ALL"], "{file}");
        assert!(container["resources"]["limits"]["memory"].is_string() && container["resources"]["requests"]["cpu"].is_string(), "{file}");
        is_understood(&texts(&container["args"]));
        let places: Vec<_> = list(&container["volumeMounts"]).iter().map(|mount| mount["mountPath"].as_str().unwrap()).collect();
        assert_eq!(places, ["/etc/guichet", "/run/secrets"], "{file}");
        let volume = list(&spec["volumes"]).iter().find(|volume| volume["name"] == "secrets").unwrap();
        let projected = list(&volume["projected"]["sources"]).iter().map(|source| source["secret"]["name"].as_str().unwrap());
        let given: BTreeSet<&str> = projected
            .flat_map(|name| {
                let secret = secrets.iter().find(|secret| secret["metadata"]["name"] == *name).unwrap_or_else(|| panic!("{file}: {name}"));
                secret["stringData"].as_object().unwrap().keys().map(String::as_str)
            })
            .collect();
        let missing: Vec<_> = named_secrets(&settings).into_iter().filter(|name| !given.contains(name)).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
    }
}

#[test]
fn the_deployment_asks_and_serves_where_the_program_answers() {
    let deployment = document("deploy/kubernetes/deployment.yaml");
    let pod = &deployment["spec"]["template"];
    let container = &pod["spec"]["containers"][0];
    let named: Vec<_> =
        list(&container["ports"]).iter().map(|port| (port["name"].as_str().unwrap(), port["containerPort"].as_i64().unwrap())).collect();
    let listened = ports(&kubernetes_settings());
    assert!(named.iter().all(|(_, port)| listened.contains(port)), "{named:?} {listened:?}");
    let router = read("src/http/router.rs");
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let (path, port) = (&container[probe]["httpGet"]["path"], &container[probe]["httpGet"]["port"]);
        assert!(router.contains(&path.to_string()), "{probe}: {path}");
        assert_eq!(port, "ops", "{probe}");
    }
    assert!(pod["spec"]["terminationGracePeriodSeconds"].as_i64().unwrap() > stop_seconds());

    let labels = pod["metadata"]["labels"].as_object().unwrap();
    let chosen = |selector: &Value| selector.as_object().unwrap().iter().all(|(name, wanted)| labels.get(name) == Some(wanted));
    assert!(chosen(&deployment["spec"]["selector"]["matchLabels"]));
    for service in documents("deploy/kubernetes/services.yaml") {
        assert!(chosen(&service["spec"]["selector"]), "{service}");
        for port in list(&service["spec"]["ports"]) {
            assert!(named.iter().any(|(name, _)| port["targetPort"] == *name), "{port}");
        }
    }
    let policy = document("deploy/kubernetes/network.yaml");
    assert!(chosen(&policy["spec"]["podSelector"]["matchLabels"]));
    let admitted: BTreeSet<_> = list(&policy["spec"]["ingress"]).iter().map(|rule| rule["ports"][0]["port"].as_i64().unwrap()).collect();
    assert_eq!(admitted, named.iter().map(|(_, port)| *port).collect());
    assert!(chosen(&document("deploy/kubernetes/disruption.yaml")["spec"]["selector"]["matchLabels"]));
    let scaled = document("deploy/kubernetes/autoscaling.yaml");
    assert_eq!(scaled["spec"]["scaleTargetRef"]["name"], deployment["metadata"]["name"]);
    assert!(scaled["spec"]["minReplicas"].as_i64() > Some(1));
}

#[test]
fn every_manifest_parses_and_is_listed() {
    let folder = root().join("deploy/kubernetes");
    let files: BTreeSet<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let listed = document("deploy/kubernetes/kustomization.yaml");
    let listed = texts(&listed["resources"]);
    for file in &files {
        let documents = documents(&format!("deploy/kubernetes/{file}"));
        assert!(documents.iter().all(|one| one["apiVersion"].is_string() && one["kind"].is_string()), "{file}");
        // what is applied by hand, and what says what to apply
        let apart = ["kustomization.yaml", "migrate.yaml", "secrets.example.yaml"].contains(&file.as_str());
        assert_ne!(listed.contains(&file.as_str()), apart, "{file}");
    }
    assert!(listed.iter().all(|file| files.contains(*file)), "{listed:?}");
}

const SERVICES: [&str; 3] = ["guichet", "guichet-migrate", "guichet-trust"];

/// What each service must say: who it is, what it sees, what it may ask of the kernel.
const HARDENING: [&str; 32] = [
    "User=guichet",
    "NoNewPrivileges=yes",
    "KeyringMode=private",
    "UMask=0077",
    "RemoveIPC=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateMounts=yes",
    "DevicePolicy=closed",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "NoExecPaths=/",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources",
    "SystemCallErrorNumber=EPERM",
    "LimitCORE=0",
    "MemorySwapMax=0",
];

fn unit(name: &str) -> String {
    read(&format!("deploy/systemd/{name}"))
}

/// The value of a key that stands once.
fn said<'u>(unit: &'u str, key: &str) -> &'u str {
    let values: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect();
    let [value] = values[..] else { panic!("{key}: {values:?}") };
    value
}

fn missing(unit: &str) -> Vec<&'static str> {
    HARDENING.into_iter().filter(|wanted| !unit.lines().any(|line| line == *wanted)).collect()
}

#[test]
fn the_services_are_confined() {
    for name in SERVICES {
        let unit = unit(&format!("{name}.service"));
        assert_eq!(missing(&unit), [""; 0], "{name}");
        for line in HARDENING {
            assert_eq!(missing(&unit.replace(&format!("\n{line}\n"), "\n")), [line], "{name}");
        }
        let capabilities = said(&unit, "CapabilityBoundingSet");
        assert_eq!(capabilities, if name == "guichet" { "CAP_NET_BIND_SERVICE" } else { "" }, "{name}");
        let command: Vec<_> = said(&unit, "ExecStart").split(' ').collect();
        assert_eq!(command[0], "/usr/bin/guichet");
        is_understood(&command[1..]);
        assert!(said(&unit, "ExecPaths").split(' ').any(|path| path == command[0]), "{name}");
    }
}

#[test]
fn the_server_is_notified_reloaded_and_stopped_as_it_expects() {
    let unit = unit("guichet.service");
    assert_eq!((said(&unit, "Type"), said(&unit, "AmbientCapabilities")), ("notify", "CAP_NET_BIND_SERVICE"));
    let reload: Vec<_> = said(&unit, "ExecReload").split(' ').collect();
    assert_eq!(reload[1..], ["-HUP", "$MAINPID"]);
    assert!(said(&unit, "ExecPaths").split(' ').any(|path| path == reload[0]), "the reload's own program may run");
    let seconds = |key| said(&unit, key).trim_end_matches('s').parse::<i64>().unwrap();
    assert!(seconds("TimeoutStopSec") > stop_seconds() && seconds("WatchdogSec") > 0);
    assert_eq!(said(&unit, "RestartPreventExitStatus"), "2 3");
    let credential = said(&self::unit("credentials.conf"), "LoadCredentialEncrypted").to_owned();
    assert!(credential.starts_with("database-url:"), "{credential}");
}

/// systemd's own opinion, where it is installed; what is not is said.
#[tokio::test]
async fn systemd_understands_the_units_and_finds_them_confined() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("deploy/systemd")).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ["service", "timer"].iter().any(|known| ending == *known)) {
            let text = fs::read_to_string(&path).unwrap().replace("/usr/bin/guichet", env!("CARGO_BIN_EXE_guichet"));
            fs::write(folder.path().join(path.file_name().unwrap()), text).unwrap();
        }
    }
    let analyze = |words: Vec<String>| {
        let mut command = Command::new("systemd-analyze");
        command.args(words).current_dir(folder.path());
        command
    };
    if analyze(vec!["--version".into()]).output().is_err() {
        eprintln!("systemd-analyze is not installed: the units were only read by this test");
        return;
    }
    let files = SERVICES.map(|name| format!("./{name}.service"));
    let units = files.iter().cloned().chain(["./guichet-trust.timer".to_owned()]);
    let told = run(analyze(["verify".to_owned(), "--man=no".to_owned()].into_iter().chain(units).collect()), "").await;
    let complaints = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.success() && !complaints.contains(&folder.path().display().to_string()), "{complaints}");
    for file in files {
        let exposure =
            run(analyze(vec!["security".into(), "--offline=true".into(), "--no-pager".into(), "--threshold=16".into(), file.clone()]), "")
                .await;
        let table = String::from_utf8_lossy(&exposure.stdout).into_owned();
        println!("{}", table.lines().last().unwrap_or_default());
        assert!(exposure.status.success(), "{file}: {table}");
    }
}
