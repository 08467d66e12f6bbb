//! FAPI 2.0 s5.2.1: `guichet doctor` says where no resolver vouches for a host's name (DNSSEC).

use crate::{
    doctor::{Said, ca, doctor, pem},
    harness::{
        Bank, BankOptions, Brand, CIC,
        bank::{pki, toml},
        command::run,
    },
};
use guichet::{
    clock::{Clock, System},
    dev::qwac::Validity,
};
use serde_json::Value;
use std::{
    fs,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};
use time::Duration;
use tokio::net::UdpSocket;

const QR: u8 = 0x80;
const AD: u8 = 0x20;
const SERVFAIL: u8 = 2;
const REFUSED: u8 = 5;

/// A resolver that says the same to everybody. Stops with its test.
struct Resolver {
    address: String,
    asked: Arc<AtomicUsize>,
}

impl Resolver {
    /// `answers`: the datagrams that come back for a question.
    async fn start(answers: fn(&[u8]) -> Vec<Vec<u8>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                counted.fetch_add(1, SeqCst);
                for datagram in answers(&buffer[..length]) {
                    socket.send_to(&datagram, from).await.unwrap();
                }
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

/// The question as an answer without records, with these bits beside those that answers have.
fn answer(question: &[u8], ad: bool, rcode: u8) -> Vec<u8> {
    let mut bytes = question.to_vec();
    bytes[2] |= QR;
    bytes[3] = QR | if ad { AD } else { 0 } | rcode;
    bytes
}

/// The hosts are not served: what else is found of them does not matter here.
async fn look(bank: &Bank, resolver: &str) -> Said {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let words = ["--from-outside", "--only-outside", "--connect", &closed, "--resolver", resolver];
    doctor(bank, "postgres://localhost/unused", &words).await
}

fn remarks(said: &Said) -> Vec<(&str, &str)> {
    let text = |finding: &'_ Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let found = said.1.iter().filter(|finding| finding["code"] == "dnssec_missing");
    found
        .inspect(|finding| assert_eq!(text(finding, "gravity"), "remark"))
        .map(|finding| (finding["about"].as_str().unwrap(), finding["seen"].as_str().unwrap()))
        .collect()
}

/// At names of the public DNS.
const PUBLIC: Brand = Brand { tpp_host: "api.cic.example", psu_host: "cic.example", ..CIC };

fn public() -> BankOptions {
    BankOptions { brands: vec![PUBLIC], ..BankOptions::default() }
}

#[tokio::test]
async fn a49_a_name_that_no_resolver_vouches_for_is_remarked_and_one_that_is_signed_is_not() {
    let bank = Bank::unserved(public()).await;
    let port = bank.address.port();
    let hosts = [format!("https://api.cic.example:{port}"), format!("https://cic.example:{port}")];
    let signed = Resolver::start(|question| vec![answer(question, true, 0)]).await;
    assert_eq!(remarks(&look(&bank, &signed.address).await), []);
    assert_eq!(signed.asked(), hosts.len());
    // what is not an answer to the question is not listened to
    let noisy = Resolver::start(|question| {
        let mut other = answer(question, false, 0);
        other[0] ^= 0xff;
        vec![b"garbage".to_vec(), vec![], other, question.to_vec(), answer(question, true, 0)]
    })
    .await;
    assert_eq!(remarks(&look(&bank, &noisy.address).await), []);

    for (answers, why) in [
        ((|question| vec![answer(question, false, 0)]) as fn(&[u8]) -> Vec<Vec<u8>>, "the answer is not marked as authentic (AD)"),
        (|question| vec![answer(question, true, SERVFAIL)], "the resolver failed (SERVFAIL): if others do not, the signatures are wrong"),
        (|question| vec![answer(question, true, REFUSED)], "the resolver answers Refused"),
        (|_| vec![vec![0xff; 300]], "no answer in time"),
        (|_| vec![], "no answer in time"),
    ] {
        let (resolver, began) = (Resolver::start(answers).await, Instant::now());
        let said = look(&bank, &resolver.address).await;
        let found = remarks(&said);
        assert_eq!(found.iter().map(|(about, _)| *about).collect::<Vec<_>>(), hosts, "{why}");
        assert!(found.iter().all(|(_, seen)| seen.ends_with(why)), "{found:?}");
        assert!(began.elapsed().as_secs() < 9, "all at once, twice each");
    }
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    assert_eq!(remarks(&look(&bank, &closed).await).len(), hosts.len());
}

#[tokio::test]
async fn a49_a_remark_fails_no_look() {
    let folder = tempfile::tempdir().unwrap();
    let now = System::new().now();
    let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(90) };
    let issued = pki().1.servers.issue_server(&[PUBLIC.tpp_host, PUBLIC.psu_host], validity).unwrap();
    fs::write(folder.path().join("server.pem"), pem(&issued.chain)).unwrap();
    fs::write(folder.path().join("server.key"), &issued.key_pem).unwrap();
    let options = BankOptions { own_certificate: Some(folder.path().to_owned()), ..public() };
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let (at, ca) = (bank.address.to_string(), ca());
    for (resolver, codes) in [
        (Resolver::start(|question| vec![answer(question, true, 0)]).await, &[][..]),
        (Resolver::start(|question| vec![answer(question, false, 0)]).await, &["dnssec_missing"]),
    ] {
        let words = ["--from-outside", "--only-outside", "--ca", &ca, "--connect", &at, "--resolver", &resolver.address];
        let said = doctor(&bank, "postgres://localhost/unused", &words).await;
        assert_eq!((said.0, said.codes()), (0, codes.iter().copied().collect()), "{:#?}", said.1);
    }
}

#[tokio::test]
async fn a49_names_of_this_machine_and_network_are_not_asked_about() {
    let options = BankOptions { brands: vec![CIC], ..BankOptions::default() };
    let bank = Bank::unserved(options.clone()).await;
    let unsigned = Resolver::start(|question| vec![answer(question, false, 0)]).await;
    let healthy = toml(&options, bank.address, bank.internal, bank.ops);
    for local in ["cic.localhost", "cic.internal", "bank.home.arpa", "127.0.0.1"] {
        fs::write(
            bank.config_file(),
            healthy.replace("\"cic.localhost", &format!("\"{local}")).replace("//cic.localhost", &format!("//{local}")),
        )
        .unwrap();
        assert_eq!(remarks(&look(&bank, &unsigned.address).await), [], "{local}");
    }
    let mut command = bank.command(&["doctor", "--from-outside", "--only-outside", "--resolver", "nowhere"]);
    command.env("GUICHET_DATABASE_URL", "postgres://localhost/unused");
    assert_eq!((run(command, "").await.status.code(), unsigned.asked()), (Some(2), 0));
}
