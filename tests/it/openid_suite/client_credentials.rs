//! The plan `fapi2-security-profile-final` of clients that act for nobody: no authorization endpoint, the scope is `pisp`.

use super::{
    modules::{NO_CLIENT, in_the_name_of, metadata_are_those_of_fapi},
    parties::{Plan::Plain, Scene, member, refused},
};

const OWN: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", SCOPE)];
const SCOPE: &str = "pisp";

#[tokio::test]
async fn discovery_end_point_verification() {
    metadata_are_those_of_fapi(Plain, false).await;
}

#[tokio::test]
async fn happy_flow() {
    let scene = Scene::new(Plain).await;
    let (first, second) = (scene.client().await, scene.second().await);
    for client in [&first, &second] {
        let told = client.token("web", &OWN).await.ok(200).json();
        assert_eq!((&told["token_type"], told.get("refresh_token")), (&"Bearer".into(), None));
        client.resource_with(SCOPE, member(&told, "access_token")).await.ok(200);
    }
    let of_second = second.token("web", &OWN).await.ok(200).json();
    first.resource_with(SCOPE, member(&of_second, "access_token")).await.ok(401);
}

#[tokio::test]
async fn access_token_type_header_case_sensitivity() {
    let scene = Scene::new(Plain).await;
    let client = scene.client().await;
    let told = client.token("web", &OWN).await.ok(200).json();
    let header = format!("bEARER {}", member(&told, "access_token"));
    client.resource(SCOPE, "", &[("authorization", &header)]).await.ok(200);
}

#[tokio::test]
async fn ensure_client_id_in_token_endpoint() {
    let scene = Scene::new(Plain).await;
    let (first, second) = (scene.client().await, scene.second().await);
    in_the_name_of(&first, &second, &OWN).await;
}

#[tokio::test]
async fn ensure_holder_of_key_required() {
    let scene = Scene::new(Plain).await;
    let client = scene.client().await;
    let reply = client.without_certificate().token("web", &OWN).await;
    refused(&reply, NO_CLIENT);
}
