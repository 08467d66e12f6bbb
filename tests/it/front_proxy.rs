//! The bank's balancer ends TLS for TPPs and hands their certificates over in a header: whose header counts, and what it then is worth.
//!
//! The balancer comes from 127.0.0.2, everybody else from other addresses of the loopback network.

use crate::harness::{
    Bank, BankOptions, CIC, LBP, Tpp,
    bank::pki,
    hello::{Hello, exchange, status},
    wire::{Identity, Wire},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::{
    dev::qwac::{Ca, Issued, Validity},
    oauth::tpp::PspRole,
    pki::forwarded::Format,
    tls::files::load_certificates,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use rustls::pki_types::CertificateDer;
use std::{fs, net::IpAddr};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

pub const BALANCER: &str = "lb.bank.example";
pub const LISTED: [u8; 4] = [127, 0, 0, 2];
const UNLISTED: [u8; 4] = [127, 0, 0, 1];

/// The balancer's certificate is judged by the machine's clock, as the handshake it came in.
#[expect(clippy::disallowed_methods, reason = "the TLS library's own clock decides here")]
pub fn today() -> Validity {
    let now = OffsetDateTime::now_utc();
    Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(30) }
}

/// The authority of the balancer's certificate.
pub struct Balancer {
    folder: TempDir,
    pub ca: Ca,
}

impl Balancer {
    pub fn new() -> Self {
        let balancer = Self { folder: tempfile::tempdir().unwrap(), ca: Ca::root("Balancers", today()).unwrap() };
        balancer.believe(&balancer.ca);
        balancer
    }

    /// Writes the authority that the settings name.
    fn believe(&self, ca: &Ca) {
        fs::write(self.folder.path().join("ca.pem"), pem(ca.certificate())).unwrap();
    }

    pub fn settings(&self, format: Format, more: &str) -> String {
        let (file, format) = (self.folder.path().join("ca.pem"), format.name());
        format!(
            "[tpp.front_proxy]\npeers = ['127.0.0.2']\nclient_ca_file = {:?}\nclient_names = ['other.bank.example', '{BALANCER}']\nformat = '{format}'\n{more}\n",
            file.display().to_string()
        )
    }

    pub fn certificate(&self) -> Issued {
        self.ca.issue_machine(&[BALANCER], today()).unwrap()
    }

    async fn bank(&self, format: Format, more: &str) -> Bank {
        Bank::with(BankOptions { extra: self.settings(format, more), ..BankOptions::default() }).await
    }

    /// The balancer's connection, whatever TPP is behind it.
    fn wire(&self, bank: &Bank) -> Wire {
        wire(bank, LISTED, Some(&self.certificate()), &[])
    }
}

fn wire(bank: &Bank, from: [u8; 4], certificate: Option<&Issued>, headers: &[(&str, &str)]) -> Wire {
    let identity: Identity<'_> = certificate.map(|issued| (&issued.chain[..], &issued.key));
    let parsed = headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap()));
    Wire::from(bank, IpAddr::from(from), identity, parsed.collect::<HeaderMap>())
}

