//! `[[brand.app]]`.

use super::*;

const PRINT: &str = "FA:C6:17:45:DC:09:03:78:6F:B9:ED:E6:2A:96:2B:39:9F:73:48:F0:BB:6F:89:9B:83:32:66:75:91:03:3B:9C";

/// `PLAIN` for the bank with apps, then these lines from line 18 on.
pub(super) fn with_apps(lines: &str) -> String {
    with_line(13, "bank = 'labanquepostale'") + "[[brand.app]]\n" + lines
}

#[test]
fn an_app_is_a_row_of_the_installation() {
    let settings = read(&with_apps(&format!(
        "channel = 'pmo'\nopen_url = 'com.bank.app:/authorize'\nios_app_ids = ['ABCDE12345.com.bank.app-2']\n\
         android_apps = [{{ package = 'com.bank.app_2', fingerprints = ['{PRINT}'] }}]\n"
    )));
    let brand = &settings.unwrap().brands[0];
    let segment = |name| brand.channel(name).and_then(|channel| channel.app.clone());
    let app = segment("pmo").unwrap();
    assert_eq!((app.open_url.as_deref(), app.ios_app_ids), (Some("com.bank.app:/authorize"), vec!["ABCDE12345.com.bank.app-2".to_owned()]));
    assert_eq!(
        (app.android_apps[0].package.as_str(), app.android_apps[0].fingerprints.as_slice()),
        ("com.bank.app_2", &[PRINT.to_owned()][..])
    );
    let without = segment("pph").unwrap();
    assert!(without.open_url.is_none() && without.ios_app_ids.is_empty() && without.android_apps.is_empty());
    assert!(segment("web").is_none());
}

#[test]
fn every_mistake_in_an_apps_row_is_told_with_its_line() {
    let url = "`brand.app.open_url` must be an https URL or one of the app's own scheme, such as com.bank.app://authorize, without query or fragment";
    let package = "`brand.app.android_apps.package` must be a package name such as com.bank.app";
    let print =
        "`brand.app.android_apps.fingerprints` holds SHA-256 fingerprints only: 32 pairs of capital hexadecimal digits with `:` between";
    for (lines, messages) in [
        (
            "channel = 'pphh'\nopen_url = 'https://x.example'",
            vec!["19:11: `brand.app.channel`: the bank has no channel `pphh`; did you mean `pph`?".to_owned()],
        ),
        (
            "channel = 'web'\nopen_url = 'https://x.example'",
            vec!["19:11: `brand.app.channel`: `web` is no app's (`app = true` in the bank's file)".into()],
        ),
        ("channel = 'pph'", vec!["18:1: `brand.app` needs one of `open_url`, `ios_app_ids`, `android_apps`".into()]),
        ("open_url = 'https://x.example'", vec!["18:1: missing key `brand.app.channel`".into()]),
        ("channel = 'pph'\nopen_url = 'javascript://x'", vec![format!("20:12: {url}")]),
        ("channel = 'pph'\nopen_url = 'https://x.example/a?b'", vec![format!("20:12: {url}")]),
        ("channel = 'pph'\nopen_url = 'http://x.example'", vec![format!("20:12: {url}")]),
        (
            "channel = 'pph'\nopen_url = 'https://auth.cic.example/x'",
            vec!["20:12: `brand.app.open_url` is on `psu_host` itself: there a phone stays in the browser".into()],
        ),
        (
            "channel = 'pph'\nios_app_ids = ['ABCDE12345.*', 'com.bank.app']",
            vec![
                "20:16: `brand.app.ios_app_ids` holds `ABCDE12345.*`, which is no app id such as ABCDE12345.com.bank.app".into(),
                "20:32: `brand.app.ios_app_ids` holds `com.bank.app`, which is no app id such as ABCDE12345.com.bank.app".into(),
            ],
        ),
        (
            "channel = 'pph'\nandroid_apps = [{ package = 'bank', fingerprints = ['FA:C6'] }]",
            vec![
                format!("20:29: {package}"),
                "20:52: `brand.app.android_apps.fingerprints` needs at least one".into(),
                format!("20:53: {print}"),
            ],
        ),
        (
            "channel = 'pph'\nandroid_apps = [{ package = 'com.bank', fingerprints = [] }]",
            vec!["20:56: `brand.app.android_apps.fingerprints` needs at least one".into()],
        ),
        (
            "channel = 'pph'\nopen_url = 'https://x.example'\n[[brand.app]]\nchannel = 'pph'\nopen_url = 'https://x.example'\nname = 'x'",
            vec![
                "22:11: `brand.app`: channel `pph` is there twice".into(),
                "24:1: unknown key `brand.app.name`; known here: channel, open_url, ios_app_ids, android_apps".into(),
            ],
        ),
    ] {
        let found = mistakes(&with_apps(lines));
        let expected: Vec<_> = messages.iter().map(|message| format!("g.toml:{message}")).collect();
        assert_eq!(found, expected, "{lines}");
    }
}
