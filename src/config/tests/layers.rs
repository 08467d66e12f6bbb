//! Files, `conf.d` and variables, one over the other.

use super::*;
use std::{os::unix::fs::symlink, process::Command};

/// A folder with `g.toml`, [`PLAIN`] and the files that it names.
struct Installation(tempfile::TempDir);

impl Installation {
    fn new() -> Self {
        let installation = Self(tempfile::tempdir().unwrap());
        installation.write("g.toml", PLAIN);
        for file in ["a", "b", "c"] {
            installation.write(file, "");
        }
        installation
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Settings, Mistakes> {
        load(&self.0.path().join("g.toml"), &Environment::of(variables.iter().copied()))
    }

    /// Without the folder's name.
    fn plain(&self, text: impl ToString) -> String {
        text.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }

    fn mistakes(&self, variables: &[(&str, &str)]) -> String {
        self.load(variables).err().map(|mistakes| self.plain(mistakes)).unwrap_or_default()
    }

    /// A value and its origin.
    fn holds(&self, variables: &[(&str, &str)], key: &str) -> (String, String) {
        let settings = self.load(variables).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let value = settings.effective.get(key).unwrap_or_else(|| panic!("no {key}"));
        (value.shown.to_string(), self.plain(&value.origin))
    }
}

fn of(value: &str, origin: &str) -> (String, String) {
    (value.to_owned(), origin.to_owned())
}

const SECOND: &str = "[[brand]]\nbank = 'labanquepostale'\nissuer = 'https://auth.lbp.example'\n\
                      tpp_host = 'api.lbp.example'\npsu_host = 'auth.lbp.example'\n";

#[test]
fn a_later_layer_wins_and_every_value_knows_its_own() {
    let installation = Installation::new();
    let key = "limits.request_seconds";
    assert_eq!(installation.holds(&[], key), of("15", "default"));
    installation.write("g.toml", format!("{PLAIN}[limits]\nrequest_seconds = 20\nbody_seconds = 9\n"));
    assert_eq!(installation.holds(&[], key), of("20", "g.toml:19"));
    installation.write("conf.d/10-limits.toml", "[limits]\nrequest_seconds = 30\n");
    assert_eq!(installation.holds(&[], key), of("30", "conf.d/10-limits.toml:2"));
    installation.write("conf.d/20-limits.toml", "limits.request_seconds = 3_1\n");
    assert_eq!(installation.holds(&[], key), of("31", "conf.d/20-limits.toml:1"));
    let variable = ("GUICHET_LIMITS__REQUEST_SECONDS", " 40 ");
    assert_eq!(installation.holds(&[variable], key), of("40", "GUICHET_LIMITS__REQUEST_SECONDS"));
    let settings = installation.load(&[variable]).unwrap();
    assert_eq!((settings.limits.request, settings.limits.body), (Duration::from_secs(40), Duration::from_secs(9)));
    let reading = crate::config::read(&installation.0.path().join("g.toml"), &Environment::default());
    let files: Vec<_> = reading.files.iter().map(|file| installation.plain(file.display())).collect();
    assert_eq!(files, ["a", "b", "c", "conf.d", "conf.d/10-limits.toml", "conf.d/20-limits.toml", "g.toml"]);
}

#[test]
fn brands_of_all_files_are_put_together_and_other_arrays_replaced() {
    let installation = Installation::new();
    installation.write("conf.d/lbp.toml", format!("trust.nca_countries = ['FR']\n{SECOND}"));
    let settings = installation.load(&[]).unwrap();
    assert_eq!(settings.brands.iter().map(|brand| brand.id.as_str()).collect::<Vec<_>>(), ["cic", "labanquepostale"]);
    assert_eq!(settings.trust.nca_countries, ["FR"]);
    // a main file without brands is no mistake where others bring them
    for none in ["", "brand = []\n"] {
        installation.write("g.toml", format!("{none}{}", &PLAIN[..PLAIN.find("[[brand]]").unwrap()]));
        assert_eq!(installation.load(&[]).unwrap().brands.len(), 1, "{none}");
    }
    installation.write("g.toml", PLAIN).write("conf.d/again.toml", SECOND);
    assert_eq!(
        installation.mistakes(&[]),
        "conf.d/lbp.toml:2:1: brand `labanquepostale` is there twice; give one of them another `id` (the other is at conf.d/again.toml:1:1)"
    );
}

#[test]
fn every_mistake_of_every_layer_is_told_at_once() {
    let installation = Installation::new();
    installation.write("g.toml", PLAIN.replace("[tpp]\n", "[tpp]\nadress = 1\n"));
    installation.write("conf.d/1.toml", "[limits]\nconections = 1\nbody_seconds = 0\n[tpp]\naddress = 'x'\n");
    let variables = [("GUICHET_LIMITS__HEADER_SECONDS", "ten"), ("GUICHET_LIMTS__HEADER_SECONDS", "10"), ("GUICHET_LOG__LEVEL", "inof")];
    assert_eq!(
        installation.mistakes(&variables).lines().collect::<Vec<_>>(),
        [
            "conf.d/1.toml:2:1: unknown key `limits.conections`; did you mean `connections`?",
            "conf.d/1.toml:3:16: `limits.body_seconds` must be from 1 to 60, not 0",
            "conf.d/1.toml:5:11: `tpp.address` must be an IP address and a port, such as 0.0.0.0:8443",
            "g.toml:3:1: unknown key `tpp.adress`; did you mean `address`?",
            "environment: `GUICHET_LIMITS__HEADER_SECONDS`: `limits.header_seconds` must be an integer, not a string",
            "environment: `GUICHET_LOG__LEVEL`: `log.level` cannot be `inof`; did you mean `info`?",
            "environment: unknown variable `GUICHET_LIMTS__HEADER_SECONDS`; the nearest is `GUICHET_LIMITS__HEADER_SECONDS`",
        ]
    );
    // what is missing is missed in the operator's file, also where another layer has the section
    installation.write("g.toml", PLAIN.replace("key_file = 'b'\n[psu]", "[psu]")).write("conf.d/1.toml", "[tpp]\naddress = '[::]:1'\n");
    assert_eq!(installation.mistakes(&[("GUICHET_TPP__ADDRESS", "127.0.0.1:1")]), "g.toml:2:1: missing key `tpp.key_file`");
    let internal = installation.mistakes(&[("GUICHET_INTERNAL__ADDRESS", "127.0.0.1:2")]);
    assert!(internal.contains("environment: `GUICHET_INTERNAL__ADDRESS`: missing key `internal.client_ca_file`"), "{internal}");
    installation.write("g.toml", "x = ").write("conf.d/1.toml", "y = ");
    let both = installation.mistakes(&[]);
    assert!(both.lines().count() == 2 && both.contains("g.toml:1:") && both.contains("conf.d/1.toml:1:"), "{both}");
}

#[test]
fn a_variable_is_read_as_toml_and_a_bare_word_as_text() {
    let installation = Installation::new();
    for (name, value, key, shown) in [
        ("GUICHET_LOG__LEVEL", "debug", "log.level", "\"debug\""),
        ("GUICHET_LOG__LEVEL", "'debug'", "log.level", "\"debug\""),
        ("GUICHET_OPS__ADDRESS", "127.0.0.1:1", "ops.address", "\"127.0.0.1:1\""),
        ("GUICHET_OPS__ADDRESS", "\"[::1]:1\"", "ops.address", "\"[::1]:1\""),
        ("GUICHET_TRUST__ACCEPT_SERVER_AUTH_ONLY", "true", "trust.accept_server_auth_only", "true"),
        ("GUICHET_TRUST__NCA_COUNTRIES", "[\"FR\", 'DE']", "trust.nca_countries", "[\"FR\", \"DE\"]"),
        ("GUICHET_TRUST__REVOCATION__GRACE_HOURS", "7", "trust.revocation.grace_hours", "7"),
        ("GUICHET_OUTBOUND__PROXY_URL", "http://proxy:3128", "outbound.proxy_url", "\"http://proxy:3128\""),
    ] {
        assert_eq!(installation.holds(&[(name, value)], key), of(shown, name), "{value}");
    }
    for (name, value, says) in [
        ("GUICHET_OPS__ADDRESS", "[::1]:1", "`GUICHET_OPS__ADDRESS` cannot be read as TOML: "),
        ("GUICHET_OPS__ADDRESS", "", "`GUICHET_OPS__ADDRESS`: `ops.address` must not be empty"),
        ("GUICHET_OPS__ADDRESS", "1", "`ops.address` must be a string, not an integer"),
        ("GUICHET_OPS__ADDRESS", "{ a = 1 }", "`ops.address` must be a string, not a table"),
        ("GUICHET_LIMITS__BODY_SECONDS", "5\n[psu]\nkey_file = 'x'", "`limits.body_seconds` must be an integer, not a string"),
        ("GUICHET_DATABASE__URL", "postgres://u:hush@h/d", "`database.url` holds a password"),
        ("GUICHET_DATABASE__URL", "'hush", "cannot be read as TOML"),
    ] {
        let said = installation.mistakes(&[(name, value)]);
        assert!(said.lines().count() == 1 && said.starts_with("environment: ") && said.contains(says) && !said.contains("hush"), "{said}");
    }
}

#[test]
fn what_no_variable_sets_is_said_and_strangers_are_left_alone() {
    let installation = Installation::new();
    for (name, says) in [
        ("GUICHET_BRAND__ID", "`GUICHET_BRAND__ID`: rows of [[brand]] are out of a variable's reach; write them into a file in conf.d"),
        ("GUICHET_BRAND", "`GUICHET_BRAND`: rows of [[brand]] are out of a variable's reach; write them into a file in conf.d"),
        ("GUICHET_LIMITS", "`GUICHET_LIMITS` is a section; a variable sets one key of it, such as `GUICHET_LIMITS__CONNECTIONS`"),
        ("GUICHET_CONFIGURATION", "unknown variable `GUICHET_CONFIGURATION`; the nearest is `GUICHET_CONFIG`"),
        ("GUICHET_DATABASE_ULR", "unknown variable `GUICHET_DATABASE_ULR`; the nearest is `GUICHET_DATABASE_URL`"),
        ("GUICHET_limits__body_seconds", "unknown variable `GUICHET_limits__body_seconds`; the nearest is `GUICHET_LIMITS__BODY_SECONDS`"),
        ("GUICHET_TPP__PORT_1", "unknown variable `GUICHET_TPP__PORT_1`; the nearest is `GUICHET_TPP__ADDRESS`"),
        ("GUICHET_OPS_ADDRESS", "unknown variable `GUICHET_OPS_ADDRESS`; the nearest is `GUICHET_OPS__ADDRESS`"),
        ("GUICHET_", "unknown variable `GUICHET_`; the nearest is `GUICHET_CONFIG`"),
    ] {
        assert_eq!(installation.mistakes(&[(name, "1")]), format!("environment: {says}"));
    }
    let port = installation.mistakes(&[("GUICHET_TPP_PORT", "8443")]);
    assert!(port.starts_with("environment: unknown variable `GUICHET_TPP_PORT`"), "{port}");
    let links = [
        ("GUICHET_PORT", "tcp://10.0.0.1:8443"),
        ("GUICHET_PORT_8443_TCP", "tcp://10.0.0.1:8443"),
        ("GUICHET_PORT_8443_TCP_PROTO", "tcp"),
        ("GUICHET_INTERNAL_SERVICE_HOST", "10.0.0.1"),
        ("GUICHET_SERVICE_PORT", "8443"),
        ("GUICHET_SERVICE_PORT_HTTPS", "8443"),
        ("GUICHET_CONFIG", "g.toml"),
        ("GUICHET_DATABASE_URL", "postgres:///other"),
        ("OTHER_LIMITS__BODY_SECONDS", "0"),
    ];
    assert_eq!(installation.mistakes(&links), "");
    let not_utf8 =
        Environment::of([("GUICHET_LOG__LEVEL", std::os::unix::ffi::OsStringExt::from_vec(vec![0xff]))] as [(&str, std::ffi::OsString); 1]);
    let refused = load(&installation.0.path().join("g.toml"), &not_utf8).unwrap_err();
    assert_eq!(refused.to_string(), "environment: `GUICHET_LOG__LEVEL` is not UTF-8");
}

#[test]
fn of_the_folder_only_files_that_end_in_toml_are_read() {
    let installation = Installation::new();
    let folder = installation.0.path().join("conf.d");
    for leftover in ["x.toml~", "x.toml.bak", ".x.toml.swp", ".x.toml", "README"] {
        installation.write(&format!("conf.d/{leftover}"), "limits.connections = 'no'");
    }
    symlink("nobody@machine:1", folder.join(".#x.toml")).unwrap();
    // as Kubernetes mounts a ConfigMap
    installation.write("conf.d/..data/x.toml", "limits.body_seconds = 3\n");
    symlink("..data/x.toml", folder.join("x.toml")).unwrap();
    let settings = installation.load(&[]).unwrap();
    assert_eq!(settings.limits.body, Duration::from_secs(3));
    let ignored: Vec<_> = settings.effective.ignored().iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(ignored, [".#x.toml", ".x.toml", ".x.toml.swp", "README", "x.toml.bak", "x.toml~"]);

    symlink("nothing", folder.join("gone.toml")).unwrap();
    fs::create_dir(folder.join("dir.toml")).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("fifo.toml")).status().unwrap().success());
    assert_eq!(
        installation.mistakes(&[]).lines().collect::<Vec<_>>(),
        ["conf.d/dir.toml: is no file", "conf.d/fifo.toml: is no file", "conf.d/gone.toml: cannot be read: entity not found"]
    );
}