fn pem(der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

/// What a product of this format makes of a client's chain.
fn headers(format: Format, chain: &[CertificateDer<'_>]) -> Vec<(&'static str, String)> {
    let escaped = |text: String| text.replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let all: String = chain.iter().map(|one| pem(one)).collect();
    let sf = |der: &CertificateDer<'_>| format!(":{}:", STANDARD.encode(der));
    let (leaf, rest) = chain.split_first().unwrap();
    let value = match format {
        Format::Rfc9440 => sf(leaf),
        Format::Nginx | Format::AzureApplicationGateway => escaped(pem(leaf)),
        Format::HaProxy | Format::AzureAppService => STANDARD.encode(leaf),
        Format::Envoy => format!("Hash=00;Cert=\"{}\";Chain=\"{}\";Subject=\"/CN=a, b\"", escaped(pem(leaf)), escaped(all)),
        Format::BigIp => pem(leaf).replace('\n', ""),
        Format::AwsAlb => all.replace('\n', "%0A").replace(' ', "%20"),
    };
    let others = format.chain_header().filter(|_| !rest.is_empty()).map(|name| match format {
        Format::Rfc9440 => (name, rest.iter().map(sf).collect::<Vec<_>>().join(", ")),
        _ => (name, STANDARD.encode(concatenated(rest))),
    });
    [(format.header(), value)].into_iter().chain(others).collect()
}

fn concatenated(chain: &[CertificateDer<'_>]) -> Vec<u8> {
    chain.iter().flat_map(|one| one.to_vec()).collect()
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Of this thread, which server and clients of a test share.
fn metrics() -> (PrometheusHandle, impl Drop) {
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    (recorder.handle(), metrics::set_default_local_recorder(recorder))
}

fn ignored(metrics: &PrometheusHandle, peer: &str) -> u64 {
    let line = format!("guichet_forwarded_certificates_ignored_total{{peer=\"{peer}\"}} ");
    metrics.render().lines().find_map(|l| l.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
}

/// A registered client of a TPP that comes by itself, to ask about.
async fn registered(bank: &Bank) -> (Tpp<'_>, String) {
    let tpp = bank.tpp(PspRole::ALL);
    let uri = tpp.register(CIC).await.registration_uri().to_owned();
    (tpp, uri)
}

#[tokio::test]
async fn a47_behind_each_product_a_tpp_registers_and_gets_tokens() {
    let balancer = Balancer::new();
    for format in Format::ALL {
        let bank = balancer.bank(format, "").await;
        for brand in [CIC, LBP] {
            let direct = bank.tpp(PspRole::ALL);
            let handed = headers(format, &direct.chain);
            let tpp = Tpp { wire: wire(&bank, LISTED, Some(&balancer.certificate()), &borrowed(&handed)), ..direct.clone() };
            let client = tpp.register(brand).await;
            let tokens = client.tokens("web", "aisp").await;
            assert!(client.is_active(tokens["access_token"].as_str().unwrap()).await, "{format:?}");
            client.client_credentials().await.ok(200);
            // the TPP itself, on a connection of its own, is the same organisation
            client.over(&direct).client_credentials().await.ok(200);
        }
    }
}

#[tokio::test]
async fn another_header_may_be_agreed() {
    let balancer = Balancer::new();
    let bank = balancer.bank(Format::HaProxy, "header = 'X-Qwac'\nchain_header = 'x-qwac-chain'").await;
    let (tpp, uri) = registered(&bank).await;
    let (leaf, rest) = (STANDARD.encode(&tpp.chain[0]), STANDARD.encode(concatenated(&tpp.chain[1..])));
    let proxy = balancer.wire(&bank);
    proxy.send(Method::GET, &uri, &[("x-qwac", &leaf), ("x-qwac-chain", &rest)], "").await.ok(200);
    proxy.send(Method::GET, &uri, &[("x-ssl-client-cert", &leaf)], "").await.refused(401, "invalid_client");
}

/// Who comes, with which certificate, and what is said to a good header of somebody else's.
#[tokio::test]
async fn a47_from_all_others_the_header_is_removed_and_counted() {
    let (metrics, _guard) = metrics();
    let balancer = Balancer::new();
    let bank = balancer.bank(Format::Rfc9440, "").await;
    let (tpp, uri) = registered(&bank).await;
    let handed = headers(Format::Rfc9440, &tpp.chain);
    let (strangers, good) = (Ca::root("Strangers", today()).unwrap(), balancer.certificate());
    let machine = |ca: &Ca, name: &str, validity| ca.issue_machine(&[name], validity).unwrap();
    let ended = Validity { not_after: today().not_before + Duration::hours(1), ..today() };
    let (missing, own) = ("CERTIFICATE_MISSING", "ORGANISATION_ID_MISSING");
    for (what, from, certificate, peer, says) in [
        ("an unlisted address", UNLISTED, Some(&good), "direct", own),
        ("an unlisted address, no certificate", UNLISTED, None, "direct", missing),
        ("no certificate", LISTED, None, "unproved", missing),
        ("another authority", LISTED, Some(&machine(&strangers, BALANCER, today())), "unproved", own),
        ("another name", LISTED, Some(&machine(&balancer.ca, "web.bank.example", today())), "unproved", own),
        ("a wildcard", LISTED, Some(&machine(&balancer.ca, "*.bank.example", today())), "unproved", own),
        ("a name in the subject alone", LISTED, Some(&balancer.ca.issue_client(BALANCER, today()).unwrap()), "unproved", own),
        ("ended", LISTED, Some(&machine(&balancer.ca, BALANCER, ended)), "unproved", own),
        ("a server's", LISTED, Some(&balancer.ca.issue_server(&[BALANCER], today()).unwrap()), "unproved", own),
    ] {
        let before = ignored(&metrics, peer);
        let wire = wire(&bank, from, certificate, &borrowed(&handed));
        let reply = wire.get(&uri).await.refused(401, "invalid_client");
        assert!(reply.description().contains(says), "{what}: {reply:?}");
        assert_eq!(ignored(&metrics, peer), before + 1, "{what}");
    }
    let before = ignored(&metrics, "front_proxy");
    let proxy = balancer.wire(&bank);
    proxy.send(Method::GET, &uri, &borrowed(&handed), "").await.ok(200);
    assert_eq!(ignored(&metrics, "front_proxy"), before, "this one counts");
    let other = headers(Format::AwsAlb, &tpp.chain);
    let reply = proxy.send(Method::GET, &uri, &borrowed(&other), "").await.refused(401, "invalid_client");
    assert!(reply.description().starts_with(missing), "a header that was not agreed: {reply:?}");
    assert_eq!(ignored(&metrics, "front_proxy"), before + 1);
}

#[tokio::test]
async fn on_a_connection_of_its_own_a_tpp_is_who_it_proved_to_be() {
    let balancer = Balancer::new();
    let bank = balancer.bank(Format::Rfc9440, "").await;
    let ((one, of_one), (two, of_two)) = (registered(&bank).await, registered(&bank).await);
    let handed = headers(Format::Rfc9440, &two.chain);
    one.wire.send(Method::GET, &of_one, &borrowed(&handed), "").await.ok(200);
    one.wire.send(Method::GET, &of_two, &borrowed(&handed), "").await.refused(401, "invalid_token");
}

#[tokio::test]
async fn on_one_connection_of_the_balancer_each_request_is_its_own_tpps() {
    let balancer = Balancer::new();
    let bank = balancer.bank(Format::Envoy, "").await;
    let ((one, of_one), (two, of_two)) = (registered(&bank).await, registered(&bank).await);
    let (one, two) = (headers(Format::Envoy, &one.chain), headers(Format::Envoy, &two.chain));
    let proxy = balancer.wire(&bank);
    for _ in 0..3 {
        for (handed, own, others) in [(&one, &of_one, &of_two), (&two, &of_two, &of_one)] {
            proxy.send(Method::GET, own, &borrowed(handed), "").await.ok(200);
            proxy.send(Method::GET, others, &borrowed(handed), "").await.refused(401, "invalid_token");
            let reply = proxy.get(own).await.refused(401, "invalid_client");
            assert!(reply.description().starts_with("CERTIFICATE_MISSING"), "never the balancer's own, nor the last request's: {reply:?}");
        }
    }
}

#[tokio::test]
async fn what_the_balancer_garbles_is_400_with_a_reason_of_its_own() {
    let (metrics, _guard) = metrics();
    let balancer = Balancer::new();
    let bank = balancer.bank(Format::Rfc9440, "").await;
    let (tpp, uri) = registered(&bank).await;
    let (leaf, plain) = (format!(":{}:", STANDARD.encode(&tpp.chain[0])), STANDARD.encode(&tpp.chain[0]));
    let many = [leaf.as_str(); 9].join(",");
    let large = format!(":{}:", STANDARD.encode([&[0x30, 0x82, 0x41, 0][..], &[0; 0x4100]].concat()));
    let proxy = balancer.wire(&bank);
    let (name, chain) = ("client-cert", "client-cert-chain");
    for (headers, says) in [
        (vec![(name, leaf.as_str()), (name, &leaf)], "sent more than once"),
        (vec![(name, &leaf), (chain, &leaf), (chain, &leaf)], "sent more than once"),
        (vec![(name, "")], "the header is empty"),
        (vec![(name, &plain)], "not in the encoding that is agreed"),
        (vec![(name, ":AAAA:")], "not DER"),
        (vec![(name, &large)], "too large"),
        (vec![(name, &leaf), (chain, &many)], "too many certificates"),
        (vec![(chain, &leaf)], "a chain without it"),
    ] {
        let reply = proxy.send(Method::GET, &uri, &headers, "").await.refused(400, "invalid_request");
        assert_eq!(reply.description(), format!("forwarded certificate: {says}"));
    }
    assert!(metrics.render().contains("guichet_forwarded_certificates_refused_total{reason=\"repeated\"} 2"), "{}", metrics.render());
    proxy.send(Method::GET, &uri, &[(name, &leaf)], "").await.ok(200);
}

#[tokio::test]
async fn a_certificate_in_a_header_is_judged_as_on_a_connection() {
    let balancer = Balancer::new();
    let bank = balancer.bank(Format::Nginx, "").await;
    let (_, uri) = registered(&bank).await;
    let proxy = balancer.wire(&bank);
    for (file, code) in [("expired", "CERTIFICATE_EXPIRED"), ("revoked", "CERTIFICATE_REVOKED"), ("untrusted", ""), ("qsealc", "")] {
        let direct = Wire::with_file(&bank, file).get(&uri).await.refused(401, "invalid_client");
        let chain = load_certificates(&pki().1.file(&format!("{file}.pem"))).unwrap();
        let handed = headers(Format::Nginx, &chain);
        let reply = proxy.send(Method::GET, &uri, &borrowed(&handed), "").await.refused(401, "invalid_client");
        assert_eq!(reply.description(), direct.description(), "{file}");
        assert!(reply.description().contains(code), "{reply:?}");
    }
    let garbage = [("x-ssl-client-cert", pem(&[0x30, 0]).replace('\n', "%0A"))];
    let reply = proxy.send(Method::GET, &uri, &borrowed(&garbage), "").await.refused(401, "invalid_client");
    assert!(reply.description().starts_with("CERTIFICATE_"), "DER, and no certificate: {reply:?}");
    // the balancer's own certificate in the header is no QWAC either
    let own = headers(Format::Nginx, &balancer.certificate().chain);
    proxy.send(Method::GET, &uri, &borrowed(&own), "").await.refused(401, "invalid_client");
}

#[tokio::test]
async fn at_the_other_counters_nobody_is_a_front_proxy() {
    let (metrics, _guard) = metrics();
    let balancer = Balancer::new();
    let bank = balancer.bank(Format::Rfc9440, "").await;
    let (tpp, _) = registered(&bank).await;
    let handed = headers(Format::Rfc9440, &tpp.chain);
    let metadata = format!("{}/.well-known/oauth-authorization-server", bank.origin(CIC.psu_host));
    balancer.wire(&bank).send(Method::GET, &metadata, &borrowed(&handed), "").await.ok(200);
    assert_eq!(ignored(&metrics, "direct"), 1, "psu");
    let url = format!("https://localhost:{}/brands/cic/introspect", bank.internal.port());
    let (mut certificate, mut forged) = (borrowed(&handed), vec![("content-type", "application/x-www-form-urlencoded")]);
    forged.append(&mut certificate);
    bank.gateway().send(Method::POST, &url, &forged, "token=x").await.ok(200);
    assert_eq!(ignored(&metrics, "direct"), 2, "internal");
    let ops = format!("http://{}/livez", bank.ops);
    bank.browser().send(Method::GET, &ops, &borrowed(&handed), "").await.ok(200);
    assert_eq!(ignored(&metrics, "direct"), 3, "ops");
}

#[tokio::test]
async fn another_authority_for_the_balancer_counts_after_a_reload() {
    let balancer = Balancer::new();
    let bank = balancer.bank(Format::Rfc9440, "").await;
    let (tpp, uri) = registered(&bank).await;
    let handed = headers(Format::Rfc9440, &tpp.chain);
    let path = uri.strip_prefix(&bank.origin(CIC.tpp_host)).unwrap();
    let fields: String = handed.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", CIC.tpp_host);
    let connect = |issued: Issued| {
        let config = Hello { identity: Some((issued.chain, issued.key)), ..Hello::default() }.config();
        let address = bank.address;
        async move {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind((LISTED, 0).into()).unwrap();
            let tcp = socket.connect(address).await.unwrap();
            tokio_rustls::TlsConnector::from(config).connect(CIC.tpp_host.try_into().unwrap(), tcp).await.unwrap()
        }
    };
    let mut before = connect(balancer.certificate()).await;
    assert_eq!(status(&exchange(&mut before, &request).await.unwrap().0), 200);
    let next = Ca::root("Next", today()).unwrap();
    balancer.believe(&next);
    bank.server().reload().await;
    assert_eq!(status(&exchange(&mut connect(balancer.certificate()).await, &request).await.unwrap().0), 401);
    let renewed = next.issue_machine(&[BALANCER], today()).unwrap();
    assert_eq!(status(&exchange(&mut connect(renewed).await, &request).await.unwrap().0), 200);
    assert_eq!(status(&exchange(&mut before, &request).await.unwrap().0), 200, "an open connection was judged when it began");
}

/// The settings that docs/front-proxy.md shows load, and it knows every format with its headers.
#[test]
fn the_document_on_balancers_is_current() {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/front-proxy.md")).unwrap();
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    for format in Format::ALL {
        let headers: Vec<_> =
            [Some(format.header()), format.chain_header()].into_iter().flatten().map(|name| format!("`{name}`")).collect();
        let row = format!("| `{}` | {} |", format.name(), headers.join(", "));
        assert!(document.to_ascii_lowercase().contains(&row), "{row}");
        assert!(readme.contains(&format!("`{}`", format.name())), "{}", format.name());
    }
    let example = include_str!("../../config/example.toml");
    let shown: Vec<_> = document.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(shown.len(), 2);
    for lines in shown {
        let text = if lines.starts_with("[tpp]\n") {
            let list = lines.lines().nth(1).unwrap();
            example.replace("[tpp]\n", &format!("[tpp]\n{list}\n")).replace("[psu]\n", &format!("[psu]\n{list}\n"))
        } else {
            format!("{lines}{example}")
        };
        let read = guichet::config::parse("shown.toml", &text, std::path::Path::new(""), &|_| Some("postgres://h/d".into()));
        read.unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
    }
}
