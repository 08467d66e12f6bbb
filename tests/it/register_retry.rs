//! A registration sent again: its first answer may have been lost.

use crate::{
    harness::{Bank, Brand, Tpp, bank::BRANDS},
    register::{audited, with},
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

/// The client that was answered, and all of the answer.
async fn register_again(tpp: &Tpp<'_>, brand: Brand, body: &Value) -> (String, Value) {
    let told = tpp.try_register(brand, body).await.ok(201).json();
    (told["client_id"].as_str().unwrap().to_owned(), told)
}

#[tokio::test]
async fn a_lost_answer_costs_nothing() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([PaymentInitiation]);
        let body = Tpp::metadata(brand);
        let first = tpp.register_as(brand, &body).await;
        let again = tpp.register_as(brand, &body).await;
        assert_eq!(first.id, again.id);
        assert_ne!(first.information["registration_access_token"], again.information["registration_access_token"]);
        for client in [&first, &again] {
            client.client_credentials().await.ok(200);
            let bearer = format!("Bearer {}", client.information["registration_access_token"].as_str().unwrap());
            tpp.wire.send(Method::GET, client.registration_uri(), &[("authorization", &bearer)], "").await.ok(200);
        }
        if brand.basic {
            assert_ne!(first.secret, again.secret, "stored as a digest, so it cannot be told again");
        }
        assert_eq!(audited(&bank, "client_registered").await.iter().filter(|r| *r == "retry").count(), if brand.basic { 3 } else { 1 });

        let other = with(body.clone(), json!({ "client_name": "Another" }));
        let (other, _) = register_again(&tpp, brand, &other).await;
        assert_ne!(first.id, other, "other metadata, other client");
        let (stranger, _) = register_again(&bank.tpp([PaymentInitiation]), brand, &body).await;
        assert_ne!(first.id, stranger);
        if brand.update {
            let changed = with(body.clone(), json!({ "client_id": first.id, "client_name": "Changed" }));
            first.manage(Method::PUT, &changed).await.ok(200);
            let (fresh, _) = register_again(&tpp, brand, &body).await;
            assert_ne!(first.id, fresh, "a client that is another by now is left alone");
        }
        bank.clock.advance(Duration::seconds(601));
        let tpp = bank.tpp_named(&tpp.organisation, [PaymentInitiation]);
        let (late, _) = register_again(&tpp, brand, &body).await;
        assert_ne!(first.id, late, "after the window it is meant");
        let late = tpp.register_as(brand, &body).await;
        late.delete().await.ok(204);
        assert_ne!(late.id, register_again(&tpp, brand, &body).await.0, "what was deleted stays so");
    }
}

#[tokio::test]
async fn retries_at_once_make_one_client() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    for brand in BRANDS {
        let body = Tpp::metadata(brand);
        let one = || register_again(&tpp, brand, &body);
        let (a, b, c, d, e, f, g, h) = tokio::join!(one(), one(), one(), one(), one(), one(), one(), one());
        let ids: std::collections::BTreeSet<_> = [a, b, c, d, e, f, g, h].into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), 1, "{}", brand.id);
    }
    let stored: i64 = sqlx::query_scalar("select count(*) from clients").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(stored, 2);
}
