//! The main job, end to end, for both banks on every channel.

use crate::harness::{
    Bank, Brand, CIC, LBP,
    bank::BRANDS,
    tpp::{CALLBACK, STATE},
};
use guichet::oauth::tpp::PspRole;

async fn a_whole_life(brand: Brand, channel: &str) {
    let bank = Bank::start().await;
    let client = bank.tpp([PspRole::AccountInformation]).register(brand).await;
    let landing = client.approved(channel, "aisp").await;
    assert_eq!((landing.uri.as_str(), landing.get("state"), landing.get("iss")), (CALLBACK, STATE, bank.issuer(brand).as_str()));
    let tokens = client.redeem(channel, "aisp", landing.code()).await.ok(200).json();
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!((&tokens["token_type"], &tokens["scope"]), (&"Bearer".into(), &"aisp".into()));

    let seen = client.introspect(access).await;
    assert_eq!((&seen["active"], &seen["client_id"], &seen["channel"]), (&true.into(), &client.id.as_str().into(), &channel.into()));

    match (brand.refresh, tokens["refresh_token"].as_str()) {
        (true, Some(refresh)) => {
            let refreshed = client.refresh(refresh).await.ok(200).json();
            let again = refreshed["access_token"].as_str().unwrap();
            assert!(client.is_active(again).await);
            client.revoke(refresh).await.ok(200);
            for token in [access, again, refresh] {
                assert!(!client.is_active(token).await);
            }
        }
        (false, None) => {
            client.revoke(access).await.ok(200);
            assert!(!client.is_active(access).await);
        }
        (_, refresh) => panic!("refresh token: {refresh:?}"),
    }
    client.delete().await.ok(204);
    client.redeem(channel, "aisp", landing.code()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn cic_web() {
    a_whole_life(CIC, "web").await;
}

#[tokio::test]
async fn labanquepostale_every_channel() {
    for (channel, ..) in LBP.channels {
        a_whole_life(LBP, channel).await;
    }
}

#[tokio::test]
async fn client_credentials_of_both() {
    for brand in BRANDS {
        let bank = Bank::start().await;
        let client = bank.tpp([PspRole::PaymentInitiation]).register(brand).await;
        let token = client.client_credentials().await.ok(200).json();
        assert!(token["refresh_token"].is_null());
        assert_eq!(client.introspect(token["access_token"].as_str().unwrap()).await["sub"], client.id.as_str());
    }
}
