use super::*;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{EncodingKey, Header, jwk::Jwk};
use proptest::prelude::*;
use serde_json::json;

struct Signer {
    private: EncodingKey,
    public: Value,
    algorithm: jsonwebtoken::Algorithm,
}

fn signer(algorithm: JwsAlgorithm, size: KeySize) -> Signer {
    let random = SystemRandom::new();
    let (pkcs8, jose) = match algorithm {
        JwsAlgorithm::Es256 => {
            (EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap().as_ref().to_vec(), algorithm.jose())
        }
        JwsAlgorithm::EdDsa => (Ed25519KeyPair::generate_pkcs8v1(&random).unwrap().as_ref().to_vec(), algorithm.jose()),
        JwsAlgorithm::Ps256 => {
            let pair = rsa::KeyPair::generate(size).unwrap();
            let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
            (der.as_ref().to_vec(), algorithm.jose())
        }
    };
    let private = match algorithm {
        JwsAlgorithm::Es256 => EncodingKey::from_ec_der(&pkcs8),
        JwsAlgorithm::EdDsa => EncodingKey::from_ed_der(&pkcs8),
        JwsAlgorithm::Ps256 => {
            let label = "PRIVATE KEY";
            let pem = format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(pkcs8));
            EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
        }
    };
    let public = serde_json::to_value(Jwk::from_encoding_key(&private, jose).unwrap()).unwrap();
    Signer { private, public, algorithm: jose }
}

impl Signer {
    fn sign(&self, edit: impl FnOnce(&mut Header)) -> String {
        let mut header = Header::new(self.algorithm);
        edit(&mut header);
        jsonwebtoken::encode(&header, &json!({ "iss": "me" }), &self.private).unwrap()
    }

    fn set(&self, more: Value) -> KeySet {
        let mut key = self.public.clone();
        key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        KeySet::read(&json!({ "keys": [key] }))
    }
}

#[test]
fn ed25519_is_eddsa_by_another_name_and_nothing_else_is() {
    let signer = signer(JwsAlgorithm::EdDsa, KeySize::Rsa2048);
    let by = |alg: &str| {
        let [header, claims] = [json!({ "alg": alg }), json!({ "iss": "me" })].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = crypto::sign(message.as_bytes(), &signer.private, signer.algorithm).unwrap();
        format!("{message}.{signature}")
    };
    for key in ["Ed25519", "EdDSA"] {
        let keys = signer.set(json!({ "alg": key }));
        for header in ["Ed25519", "EdDSA"] {
            assert_eq!(verify(&by(header), &keys, &[JwsAlgorithm::EdDsa]).unwrap().algorithm, JwsAlgorithm::EdDsa);
        }
        assert_eq!(verify(&by("Ed25519"), &keys, &[JwsAlgorithm::Es256]).unwrap_err(), JoseRefusal::Algorithm);
        for other in ["Ed448", "ed25519", "ES256K"] {
            assert_eq!(verify(&by(other), &keys, &JwsAlgorithm::ALL).unwrap_err(), JoseRefusal::Algorithm);
        }
    }
    assert!(signer.set(json!({ "alg": "Ed448" })).is_empty());
}