#[test]
fn the_folder_is_bounded_in_number_and_size() {
    let installation = Installation::new();
    installation.write("conf.d/long.toml", vec![b'#'; (1 << 20) + 1]);
    assert_eq!(installation.mistakes(&[]), "conf.d/long.toml: is longer than 1048576 bytes");
    for n in 0..17 {
        installation.write(&format!("conf.d/long{n}.toml"), vec![b'#'; 1 << 20]);
    }
    fs::remove_file(installation.0.path().join("conf.d/long.toml")).unwrap();
    let refused = installation.mistakes(&[]);
    assert!(refused.lines().count() == 1 && refused.starts_with("conf.d: holds more than 16777216 bytes"), "{refused}");
    let crowded = Installation::new();
    for n in 0..1_001 {
        crowded.write(&format!("conf.d/{n}.toml"), "");
    }
    assert_eq!(crowded.mistakes(&[]), "conf.d: holds more than 1000 files");
    let file = Installation::new();
    file.write("conf.d", "");
    assert_eq!(file.mistakes(&[]), "conf.d: cannot be read: not a directory");
}

#[test]
fn a_relative_path_starts_at_the_file_that_names_it() {
    let installation = Installation::new();
    installation
        .write("conf.d/tls/own.pem", "")
        .write("own.pem", "")
        .write("conf.d/banks/bank.toml", include_str!("../../../config/banks/cic.toml"));
    installation.write("conf.d/1.toml", "tpp.certificate_file = 'tls/own.pem'\nsigning.key_files = ['tls/own.pem', '../a']\n");
    let brand = SECOND.replace("'labanquepostale'", "'banks/bank.toml'\nid = 'own'");
    installation.write("conf.d/2.toml", brand);
    let variable = ("GUICHET_PSU__CERTIFICATE_FILE", "own.pem");
    let settings = installation.load(&[variable]).unwrap();
    let folder = installation.0.path();
    assert_eq!(settings.tpp.certificate_file, folder.join("conf.d/tls/own.pem"));
    assert_eq!(settings.psu.certificate_file, folder.join("own.pem"));
    assert_eq!(settings.tpp.key_file, folder.join("b"));
    assert_eq!(installation.holds(&[variable], "tpp.certificate_file").0, "\"conf.d/tls/own.pem\"");
    assert_eq!(installation.holds(&[variable], "signing.key_files").0, "[\"conf.d/tls/own.pem\", \"conf.d/../a\"]");
    assert_eq!(installation.holds(&[variable], "brand.own.bank").0, "\"conf.d/banks/bank.toml\"");
    let reading = crate::config::read(&folder.join("g.toml"), &Environment::default());
    assert!(reading.files.contains(&folder.join("conf.d/banks/bank.toml")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_in_any_layer_makes_it_panic(
        main in any::<String>(),
        more in any::<String>(),
        word in "[A-Z_]{0,20}",
        value in "\\PC{0,40}",
        known in 0..reference::of_settings().len(),
    ) {
        let installation = Installation::new();
        installation.write("conf.d/1.toml", &more);
        let name = environment::variable(&reference::of_settings()[known]).unwrap_or_default();
        let unknown = format!("GUICHET_{word}");
        let variables = [(name.as_str(), value.as_str()), (unknown.as_str(), value.as_str())];
        let _ = installation.load(&variables);
        let _ = installation.write("conf.d/1.toml", "").load(&variables);
        let _ = installation.write("g.toml", &main).load(&variables);
    }
}
