//! Identity that survives renewal: an organisation is its organizationIdentifier, whatever certificate it comes with.

use crate::{
    harness::{
        Bank, CIC, Client, Tpp,
        bank::{BRANDS, pki},
        hello::{self, Hello, exchange, status},
        tpp::introspect,
        wire::{Wire, encode},
    },
    register::with,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::{
    clock::Clock,
    dev::qwac::{QwacSpec, Validity},
    oauth::tpp::PspRole,
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;
use time::{Duration, OffsetDateTime};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A QWAC of an organisation that ends in so many days.
pub fn qwac<'a>(bank: &'a Bank, organisation: &str, days: i64) -> Tpp<'a> {
    let now = bank.clock.now();
    let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(days) };
    bank.tpp_with(&QwacSpec::new(organisation, &format!("Société {organisation}"), &PspRole::ALL, validity))
}

/// One connection that stays open, with a QWAC of this organisation.
struct Open<'a> {
    stream: TlsStream<TcpStream>,
    tpp: Tpp<'a>,
}

impl<'a> Open<'a> {
    async fn with(bank: &'a Bank, organisation: &str, days: i64) -> Self {
        let now = bank.clock.now();
        let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(days) };
        let issued = pki().1.qtsp.issue(&QwacSpec::new(organisation, "Société", &PspRole::ALL, validity)).unwrap();
        let wire = Wire::with_certificate(bank, &issued.chain, &issued.key);
        let tpp = Tpp { bank, organisation: organisation.to_owned(), chain: issued.chain.clone(), wire };
        let hello = Hello { identity: Some((issued.chain, issued.key)), ..Hello::default() };
        Self { stream: hello::connect(hello.config(), bank.address, CIC.tpp_host).await.unwrap(), tpp }
    }

    /// On this very connection.
    async fn refresh(&mut self, client: &str, token: &str) -> (u16, Value) {
        let form = encode(&[("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client)]);
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            CIC.channel("web").2,
            CIC.tpp_host,
            form.len()
        );
        let (head, body) = exchange(&mut self.stream, &request).await.unwrap();
        (status(&head), serde_json::from_str(&body).unwrap())
    }
}

/// What the bank's gateway learns of a token that came with this certificate.
pub async fn active_with(bank: &Bank, token: &str, tpp: &Tpp<'_>) -> bool {
    let leaf = STANDARD.encode(&tpp.chain[0]);
    introspect(bank, CIC, &[("token", token), ("certificate", &leaf)]).await.ok(200).json()["active"] == true
}

#[tokio::test]
async fn renewed_mid_session_both_certificates_use_one_client_and_one_grant() {
    let bank = Bank::start().await;
    let mut old = Open::with(&bank, "PSDFR-ACPR-80001", 5).await;
    let client = old.tpp.register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let (status, first) = old.refresh(&client.id, refresh).await;
    assert_eq!(status, 200, "{first}");

    let mut renewed = Open::with(&bank, "PSDFR-ACPR-80001", 365).await;
    let (status, second) = renewed.refresh(&client.id, refresh).await;
    assert_eq!(status, 200, "at once: {second}");
    let (status, third) = old.refresh(&client.id, refresh).await;
    assert_eq!(status, 200, "the old connection goes on: {third}");
    for token in [&first, &second, &third].map(|answer| answer["access_token"].as_str().unwrap()) {
        assert!(active_with(&bank, token, &old.tpp).await && active_with(&bank, token, &renewed.tpp).await);
    }
    let told = introspect(&bank, CIC, &[("token", first["access_token"].as_str().unwrap())]).await.json();
    let other = introspect(&bank, CIC, &[("token", second["access_token"].as_str().unwrap())]).await.json();
    assert_eq!(told["grant_id"], other["grant_id"], "one consent");

    bank.clock.advance(Duration::days(5) + Duration::seconds(1));
    let (status, refused) = old.refresh(&client.id, refresh).await;
    assert_eq!((status, refused["error_description"].as_str()), (401, Some("CERTIFICATE_EXPIRED")));
    let (status, last) = renewed.refresh(&client.id, refresh).await;
    assert_eq!(status, 200, "{last}");
    let last = last["access_token"].as_str().unwrap();
    assert!(active_with(&bank, last, &renewed.tpp).await && !active_with(&bank, last, &old.tpp).await);
}

#[tokio::test]
async fn registered_under_the_old_managed_under_the_new() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let organisation = format!("PSDFR-ACPR-8001{}", brand.id.len());
        let client = qwac(&bank, &organisation, 3).register(brand).await;
        let now = bank.clock.now();
        let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(365) };
        let renewed = client.over(&bank.tpp_with(&QwacSpec::new(&organisation, "Nouveau nom SA", &PspRole::ALL, validity)));
        renewed.tpp.wire.get(client.registration_uri()).await.ok(200);
        if brand.update {
            let body = with(Tpp::metadata(brand), json!({ "client_id": client.id, "client_name": "Renamed" }));
            renewed.manage(Method::PUT, &body).await.ok(200);
            let name: String = sqlx::query_scalar("select legal_name from clients where id = $1::uuid")
                .bind(&client.id)
                .fetch_one(&bank.pool().await)
                .await
                .unwrap();
            assert_eq!(name, "Nouveau nom SA", "an update takes the name of the certificate it came with");
        }
        client.client_credentials().await.ok(200);
        renewed.delete().await.ok(204);
        client.client_credentials().await.refused(401, "invalid_client");
    }
}

