//! The crate `oauth2`, written by others, as a TPP of both banks.

use crate::harness::{Bank, Brand, CIC, Client, LBP, Landing, psu::Psu, tpp::CALLBACK, wire::Wire};
use guichet::oauth::tpp::PspRole;
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IntrospectionUrl,
    PkceCodeChallenge, RedirectUrl, RevocationUrl, Scope, StandardRevocableToken, TokenIntrospectionResponse, TokenResponse, TokenUrl,
    basic::BasicClient,
};

/// The library's requests over a connection of ours.
async fn over(wire: Wire, request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let answer = wire.client().execute(request.try_into()?).await?;
    let mut response = HttpResponse::new(vec![]);
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    *response.body_mut() = answer.bytes().await?.into();
    Ok(response)
}

/// The library's client for a registered one, with every endpoint.
macro_rules! client_of {
    ($bank:expr, $client:expr, $channel:expr) => {{
        let (bank, client): (&Bank, &Client<'_>) = ($bank, $client);
        let (_, authorize, token) = client.brand.channel($channel);
        let introspection = format!("https://localhost:{}/brands/{}/introspect", bank.internal.port(), client.brand.id);
        let made = BasicClient::new(ClientId::new(client.id.clone()))
            .set_auth_type(if client.brand.basic { AuthType::BasicAuth } else { AuthType::RequestBody })
            .set_auth_uri(AuthUrl::new(format!("{}{authorize}", bank.origin(client.brand.psu_host))).unwrap())
            .set_token_uri(TokenUrl::new(client.url(token)).unwrap())
            .set_revocation_url(RevocationUrl::new(client.url(client.brand.revocation)).unwrap())
            .set_introspection_url(IntrospectionUrl::new(introspection).unwrap())
            .set_redirect_uri(RedirectUrl::new(CALLBACK.into()).unwrap());
        match &client.secret {
            Some(secret) => made.set_client_secret(ClientSecret::new(secret.clone())),
            None => made,
        }
    }};
}

async fn a_whole_life(brand: Brand, channel: &str) {
    let bank = Bank::start().await;
    let roles = [PspRole::AccountInformation, PspRole::PaymentInitiation];
    let registered = bank.tpp(roles).register(brand).await;
    let client = client_of!(&bank, &registered, channel);
    let (tpp, gateway) = (registered.tpp.wire.clone(), bank.gateway());
    let tpp = |request| over(tpp.clone(), request);
    let gateway = |request| over(gateway.clone(), request);

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let asked = client.authorize_url(CsrfToken::new_random).add_scope(Scope::new("aisp".into())).set_pkce_challenge(challenge);
    let (url, state) = asked.url();
    let home: Landing = Psu::open(&bank, brand, url.as_str()).await.approve().await;
    assert_eq!(home.get("state"), state.secret());

    let code = AuthorizationCode::new(home.code().into());
    let exchange = client.exchange_code(code).set_pkce_verifier(verifier).add_extra_param("scope", "aisp");
    let tokens = exchange.request_async(&tpp).await.unwrap();
    assert_eq!(tokens.scopes().map(|scopes| scopes.iter().map(|s| s.as_str()).collect()), Some(vec!["aisp"]));
    assert!(tokens.expires_in().is_some());
    let is_active = async |token: &AccessToken| {
        let seen = client.introspect(token).request_async(&gateway).await.unwrap();
        assert!(!seen.active() || seen.client_id() == Some(client.client_id()));
        seen.active()
    };
    assert!(is_active(tokens.access_token()).await);

    let mut given = vec![tokens.access_token().clone()];
    assert_eq!(tokens.refresh_token().is_some(), brand.refresh);
    let revocable: StandardRevocableToken = match tokens.refresh_token() {
        Some(refresh) => {
            let again = client.exchange_refresh_token(refresh).request_async(&tpp).await.unwrap();
            assert!(is_active(again.access_token()).await);
            given.push(again.access_token().clone());
            refresh.into()
        }
        None => tokens.access_token().into(),
    };
    client.revoke_token(revocable).unwrap().request_async(&tpp).await.unwrap();
    for token in &given {
        assert!(!is_active(token).await);
    }
}

#[tokio::test]
async fn cic() {
    a_whole_life(CIC, "web").await;
}

#[tokio::test]
async fn labanquepostale() {
    a_whole_life(LBP, "pph").await;
}

#[tokio::test]
async fn client_credentials_and_a_refusal_at_both() {
    let bank = Bank::start().await;
    for brand in [CIC, LBP] {
        let registered = bank.tpp([PspRole::PaymentInitiation]).register(brand).await;
        let wire = registered.tpp.wire.clone();
        let client = client_of!(&bank, &registered, "web");
        let tpp = |request| over(wire.clone(), request);
        let token = client.exchange_client_credentials().add_scope(Scope::new("pisp".into())).request_async(&tpp).await.unwrap();
        assert!(token.refresh_token().is_none() && registered.is_active(token.access_token().secret()).await);
        let refused = client.exchange_code(AuthorizationCode::new("made-up".into())).add_extra_param("scope", "pisp");
        let error = refused.request_async(&tpp).await.unwrap_err();
        let oauth2::RequestTokenError::ServerResponse(said) = error else { panic!("{error:?}") };
        assert_eq!(*said.error(), oauth2::basic::BasicErrorResponseType::InvalidGrant);
    }
}
