//! What an access token would cost if it were signed (RFC 9068) instead of looked up: one signature each. `cargo bench --bench signing`.
//!
//! Nothing is asserted of speed: the machine decides it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};
use std::{env, hint::black_box, time::Instant};

const ROUNDS: usize = 4_000;

fn main() {
    if !env::args().any(|argument| argument == "--bench") {
        println!("this is a benchmark: cargo bench --bench signing");
        return;
    }
    let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).unwrap().serialize_pem();
    println!("| signature | token, bytes | us, median of {ROUNDS} |\n|---|---|---|");
    for (name, algorithm, key) in [
        ("ES256 (P-256)", Algorithm::ES256, EncodingKey::from_ec_pem(elliptic.as_bytes()).unwrap()),
        ("PS256 (RSA 3072)", Algorithm::PS256, EncodingKey::from_rsa_pem(rsa.as_bytes()).unwrap()),
    ] {
        let mut times = vec![];
        let mut length = 0;
        for _ in 0..ROUNDS {
            let started = Instant::now();
            length = black_box(encode(&Header::new(algorithm), &claims(), &key).unwrap()).len();
            times.push(started.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        println!("| {name} | {length} | {:.0} |", times[ROUNDS / 2]);
    }
}

/// RFC 9068 s2.2, with what introspection says today.
fn claims() -> Value {
    json!({
        "iss": "https://bank.example", "aud": "https://api.bank.example", "sub": "c-1001", "client_id": "019370dd-e8a3-7a57-804c-1cc4176547a8",
        "iat": 1_795_824_000, "exp": 1_795_834_800, "jti": "8ba46a86-f087-8223-8fdb-82582ff52af1", "scope": "aisp", "auth_time": 1_795_820_000,
        "cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}
    })
}
