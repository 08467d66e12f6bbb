//! Who comes too often is told when to come again, at every endpoint and by everything that it is known by; nobody else notices.

use crate::harness::{
    Bank, BankOptions, Brand, CIC, Client, LBP, Tpp,
    bank::pki,
    hello::{Hello, exchange, status},
    together,
    wire::Wire,
};
use guichet::{
    clock::Clock,
    dev::qwac::{QwacSpec, Validity},
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
};
use http::HeaderMap;
use reqwest::Method;
use serde_json::{Value, json};
use std::{io, net::SocketAddr};
use time::{Duration, ext::NumericalDuration};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

async fn limited(rates: &str) -> Bank {
    let extra = format!("[rate_limits]\nexempt_addresses = []\n{rates}\n");
    Bank::with(BankOptions { extra, ..BankOptions::default() }).await
}

/// Of 127.0.0.`last`, as if it were another machine.
fn from(bank: &Bank, last: u8) -> Wire {
    Wire::from(bank, [127, 0, 0, last].into(), None, HeaderMap::new())
}

/// Metadata of a client of its own: the same again would be a retry.
fn named(brand: Brand, name: &str) -> Value {
    let mut metadata = Tpp::metadata(brand);
    metadata["client_name"] = name.into();
    metadata
}

const HERE: &str = "address_handshakes = \"off\"\naddress_pages = \"off\"\naddress_authorize = \"off\"";

#[tokio::test]
async fn an_organisation_that_comes_too_often_is_told_when_to_come_again() {
    let options = BankOptions {
        extra: "[rate_limits]\norganisation_token = \"1/min burst 3\"\n".into(),
        one_brand_extra: Some((LBP, "[brand.rate_limits]\norganisation_token = \"1/h burst 1\"\n".into())),
        ..BankOptions::default()
    };
    let bank = Bank::with(options).await;
    let (hasty, other) = (bank.tpp([PaymentInitiation]), bank.tpp([PaymentInitiation]).register(CIC).await);
    let (one, another) = (hasty.register(CIC).await, hasty.register_as(CIC, &named(CIC, "another")).await);
    for client in [&one, &another, &one] {
        client.client_credentials().await.ok(200);
    }
    let told = another.client_credentials().await.refused(429, "temporarily_unavailable");
    assert_eq!(told.description(), "too many requests of this organisation: wait as Retry-After says");
    assert_eq!(told.header("retry-after"), "60");
    other.client_credentials().await.ok(200);
    // with another of its certificates it is the same one
    let renewed = bank.tpp_named(&hasty.organisation, [PaymentInitiation]);
    one.over(&renewed).client_credentials().await.refused(429, "temporarily_unavailable");
    bank.clock.advance(59.seconds());
    assert_eq!(one.client_credentials().await.refused(429, "temporarily_unavailable").header("retry-after"), "1");
    bank.clock.advance(1.seconds());
    one.client_credentials().await.ok(200);
    one.client_credentials().await.refused(429, "temporarily_unavailable");

    // a brand's buckets are its own, and its rates
    let there = hasty.register(LBP).await;
    there.client_credentials().await.ok(200);
    assert_eq!(there.client_credentials().await.refused(429, "temporarily_unavailable").header("retry-after"), "3600");
}

#[tokio::test]
async fn each_machine_endpoint_has_its_own_bucket() {
    let rates = ["registration", "token", "revocation", "certificate"].map(|name| format!("organisation_{name} = \"1/h burst 2\"\n"));
    let bank = limited(&format!("{HERE}\n{}", rates.concat())).await;
    let tpp = bank.tpp([PaymentInitiation]);
    let client = tpp.register(CIC).await;
    let certificate = format!("{}/cic/certificate", bank.origin(CIC.tpp_host));
    client.manage(Method::GET, &json!(null)).await.ok(200);
    for _ in 0..2 {
        client.client_credentials().await.ok(200);
        client.revoke("nobody knows it").await.ok(200);
        tpp.wire.get(&certificate).await.ok(200);
    }
    for refused in [
        client.manage(Method::GET, &json!(null)).await,
        client.delete().await,
        tpp.try_register(CIC, &Tpp::metadata(CIC)).await,
        client.client_credentials().await,
        client.revoke("nobody knows it").await,
        tpp.wire.get(&certificate).await,
    ] {
        let refused = refused.refused(429, "temporarily_unavailable");
        assert_eq!((refused.header("retry-after"), refused.header("content-type")), ("3600", "application/json"));
    }
    // nothing of what was turned away has happened
    bank.clock.advance(Duration::HOUR);
    client.client_credentials().await.ok(200);
    assert_eq!(bank.audited_kind("client_deleted").await, 0);
}

