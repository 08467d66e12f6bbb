//! Full TLS 1.3 handshakes with certificates on both sides and one request each, beside a bare accept loop that makes the same.

use crate::{
    CONNECTIONS, bare,
    closed::Line,
    contender::{self, Contender},
    ids::Lot,
    operation::Operation,
    options::Options,
    parties::Parties,
    process::Program,
    server::Server,
    table::{self, Spread},
    wire::{KeptAlive, Target},
};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};
use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};

pub async fn run(server: &Server, parties: &Parties, folder: &Path, options: &Options) {
    let (bare, address) = bare::start(folder);
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let time = Duration::from_secs(options.seconds());
    let (ours, theirs) = (callers(server, parties, None), callers(server, parties, Some(address)));
    let mut rounds = vec![];
    for round in 1..=options.rounds() {
        eprintln!("round {round} of {}: handshakes", options.rounds());
        rounds.push((measure(&runtime, server.program(), &ours, time), measure(&runtime, &bare, &theirs, time)));
    }
    runtime.shutdown_background();
    print(&rounds);
}

/// Handshakes per second, and the CPU of each in microseconds.
struct Handshakes {
    per_second: f64,
    cpu: f64,
}

/// One client_credentials request each, to the server or to `elsewhere`.
fn callers(server: &Server, parties: &Parties, elsewhere: Option<SocketAddr>) -> Vec<Arc<Line>> {
    let mut lines = contender::lines(server, Operation::ClientCredentials, Lot::NONE);
    for (n, line) in lines.iter_mut().enumerate() {
        let issued = &parties.of(n).issued;
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13]).unwrap();
        // looking at the server's certificate would only cost the load
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Trusting));
        let mut tls = builder.with_client_auth_cert(issued.chain.clone(), issued.key.clone_key()).unwrap();
        tls.resumption = Resumption::disabled();
        let address = elsewhere.unwrap_or(line.target.address);
        line.target = Target { address, tls: Arc::new(tls), ..line.target };
    }
    lines.into_iter().map(Arc::new).collect()
}

/// On threads of their own: what they need is more than one core has.
fn measure(runtime: &Runtime, program: &Program, lines: &[Arc<Line>], time: Duration) -> Handshakes {
    let (sent, done) = std::sync::mpsc::channel();
    let (began, cpu) = (Instant::now(), program.cpu());
    for line in &lines[..CONNECTIONS] {
        let (line, sent) = (line.clone(), sent.clone());
        runtime.spawn(async move {
            let mut count = 0;
            while began.elapsed() < time {
                let mut connection = KeptAlive::open(&line.target).await;
                connection.ask(&line.requests[0]).await;
                connection.close().await;
                count += 1;
            }
            sent.send(count).unwrap();
        });
    }
    drop(sent);
    let counts: Vec<u32> = done.iter().collect();
    assert_eq!(counts.len(), CONNECTIONS, "a connection failed");
    let (count, elapsed) = (f64::from(counts.iter().sum::<u32>()), began.elapsed());
    Handshakes { per_second: count / elapsed.as_secs_f64(), cpu: (program.cpu() - cpu).as_secs_f64() * 1e6 / count }
}

fn print(rounds: &[(Handshakes, Handshakes)]) {
    let column = |digits, figure: fn(&(Handshakes, Handshakes)) -> f64| Spread::of(digits, rounds.iter().map(figure)).to_string();
    let row = vec![
        column(0, |(ours, _)| ours.per_second),
        column(0, |(_, bare)| bare.per_second),
        column(2, |(ours, bare)| ours.per_second / bare.per_second),
        column(0, |(ours, _)| ours.cpu),
        column(0, |(_, bare)| bare.cpu),
        column(2, |(ours, bare)| ours.cpu / bare.cpu),
    ];
    let columns = ["server handshakes/s", "bare loop", "server/bare", "server CPU us/handshake", "bare loop", "server/bare"];
    table::print("Full handshakes with one token request each", &columns, &[row]);
}

#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
