//! The plan `fapi2-message-signing-final`: the modules that it has in common with the other, requests signed (JAR), answers signed (JARM).

use super::{modules, parties::Plan::Signed};

#[tokio::test]
async fn discovery_end_point_verification() {
    modules::discovery_end_point_verification(Signed).await;
}

#[tokio::test]
async fn happy_flow() {
    modules::happy_flow(Signed).await;
}

#[tokio::test]
async fn user_rejects_authentication() {
    modules::user_rejects_authentication(Signed).await;
}

#[tokio::test]
async fn ensure_authorization_request_without_state_success() {
    modules::ensure_authorization_request_without_state_success(Signed).await;
}

#[tokio::test]
async fn ensure_other_scope_order_succeeds() {
    modules::ensure_other_scope_order_succeeds(Signed).await;
}

#[tokio::test]
async fn access_token_type_header_case_sensitivity() {
    modules::access_token_type_header_case_sensitivity(Signed).await;
}

#[tokio::test]
async fn ensure_different_state_inside_and_outside_request_object() {
    modules::ensure_different_state_inside_and_outside_request_object(Signed).await;
}

#[tokio::test]
async fn ensure_authorization_request_with_long_state() {
    modules::ensure_authorization_request_with_long_state(Signed).await;
}

#[tokio::test]
async fn state_only_outside_request_object_not_used() {
    modules::state_only_outside_request_object_not_used(Signed).await;
}

#[tokio::test]
async fn ensure_request_object_without_redirect_uri_fails() {
    modules::ensure_request_object_without_redirect_uri_fails(Signed).await;
}

#[tokio::test]
async fn plain_fapi_tolerate_unregistered_redirect_uri() {
    modules::plain_fapi_tolerate_unregistered_redirect_uri(Signed).await;
}

#[tokio::test]
async fn ensure_unsigned_authorization_request_without_using_par_fails() {
    modules::ensure_unsigned_authorization_request_without_using_par_fails(Signed).await;
}

#[tokio::test]
async fn ensure_redirect_uri_in_authorization_request() {
    modules::ensure_redirect_uri_in_authorization_request(Signed).await;
}

#[tokio::test]
async fn ensure_response_type_code_idtoken_fails() {
    modules::ensure_response_type_code_idtoken_fails(Signed).await;
}

#[tokio::test]
async fn ensure_response_type_token_fails() {
    modules::ensure_response_type_token_fails(Signed).await;
}

#[tokio::test]
async fn ensure_client_id_in_token_endpoint() {
    modules::ensure_client_id_in_token_endpoint(Signed).await;
}

#[tokio::test]
async fn ensure_holder_of_key_required() {
    modules::ensure_holder_of_key_required(Signed).await;
}

#[tokio::test]
async fn ensure_authorization_code_is_bound_to_client() {
    modules::ensure_authorization_code_is_bound_to_client(Signed).await;
}

#[tokio::test]
async fn attempt_reuse_authorization_code_after_one_second() {
    modules::attempt_reuse_authorization_code_after_one_second(Signed).await;
}

#[tokio::test]
async fn ensure_token_endpoint_fails_with_expired_auth_code() {
    modules::ensure_token_endpoint_fails_with_expired_auth_code(Signed).await;
}

#[tokio::test]
async fn refresh_token() {
    modules::refresh_token(Signed).await;
}

#[tokio::test]
async fn par_ensure_reused_request_uri_prior_to_auth_completion_succeeds() {
    modules::par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(Signed).await;
}

#[tokio::test]
async fn par_attempt_reuse_request_uri() {
    modules::par_attempt_reuse_request_uri(Signed).await;
}

#[tokio::test]
async fn par_attempt_to_use_expired_request_uri() {
    modules::par_attempt_to_use_expired_request_uri(Signed).await;
}

#[tokio::test]
async fn par_attempt_to_use_request_uri_for_different_client() {
    modules::par_attempt_to_use_request_uri_for_different_client(Signed).await;
}

#[tokio::test]
async fn par_authorization_request_containing_request_uri_form_param() {
    modules::par_authorization_request_containing_request_uri_form_param(Signed).await;
}

#[tokio::test]
async fn par_attempt_invalid_http_method() {
    modules::par_attempt_invalid_http_method(Signed).await;
}

#[tokio::test]
async fn par_ensure_pkce_required() {
    modules::par_ensure_pkce_required(Signed).await;
}

#[tokio::test]
async fn ensure_pkce_code_verifier_required() {
    modules::ensure_pkce_code_verifier_required(Signed).await;
}

#[tokio::test]
async fn incorrect_pkce_code_verifier_rejected() {
    modules::incorrect_pkce_code_verifier_rejected(Signed).await;
}

#[tokio::test]
async fn par_plain_pkce_rejected() {
    modules::par_plain_pkce_rejected(Signed).await;
}

#[tokio::test]
async fn par_without_duplicate_parameters() {
    modules::par_without_duplicate_parameters(Signed).await;
}
