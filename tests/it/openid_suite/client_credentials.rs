//! The plan `fapi2-security-profile-final` of clients that act for nobody: no authorization endpoint, the scope is `pisp`.

use super::{
    parties::{bank, client, member, refused, resource, resource_with, second, without_certificate},
    security_profile::{in_the_name_of, metadata_are_those_of_fapi},
};

const OWN: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", SCOPE)];
const SCOPE: &str = "pisp";

#[tokio::test]
async fn discovery_end_point_verification() {
    metadata_are_those_of_fapi(false).await;
}

#[tokio::test]
async fn happy_flow() {
    let bank = bank().await;
    let (first, second) = (client(&bank).await, second(&bank).await);
    for client in [&first, &second] {
        let told = client.token("web", &OWN).await.ok(200).json();
        assert_eq!((&told["token_type"], told.get("refresh_token")), (&"Bearer".into(), None));
        resource_with(client, SCOPE, member(&told, "access_token")).await.ok(200);
    }
    let of_second = second.token("web", &OWN).await.ok(200).json();
    resource_with(&first, SCOPE, member(&of_second, "access_token")).await.ok(401);
}

#[tokio::test]
async fn access_token_type_header_case_sensitivity() {
    let bank = bank().await;
    let client = client(&bank).await;
    let told = client.token("web", &OWN).await.ok(200).json();
    let header = format!("bEARER {}", member(&told, "access_token"));
    resource(&client, SCOPE, "", &[("authorization", &header)]).await.ok(200);
}

#[tokio::test]
async fn ensure_client_id_in_token_endpoint() {
    let bank = bank().await;
    in_the_name_of(&client(&bank).await, &second(&bank).await, &OWN).await;
}

#[tokio::test]
async fn ensure_holder_of_key_required() {
    let bank = bank().await;
    let client = client(&bank).await;
    let reply = without_certificate(&client).token("web", &OWN).await;
    refused(&reply, &[(401, "invalid_client"), (400, "invalid_client"), (400, "invalid_request")]);
}