#[tokio::test]
async fn one_client_leaves_its_organisations_others_alone_and_wrong_secrets_those_that_are_right() {
    let bank = limited(&format!("{HERE}\nclient_token = \"1/h burst 2\"\norganisation_refused = \"1/min burst 2\"")).await;
    let tpp = bank.tpp([PaymentInitiation]);
    let (hasty, calm) = (tpp.register_as(LBP, &named(LBP, "hasty")).await, tpp.register_as(LBP, &named(LBP, "calm")).await);
    hasty.client_credentials().await.ok(200);
    hasty.revoke("nobody knows it").await.ok(200);
    let told = hasty.client_credentials().await.refused(429, "temporarily_unavailable");
    assert_eq!(told.description(), "too many requests of this client: wait as Retry-After says");
    calm.client_credentials().await.ok(200);

    let wrong = Client { secret: Some("gucs_wrong".into()), ..calm.clone() };
    for _ in 0..2 {
        wrong.client_credentials().await.refused(401, "invalid_client");
    }
    for _ in 0..3 {
        let told = wrong.client_credentials().await.refused(429, "temporarily_unavailable");
        assert_eq!((told.description().contains("failed client authentications"), told.header("retry-after")), (true, "60"));
    }
    calm.client_credentials().await.ok(200);
    assert_eq!(bank.audited_kind("client_refused").await, 2, "no more events than the rate lets through");
}