struct Seen {
    row: String,
    first: OffsetDateTime,
    last: OffsetDateTime,
}

async fn seen(bank: &Bank, organisation: &str) -> Vec<Seen> {
    let rows = "select xmin::text || ' ' || ctid::text as row, first_seen_at, last_seen_at from certificates where organisation = $1 order by not_after";
    let rows = sqlx::query(rows).bind(organisation).fetch_all(&bank.pool().await).await.unwrap();
    rows.into_iter().map(|row| Seen { row: row.get("row"), first: row.get("first_seen_at"), last: row.get("last_seen_at") }).collect()
}

#[tokio::test]
async fn a_certificate_in_use_is_written_down_once_an_hour() {
    let bank = Bank::start().await;
    let began = bank.clock.now();
    let tpp = qwac(&bank, "PSDFR-ACPR-80021", 90);
    let client = tpp.register(CIC).await;
    let first = seen(&bank, &tpp.organisation).await.remove(0);
    assert_eq!((first.first, first.last), (began, began));
    for minutes in [0, 1, 29, 29] {
        bank.clock.advance(Duration::minutes(minutes));
        for _ in 0..5 {
            client.client_credentials().await.ok(200);
        }
    }
    // a new trust forgets its verdicts, not who was seen
    bank.server().reload().await;
    client.client_credentials().await.ok(200);
    let same = seen(&bank, &tpp.organisation).await.remove(0);
    assert_eq!((same.row, same.last), (first.row.clone(), began), "no write at all within the hour");
    bank.clock.advance(Duration::minutes(1));
    for _ in 0..5 {
        client.client_credentials().await.ok(200);
    }
    let later = seen(&bank, &tpp.organisation).await.remove(0);
    assert_eq!((later.first, later.last), (began, began + Duration::hours(1)));
    assert_ne!(later.row, first.row);
    assert_eq!(seen(&bank, &tpp.organisation).await.len(), 1);
    let renewed = client.over(&qwac(&bank, &tpp.organisation, 400));
    renewed.client_credentials().await.ok(200);
    assert_eq!(seen(&bank, &tpp.organisation).await.len(), 2, "each certificate has its row");
}

/// A row of an older release says nothing but the chain; it is completed when the certificate is met again.
#[tokio::test]
async fn a_row_of_before_is_completed() {
    let bank = Bank::start().await;
    let tpp = qwac(&bank, "PSDFR-ACPR-80031", 90);
    let client: Client<'_> = tpp.register(CIC).await;
    let forget =
        "update certificates set issuer = null, serial = null, not_before = null, not_after = null, legal_name = null, roles = null";
    sqlx::raw_sql(forget).execute(&bank.pool().await).await.unwrap();
    bank.clock.advance(Duration::hours(1));
    client.client_credentials().await.ok(200);
    let row =
        sqlx::query("select issuer, serial, not_after, legal_name, roles from certificates").fetch_one(&bank.pool().await).await.unwrap();
    assert!(row.get::<String, _>("issuer").contains("CN="));
    assert!(row.get::<String, _>("serial").len() >= 2);
    assert_eq!(row.get::<String, _>("legal_name"), "Société PSDFR-ACPR-80031");
    assert_eq!(row.get::<Vec<String>, _>("roles"), ["PSP_AS", "PSP_PI", "PSP_AI", "PSP_IC"]);
    let end = row.get::<OffsetDateTime, _>("not_after");
    assert_eq!((end - bank.clock.now()).whole_hours(), 90 * 24 - 1);
}
