//! RFC 7591 s2.3: a software statement that came with a registration, before it counts.

use super::client_keys::{self, Keys, MOST_BYTES, PATIENCE};
use crate::{
    app::App,
    jose::{JoseRefusal, KeySet},
    oauth::{
        assertion::KeysFault,
        brand::Brand,
        error::OAuthError,
        registration::RegistrationRefusal,
        software_statement::{self, IssuerKeys, Presented, Statement, StatementIssuer, StatementRefusal},
        tpp::Tpp,
    },
    outbound::Fetch,
    trust::client_keys::ClientKeySet,
};
use serde_json::{Map, Value};
use std::sync::Arc;
use time::OffsetDateTime;

/// Why there is no statement to rely on.
pub enum Fault {
    Refused(RegistrationRefusal),
    /// Nobody can say now whether it is its issuer's.
    Unanswered(OAuthError),
}

impl From<StatementRefusal> for Fault {
    fn from(refusal: StatementRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

impl From<JoseRefusal> for Fault {
    fn from(refusal: JoseRefusal) -> Self {
        StatementRefusal::from(refusal).into()
    }
}

/// The statement of a registration, judged. Never within a transaction: a directory's server may be asked.
pub async fn examine(
    app: &App,
    brand: &Brand,
    tpp: &Tpp,
    asked: &Map<String, Value>,
    now: OffsetDateTime,
) -> Result<Option<Statement>, Fault> {
    let Some(sent) = software_statement::sent(asked) else { return Ok(None) };
    let presented = Presented::read(sent, &brand.statements)?;
    let mut signed = presented.verify(&*keys(app, brand, presented.issuer, Keys::AtHand).await?);
    if matches!(signed, Err(JoseRefusal::NoKey | JoseRefusal::Signature)) && may_have_changed(presented.issuer) {
        signed = presented.verify(&*keys(app, brand, presented.issuer, Keys::Missed).await?);
    }
    Ok(Some(presented.judge(signed?, &brand.issuer, &tpp.organisation, now)?))
}

const fn may_have_changed(issuer: &StatementIssuer) -> bool {
    match issuer.keys {
        IssuerKeys::Held(_) => false,
        IssuerKeys::At(_) => true,
    }
}

async fn keys(app: &App, brand: &Brand, issuer: &StatementIssuer, known: Keys) -> Result<Arc<KeySet>, Fault> {
    let uri = match &issuer.keys {
        IssuerKeys::Held(keys) => return Ok(keys.clone()),
        IssuerKeys::At(uri) => uri,
    };
    let shelf = app.client_keys.issuers_shelf(uri);
    let mut held = shelf.open().await;
    let now = app.clock.now();
    if held.must_ask(known == Keys::Missed, now) {
        held.asking(now);
        let answer = fetch(app, brand, issuer, uri).await;
        metrics::counter!("guichet_statement_keys_fetched_total", "outcome" => client_keys::outcome(&answer)).increment(1);
        held.answered(answer, now);
    }
    held.keys(now).map(|keys| keys.signing.clone()).map_err(|_| Fault::Unanswered(OAuthError::STATEMENT_KEYS_UNAVAILABLE))
}

async fn fetch(app: &App, brand: &Brand, issuer: &StatementIssuer, uri: &str) -> Result<ClientKeySet, KeysFault> {
    let fetched = app.outbound.fetch(Fetch { url: uri, post: None, max_bytes: MOST_BYTES, deadline: PATIENCE }).await;
    let body = fetched.map_err(|error| {
        tracing::warn!(brand = %brand.id, issuer = issuer.issuer, %error, "the keys of an issuer of software statements were not read");
        client_keys::fault(error)
    })?;
    KeySet::parse(&body).filter(|keys| !keys.is_empty()).map(Into::into).ok_or(KeysFault::Unreadable)
}