#[test]
fn a31_what_a_key_of_the_set_signed_is_read_and_nothing_else() {
    let allowed = JwsAlgorithm::ALL;
    for algorithm in JwsAlgorithm::ALL {
        let (one, other) = (signer(algorithm, KeySize::Rsa2048), signer(algorithm, KeySize::Rsa2048));
        let (jws, keys) = (one.sign(|_| {}), one.set(json!({})));
        let signed = verify(&jws, &keys, &allowed).unwrap();
        assert_eq!((signed.claims["iss"].as_str(), signed.algorithm, signed.typ.as_deref()), (Some("me"), algorithm, Some("jwt")));
        let refused = |jws: &str, keys: &KeySet, allowed: &[JwsAlgorithm]| verify(jws, keys, allowed).unwrap_err();
        assert_eq!(refused(&jws, &other.set(json!({})), &allowed), JoseRefusal::Signature);
        assert_eq!(refused(&jws, &KeySet::default(), &allowed), JoseRefusal::NoKey);
        assert_eq!(refused(&jws, &keys, &[]), JoseRefusal::Algorithm);
        // other claims under the same signature
        let mut parts: Vec<_> = jws.split('.').map(str::to_owned).collect();
        parts[1] = URL_SAFE_NO_PAD.encode(r#"{"iss":"you"}"#);
        assert_eq!(refused(&parts.join("."), &keys, &allowed), JoseRefusal::Signature);
        for broken in ["", ".", "..", "a.b", "a.b.c", &jws[1..], &format!("{jws}."), &format!("{jws}=")] {
            verify(broken, &keys, &allowed).unwrap_err();
        }
        // a key for another use, or of another algorithm, is none
        for more in [json!({ "use": "enc" }), json!({ "key_ops": ["encrypt"] }), json!({ "alg": "RS256" })] {
            assert!(one.set(more).is_empty());
        }
    }
}

#[test]
fn a31_a53_none_rs256_and_what_a_header_points_to_count_for_nothing() {
    let rsa = signer(JwsAlgorithm::Ps256, KeySize::Rsa2048);
    let keys = rsa.set(json!({}));
    let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(r#"{"iss":"me"}"#));
    assert_eq!(verify(&none, &keys, &JwsAlgorithm::ALL).unwrap_err(), JoseRefusal::Algorithm);
    let rs256 = jsonwebtoken::encode(&Header::new(jsonwebtoken::Algorithm::RS256), &json!({}), &rsa.private).unwrap();
    assert_eq!(verify(&rs256, &keys, &JwsAlgorithm::ALL).unwrap_err(), JoseRefusal::Algorithm);
    // never fetched, never believed: the registered key decides
    let pointing = rsa.sign(|header| {
        header.jku = Some("https://evil.example/keys".into());
        header.x5u = Some("https://evil.example/chain".into());
    });
    verify(&pointing, &keys, &JwsAlgorithm::ALL).unwrap();
    let other = signer(JwsAlgorithm::Ps256, KeySize::Rsa2048);
    let embedded = other.sign(|header| header.jwk = Some(serde_json::from_value(other.public.clone()).unwrap()));
    assert_eq!(verify(&embedded, &keys, &JwsAlgorithm::ALL).unwrap_err(), JoseRefusal::Signature);
    let critical =
        format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(r#"{"alg":"PS256","crit":["b64"],"b64":false}"#), URL_SAFE_NO_PAD.encode("{}"));
    assert_eq!(verify(&critical, &keys, &JwsAlgorithm::ALL).unwrap_err(), JoseRefusal::Critical);
    assert_eq!(verify(&"a".repeat(LONGEST + 1), &keys, &JwsAlgorithm::ALL).unwrap_err(), JoseRefusal::TooLong);
}

#[test]
fn a52_a_kid_that_is_there_twice_is_told_apart_by_kind_and_a_key_without_may_be_meant() {
    let (ec, rsa, late) = (
        signer(JwsAlgorithm::Es256, KeySize::Rsa2048),
        signer(JwsAlgorithm::Ps256, KeySize::Rsa2048),
        signer(JwsAlgorithm::Es256, KeySize::Rsa2048),
    );
    let named = |signer: &Signer, kid: &str| {
        let mut key = signer.public.clone();
        key["kid"] = json!(kid);
        key
    };
    let keys = KeySet::read(&json!({ "keys": [named(&ec, "k"), named(&rsa, "k"), named(&late, "k"), { "kty": "oct", "k": "AA" }] }));
    for signer in [&ec, &rsa, &late] {
        verify(&signer.sign(|header| header.kid = Some("k".into())), &keys, &JwsAlgorithm::ALL).unwrap();
        verify(&signer.sign(|_| {}), &keys, &JwsAlgorithm::ALL).unwrap();
        let other = signer.sign(|header| header.kid = Some("other".into()));
        assert_eq!(verify(&other, &keys, &JwsAlgorithm::ALL).unwrap_err(), JoseRefusal::NoKey);
    }
}

#[test]
fn a32_short_keys_are_no_keys() {
    let modulus = |bytes: usize| json!({ "keys": [{ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(vec![0xff; bytes]) }] });
    for (bytes, usable) in [(128, false), (255, false), (256, true), (1024, true), (1025, false)] {
        assert_eq!(!KeySet::read(&modulus(bytes)).is_empty(), usable, "{bytes}");
    }
    for curve in ["P-192", "secp256k1", "P-384", "X25519"] {
        let set = json!({ "keys": [{ "kty": "EC", "crv": curve, "x": "AA", "y": "AA" }, { "kty": "OKP", "crv": curve, "x": "AA" }] });
        assert!(KeySet::read(&set).is_empty(), "{curve}");
    }
}

proptest! {
    #[test]
    fn any_text_is_refused(text in "\\PC{0,200}") {
        prop_assert!(verify(&text, &KeySet::default(), &JwsAlgorithm::ALL).is_err());
    }

    #[test]
    fn any_json_is_a_set(value in "\\PC{0,60}") {
        KeySet::read(&json!({ "keys": [{ "kty": value, "n": value, "e": value, "x": value, "y": value, "crv": value }, value] }));
        KeySet::read(&json!(value));
    }
}