#[tokio::test]
async fn whoever_has_no_certificate_that_counts_is_counted_by_address() {
    let bank = limited("address_handshakes = \"off\"\naddress_refused = \"1/h burst 3\"\naudit_refused = \"1/h burst 2\"").await;
    let client = bank.tpp([PaymentInitiation]).register(CIC).await;
    let token = client.url(CIC.channel("web").2);
    let good = bank.tpp_named("PSDFR-ACPR-77001", [PaymentInitiation]);
    good.register(CIC).await;
    // a stranger has as many certificates as he likes
    let now = Clock::now(&*bank.clock);
    let strangers: Vec<_> = (0..3)
        .map(|n| {
            let validity = Validity { not_before: now - Duration::days(9), not_after: now - Duration::days(1 + n) };
            bank.tpp_with(&QwacSpec::new(&format!("PSDFR-ACPR-{}", 66_000 + n), "Stranger", &[PaymentInitiation], validity))
        })
        .collect();
    for stranger in &strangers {
        stranger.wire.form(&token, &[], &[]).await.refused(401, "invalid_client");
    }
    assert_eq!(bank.audited_kind("certificate_refused").await, 2, "what is beyond the trail's use is counted, not kept");
    let told = strangers[0].wire.form(&token, &[], &[]).await.refused(429, "temporarily_unavailable");
    assert_eq!(told.header("retry-after"), "3600");
    bank.browser().form(&token, &[], &[]).await.refused(429, "temporarily_unavailable");
    // nobody is judged for the first time from there, but who was accepted before goes on, also when that was long ago
    bank.tpp([PaymentInitiation]).try_register(CIC, &Tpp::metadata(CIC)).await.refused(429, "temporarily_unavailable");
    client.client_credentials().await.ok(200);
    bank.clock.advance(15.minutes());
    client.client_credentials().await.ok(200);
    // elsewhere nothing is known of it
    from(&bank, 2).form(&token, &[], &[]).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn a_browsers_address_is_counted_and_its_page_says_so_in_every_language() {
    let rates = "address_handshakes = \"off\"\naddress_pages = \"1/min burst 2\"\naddress_authorize = \"1/min burst 1\"\naddress_certificate = \"1/h burst 1\"";
    let bank = limited(rates).await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let (wire, origin) = (from(&bank, 2), bank.origin(CIC.psu_host));
    let metadata = format!("{origin}/.well-known/oauth-authorization-server");
    for _ in 0..2 {
        wire.get(&metadata).await.ok(200);
    }
    let told = wire.get(&metadata).await.refused(429, "temporarily_unavailable");
    assert_eq!(
        (told.description().as_str(), told.header("retry-after")),
        ("too many requests of this address: wait as Retry-After says", "60")
    );
    let developers = format!("{origin}/cic/developers");
    for (language, title) in
        [("fr", "Trop de demandes"), ("de", "Zu viele Anfragen"), ("es", "Demasiadas solicitudes"), ("en", "Too many requests")]
    {
        let page = wire.send(Method::GET, &developers, &[("accept-language", language)], "").await.ok(429);
        assert!(page.body.contains(title) && page.header("content-language") == language, "{page:?}");
        assert_eq!((page.header("retry-after"), page.header("cache-control")), ("60", "no-store"));
    }
    // authorization has its own, and its path says the language
    let url = client.authorize_url("web", "aisp", &[]);
    assert_eq!(wire.get(&url).await.status, 303);
    assert!(wire.get(&url).await.ok(429).body.contains("Trop de demandes"));
    let check = format!("{origin}/cic/de/certificate");
    assert_ne!(wire.send(Method::POST, &check, &[], "").await.status, 429);
    assert!(wire.send(Method::POST, &check, &[], "").await.ok(429).body.contains("Zu viele Anfragen"));
    let short = format!("{origin}/de/certificate");
    wire.send(Method::POST, &short, &[], "").await.ok(429);
    // others are others
    assert_eq!(from(&bank, 3).get(&url).await.status, 303);
    bank.clock.advance(1.minutes());
    assert_eq!(wire.get(&url).await.status, 303);
}

#[tokio::test]
async fn an_exempt_address_stands_for_many() {
    let extra =
        "[rate_limits]\nexempt_addresses = [\"127.0.0.2\"]\naddress_pages = \"1/h burst 1\"\naddress_handshakes = \"1/h burst 2\"\n";
    let bank = Bank::with(BankOptions { extra: extra.into(), ..BankOptions::default() }).await;
    let metadata = format!("{}/.well-known/oauth-authorization-server", bank.origin(CIC.psu_host));
    for _ in 0..5 {
        from(&bank, 2).get(&metadata).await.ok(200);
    }
    let one = from(&bank, 3);
    one.get(&metadata).await.ok(200);
    one.get(&metadata).await.ok(429);
}

#[tokio::test]
async fn the_banks_own_systems_have_a_generous_bound_each() {
    let bank = limited(&format!("{HERE}\ninternal = \"1/h burst 3\"")).await;
    let client = bank.tpp([PaymentInitiation]).register(CIC).await;
    for _ in 0..3 {
        client.introspect("nobody knows it").await;
    }
    let url = format!("https://localhost:{}/brands/cic/introspect", bank.internal.port());
    let told = bank.gateway().form(&url, &[], &[("token", "x")]).await.refused(429, "temporarily_unavailable");
    assert_eq!(told.description(), "too many requests of this system: wait as Retry-After says");
}

/// A connection from an address of this machine, after these words.
async fn connect(bank: &Bank, from: [u8; 4], brand: Brand, said: &[u8]) -> io::Result<TlsStream<TcpStream>> {
    use tokio::io::AsyncWriteExt;
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut tcp = socket.connect(bank.address).await?;
    tcp.write_all(said).await?;
    TlsConnector::from(Hello::default().config()).connect(brand.psu_host.try_into().unwrap(), tcp).await
}

#[tokio::test]
async fn an_address_that_connects_too_often_gets_no_handshake() {
    let bank = limited("address_handshakes = \"1/min burst 3\"").await;
    for _ in 0..3 {
        connect(&bank, [127, 0, 0, 2], CIC, b"").await.unwrap();
    }
    assert!(connect(&bank, [127, 0, 0, 2], CIC, b"").await.is_err());
    connect(&bank, [127, 0, 0, 3], CIC, b"").await.unwrap();
    bank.clock.advance(1.minutes());
    connect(&bank, [127, 0, 0, 2], CIC, b"").await.unwrap();
}

#[tokio::test]
async fn an_address_holds_no_more_than_its_share_of_the_connections() {
    let extra = "[rate_limits]\nexempt_addresses = []\n[limits]\nconnections = 8\nhandshakes = 8\n";
    let bank = Bank::with(BankOptions { extra: extra.into(), ..BankOptions::default() }).await;
    let mut held = vec![];
    for _ in 0..4 {
        held.push(connect(&bank, [127, 0, 0, 2], CIC, b"").await.unwrap());
    }
    assert!(connect(&bank, [127, 0, 0, 2], CIC, b"").await.is_err(), "it has half of them");
    let mut newcomer = connect(&bank, [127, 0, 0, 3], CIC, b"").await.unwrap();
    let asked = format!("GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: {}\r\n\r\n", CIC.psu_host);
    assert_eq!(status(&exchange(&mut newcomer, &asked).await.unwrap().0), 200);
}

#[tokio::test]
async fn behind_a_balancer_the_announced_address_counts_and_of_ipv6_the_64() {
    let options = BankOptions {
        extra: "[rate_limits]\nexempt_addresses = []\naddress_pages = \"1/h burst 1\"\n".into(),
        listener_extra: "proxy_protocol_from = [\"127.0.0.2\"]".into(),
        ..BankOptions::default()
    };
    let bank = Bank::with(options).await;
    let v4 = |last: u8| [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[203, 0, 113, last, 10, 0, 0, 1, 0x80, 0, 1, 187]].concat();
    let v6 = |subnet: u8, last: u8| {
        let mut rest = [0; 36];
        rest[..8].copy_from_slice(&[0x20, 1, 0x0d, 0xb8, 0, 0, 0, subnet]);
        rest[15] = last;
        [&b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"[..], &rest].concat()
    };
    let asked = format!("GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: {}\r\n\r\n", CIC.psu_host);
    for (who, expected) in [(v4(7), 200), (v4(7), 429), (v4(8), 200), (v6(1, 1), 200), (v6(1, 2), 429), (v6(2, 1), 200)] {
        let mut stream = connect(&bank, [127, 0, 0, 2], CIC, &who).await.unwrap();
        let head = exchange(&mut stream, &asked).await.unwrap().0;
        assert_eq!(status(&head), expected, "{who:?} {head}");
    }
}

#[tokio::test]
async fn requests_at_once_are_bounded_for_each_organisation() {
    use tokio::io::AsyncWriteExt;
    let bank = Bank::with(BankOptions { extra: "[limits]\nrequests_in_flight_of_one = 4\n".into(), ..BankOptions::default() }).await;
    let (slow, honest) = (bank.tpp([PaymentInitiation]), bank.tpp([PaymentInitiation]).register(CIC).await);
    let client = slow.register(CIC).await;
    let issued = pki()
        .1
        .qtsp
        .issue(&QwacSpec::new(
            &slow.organisation,
            "Slow",
            &[PaymentInitiation],
            Validity {
                not_before: Clock::now(&*bank.clock) - Duration::days(1),
                not_after: Clock::now(&*bank.clock) + Duration::days(365),
            },
        ))
        .unwrap();
    let hello = || Hello { identity: Some((issued.chain.clone(), issued.key.clone_key())), ..Hello::default() };
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\nx",
        CIC.channel("web").2,
        CIC.tpp_host
    );
    let hold = |_: usize| {
        let (hello, head, address) = (hello(), head.clone(), bank.address);
        async move {
            let mut stream = hello.connect(address, CIC.tpp_host).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            stream
        }
    };
    // four are enough; on a machine that is busy it takes a while until they are under way, and one may have been given up since
    let (mut held, mut told) = (together((0..4).map(&hold)).await, client.client_credentials().await);
    while told.status == 200 && held.len() < 40 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        held.push(hold(0).await);
        told = client.client_credentials().await;
    }
    let told = told.refused(429, "temporarily_unavailable");
    assert_eq!(
        (told.description().as_str(), told.header("retry-after")),
        ("too many requests at the same time: wait for the answers of others", "1")
    );
    honest.client_credentials().await.ok(200);
    drop(held);
    for _ in 0..500 {
        if client.client_credentials().await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the places of those that left are not free");
}
