//! curl, an independent client: a journey written out by hand, and the commands that `guichet dev` prints.

use crate::harness::{
    Bank, Brand, LBP, Landing,
    bank::pki,
    command::{ensure_curl, printed, run},
    tpp::{CALLBACK, CHALLENGE, STATE, VERIFIER},
};
use guichet::dev::welcome::Place;
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

/// curl with a cookie jar, that follows nothing by itself.
struct Curl<'a> {
    bank: &'a Bank,
    brand: Brand,
    jar: TempDir,
}

struct Answer {
    status: u16,
    location: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn ok(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What stands between `before` and the next quote.
    fn attribute(&self, before: &str) -> &str {
        self.body.split_once(before).unwrap_or_else(|| panic!("{}", self.body)).1.split('"').next().unwrap()
    }
}

impl Curl<'_> {
    async fn call(&self, url: &str, options: &[&str]) -> Answer {
        let file = |name: &str| pki().1.file(name);
        let mut command = Command::new("curl");
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").args(["-q", "-sS", "--max-time", "30", "--noproxy", "*"]);
        for host in [self.brand.tpp_host, self.brand.psu_host] {
            command.arg("--resolve").arg(format!("{host}:{}:127.0.0.1", self.bank.address.port()));
        }
        let jar = self.jar.path().join("jar");
        command.arg("--cacert").arg(file("server-ca.pem")).arg("-b").arg(&jar).arg("-c").arg(&jar);
        let out = printed(
            &run(
                {
                    command.args(["-w", "\n%{http_code} %{redirect_url}"]).args(options).arg(url);
                    command
                },
                "",
            )
            .await,
        );
        let (body, last) = out.rsplit_once('\n').unwrap();
        let (status, location) = last.split_once(' ').unwrap();
        Answer { status: status.parse().unwrap(), location: location.into(), body: body.into() }
    }

    /// With the test QWAC that has every role.
    async fn machine(&self, path: &str, options: &[&str]) -> Answer {
        let [certificate, key] = ["all.pem", "all.key"].map(|name| pki().1.file(name).display().to_string());
        let options: Vec<_> = ["--cert", &certificate, "--key", &key].into_iter().chain(options.iter().copied()).collect();
        self.call(&format!("{}{path}", self.bank.origin(self.brand.tpp_host)), &options).await
    }
}

#[tokio::test]
async fn curl_takes_a_customer_through() {
    ensure_curl().await;
    let (bank, brand) = (Bank::start().await, LBP);
    let curl = Curl { bank: &bank, brand, jar: tempfile::tempdir().unwrap() };
    let metadata = json!({"redirect_uris": [CALLBACK], "client_name": "curl", "grant_types": ["authorization_code"]}).to_string();
    let client = curl.machine(brand.registration, &["-H", "content-type: application/json", "-d", &metadata]).await.ok(201).json();
    let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());

    let (_, authorize, token) = brand.channel("web");
    let url = format!("{}{authorize}", bank.origin(brand.psu_host));
    let asked = [
        format!("client_id={id}"),
        format!("redirect_uri={CALLBACK}"),
        format!("state={STATE}"),
        format!("code_challenge={CHALLENGE}"),
        "code_challenge_method=S256".into(),
        "response_type=code".into(),
        "scope=aisp".into(),
    ];
    let mut options = vec!["-G"];
    options.extend(asked.iter().flat_map(|pair| ["--data-urlencode", pair]));
    let journey = curl.call(&url, &options).await.ok(303).location;
    for step in [&["customer=approves", "password=sandbox", "decision=sign_in"][..], &["decision=approve"]] {
        let page = curl.call(&journey, &[]).await.ok(200);
        let csrf = format!("csrf={}", page.attribute("name=\"csrf\" value=\""));
        let fields: Vec<_> = step.iter().copied().chain([csrf.as_str()]).flat_map(|pair| ["--data-urlencode", pair]).collect();
        let answer = curl.call(&journey, &fields).await;
        assert!(answer.status == 200 || answer.location == journey, "{} {}", answer.status, answer.location);
    }
    let home = curl.call(&journey, &[]).await.ok(200);
    let home = format!("{}{}", bank.origin(brand.psu_host), home.attribute("content=\"0; url="));
    let landing = Landing::read(&curl.call(&home, &[]).await.ok(303).location);
    assert_eq!(landing.get("state"), STATE);

    let (user, code) = (format!("{id}:{secret}"), format!("code={}", landing.code()));
    let (redirect_uri, verifier) = (format!("redirect_uri={CALLBACK}"), format!("code_verifier={VERIFIER}"));
    let form = ["grant_type=authorization_code", "scope=aisp", &code, &redirect_uri, &verifier];
    let options: Vec<_> = ["-u", &user].into_iter().chain(form.into_iter().flat_map(|pair| ["--data-urlencode", pair])).collect();
    let tokens = curl.machine(token, &options).await.ok(200).json();
    assert_eq!((&tokens["scope"], &tokens["token_type"]), (&"aisp".into(), &"Bearer".into()));
    assert_eq!(curl.machine(token, &options).await.ok(400).json()["error"], "invalid_grant", "a code works once");
}

#[tokio::test]
async fn the_commands_of_the_welcome_work_when_pasted() {
    ensure_curl().await;
    let bank = Bank::start().await;
    let place = Place {
        dir: pki().0.path().into(),
        pki: &pki().1,
        program: "guichet".into(),
        is_default: true,
        internal_port: bank.internal.port(),
        ops_port: bank.ops.port(),
        portal: None,
        sca: None,
    };
    let text = place.welcome(&bank.server().app().brands);
    let mut answers = vec![];
    for line in text.lines().filter(|line| line.starts_with("    curl ")) {
        let mut shell = Command::new("sh");
        shell.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").args(["-c", line]);
        answers.push(serde_json::from_str::<Value>(&printed(&run(shell, "").await)).unwrap_or_else(|error| panic!("{line}: {error}")));
    }
    let has = |n: usize, member: &str| assert!(!answers[n][member].is_null(), "no {member}: {} in\n{text}", answers[n]);
    assert_eq!(answers.len(), 7, "{text}");
    for first in [0, 3] {
        has(first, "token_endpoint");
        has(first + 1, "client_id");
        assert_eq!(answers[first + 2], json!({"active": false}));
    }
    assert_eq!(answers[6]["status"], "ready");
    assert!(text.ends_with("    guichet try all\n"));
}
