//! RFC 7591 and 7592: a client is registered, read, changed and deleted by its organisation.

use super::{
    Answer,
    answer::signs,
    certificate::acting_for,
    certified_keys,
    software_statement::{Fault, examine},
    standing,
};
use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    jose::JwsAlgorithm,
    oauth::{
        brand::{Brand, ClientAuth},
        client::{Client, ClientId, ClientRefusal},
        client_metadata::{AuthMethod, ClientMetadata},
        error::OAuthError,
        registrant::Registrant,
        registration::{self, ClientInformation, RegistrationRefusal},
        scope::Scope,
        secret::{Digest, Handle, HandleKind, Secret},
        software_statement::{self, Statement, StatementRefusal},
        tpp::Tpp,
    },
    pki::{self, PublicKey, TrustPolicy},
    storage::{Outage, Tx},
    telemetry::request,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::{borrow::Cow, sync::Arc};
use time::OffsetDateTime;

type Metadata = Map<String, Value>;

/// Secrets and registration tokens of a client that live side by side: a retried registration adds one.
const LIVE_CREDENTIALS: usize = 2;

/// A request on one client: who asks, and with which registration access token, if any.
pub struct Management {
    pub brand: Arc<Brand>,
    pub tpp: Arc<Tpp>,
    /// The `{client_id}` of the path, as sent.
    pub client: String,
    /// RFC 6750 bearer token of the `Authorization` header.
    pub token: Option<Secret>,
}

/// An organisation with so many has a loop, not an application.
pub fn too_many_clients() -> RegistrationRefusal {
    RegistrationRefusal::metadata("client_id", "this organisation has as many clients as it may")
}

/// RFC 7591 s3. An identical registration within the brand's window answers with the same client and fresh credentials.
pub async fn create(app: &App, brand: &Brand, tpp: &Tpp, asked: &Metadata) -> Answer<ClientInformation> {
    let now = app.clock.now();
    let statement = match examine(app, brand, tpp, asked, now).await {
        Ok(None) if brand.statements.required => return refused(app, brand, tpp, None, StatementRefusal::Missing.into()).await,
        Ok(statement) => statement,
        Err(fault) => return without_statement(app, brand, tpp, None, fault).await,
    };
    let statement = statement.as_ref();
    let (metadata, scope) = match admit(&stated(statement, asked), Registrant::Tpp(tpp), brand, &[], signs(app, brand, now)) {
        Ok(admitted) => admitted,
        Err(refusal) => return refused(app, brand, tpp, None, refusal).await,
    };
    let secret = client_secret(app, brand);
    let mut tx = app.db.begin("register").await?;
    tx.lock_registrations(&brand.id, &tpp.organisation).await?;
    // a merge that was waited for; this process may not have heard of it yet
    if let Some(new) = tx.merged_into(&tpp.organisation, now).await? {
        drop(tx);
        return Box::pin(create(app, brand, &acting_for(tpp, new), asked)).await;
    }
    let since = now - brand.registration.retry_window;
    let retry = tx.find_registration_retry(&brand.id, &tpp.organisation, &metadata.fingerprint(), statement, since).await?;
    if let Some(retry) = retry
        && let Some(client) = tx.lock_client(&brand.id, retry.id).await?
    {
        request::note(|facts| facts.client = Some(retry.id));
        let token = registration_token(app, retry.id);
        let secrets = secret.as_ref().map_or_else(Vec::new, |s| newest_first(s.digest(), &client.secrets));
        tx.set_credentials(retry.id, &secrets, &newest_first(token.digest(), &client.registration_tokens)).await?;
        tx.record(&about(statement, event(app, now, brand, tpp, AuditKind::ClientRegistered, retry.id).reason("retry"))).await?;
        tx.commit().await?;
        app.clients.remove(&retry.id);
        return Ok(Ok(ClientInformation::new(retry.id, client.issued_at, client.metadata, statement, secret.as_ref(), &token, brand)));
    }
    if tx.count_clients(&brand.id, &tpp.organisation).await? >= i64::from(app.limits.policy().clients_of_organisation) {
        drop(tx); // or the refusal's own record would wait for a second connection while this one is held
        return refused(app, brand, tpp, None, too_many_clients()).await;
    }
    let id = ClientId(app.entropy.uuid(now));
    request::note(|facts| facts.client = Some(id));
    let token = registration_token(app, id);
    let client = Client {
        id,
        brand: brand.id.clone(),
        organisation: tpp.organisation.clone(),
        legal_name: tpp.legal_name.clone(),
        metadata,
        scope,
        secrets: secret.iter().map(Secret::digest).collect(),
        registration_tokens: vec![token.digest()],
        issued_at: now,
        revision: 1,
    };
    tx.insert_client(&client, statement, now).await?;
    tx.record(&about(statement, event(app, now, brand, tpp, AuditKind::ClientRegistered, id))).await?;
    tx.commit().await?;
    Ok(Ok(ClientInformation::new(id, now, client.metadata, statement, secret.as_ref(), &token, brand)))
}

/// What is asked for, where a statement speaks with the statement's words.
fn stated<'a>(statement: Option<&Statement>, asked: &'a Metadata) -> Cow<'a, Metadata> {
    statement.map_or(Cow::Borrowed(asked), |statement| Cow::Owned(statement.over(asked)))
}

/// The core's judgement, and that of the certificates that came with keys.
pub(super) fn admit(
    asked: &Metadata,
    whose: Registrant<'_>,
    brand: &Brand,
    known: &[String],
    signs: Option<JwsAlgorithm>,
) -> Result<(ClientMetadata, Scope), RegistrationRefusal> {
    let (metadata, scope) = registration::admit(asked, whose, brand, known, signs)?;
    for (field, certificate) in metadata.key_certificates() {
        let why = match pki::judge_content(&certificate, &TrustPolicy::default()).facts.map(|facts| facts.key) {
            None => "is not a certificate",
            Some(PublicKey::Rsa(2048..=8192) | PublicKey::P256 | PublicKey::P384 | PublicKey::P521) => continue,
            Some(PublicKey::Rsa(_) | PublicKey::Other) => "not a key of RSA with 2048 to 8192 bits, P-256, P-384 or P-521",
        };
        return Err(RegistrationRefusal::metadata(field, why));
    }
    match (metadata.token_endpoint_auth_method, &metadata.jwks) {
        (AuthMethod::SelfSignedTlsClientAuth, Some(jwks)) => certified_keys::check(jwks)?,
        (AuthMethod::SelfSignedTlsClientAuth | AuthMethod::TlsClientAuth | AuthMethod::PrivateKeyJwt, _) => {}
    }
    Ok((metadata, scope))
}

/// RFC 7592 s2.1.
pub async fn read(app: &App, request: &Management) -> Answer<ClientInformation> {
    let now = app.clock.now();
    let mut tx = app.db.begin("read_client").await?;
    let client = match managed(app, &mut tx, request, now).await? {
        Ok(client) => client,
        Err(error) => return Ok(Err(error)),
    };
    let statement = tx.find_statement(client.id).await?;
    let token = current_token(app, &mut tx, request, &client).await?;
    tx.record(&event(app, now, &request.brand, &request.tpp, AuditKind::ClientRead, client.id)).await?;
    tx.commit().await?;
    Ok(Ok(ClientInformation::new(client.id, client.issued_at, client.metadata, statement.as_ref(), None, &token, &request.brand)))
}

/// RFC 7592 s2.2: what is not sent is removed.
pub async fn update(app: &App, request: &Management, asked: &Metadata) -> Answer<ClientInformation> {
    let (brand, tpp, now) = (&request.brand, &request.tpp, app.clock.now());
    let examined = examine(app, brand, tpp, asked, now).await;
    let mut tx = app.db.begin("update_client").await?;
    let client = match managed(app, &mut tx, request, now).await? {
        Ok(client) => client,
        Err(error) => return Ok(Err(error)),
    };
    let statement = match in_force(&mut tx, client.id, asked, examined).await? {
        Ok(statement) => statement,
        Err(fault) => {
            drop(tx);
            return without_statement(app, brand, tpp, Some(client.id), fault).await;
        }
    };
    let statement = statement.as_ref();
    let admitted = registration::check_update(asked, client.id, &client.secrets, brand).and_then(|()| {
        admit(&stated(statement, asked), Registrant::Tpp(tpp), brand, &client.metadata.redirect_uris, signs(app, brand, now))
    });
    let (metadata, scope) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            drop(tx);
            return refused(app, brand, tpp, Some(client.id), refusal).await;
        }
    };
    let updated = Client { metadata, scope, legal_name: tpp.legal_name.clone(), ..client };
    tx.update_client(&updated, statement, now).await?;
    let token = current_token(app, &mut tx, request, &updated).await?;
    tx.record(&about(statement, event(app, now, brand, tpp, AuditKind::ClientUpdated, updated.id))).await?;
    tx.commit().await?;
    app.clients.remove(&updated.id);
    Ok(Ok(ClientInformation::new(updated.id, updated.issued_at, updated.metadata, statement, None, &token, brand)))
}

/// The statement that holds from now on. RFC 7592 s2.2 lets a server ignore that a member is left out: what a directory said of a client
/// stays until it says something else. The same statement again is no new one, whatever became of it or of its issuer since.
async fn in_force(
    tx: &mut Tx,
    client: ClientId,
    asked: &Metadata,
    examined: Result<Option<Statement>, Fault>,
) -> Result<Result<Option<Statement>, Fault>, Outage> {
    let Some(registered) = tx.find_statement(client).await? else { return Ok(examined) };
    let is_new = software_statement::sent(asked).is_some_and(|sent| sent.as_str() != Some(registered.compact()));
    Ok(if is_new { examined } else { Ok(Some(registered)) })
}

/// RFC 7592 s2.3: the client, its credentials, grants and tokens end together.
pub async fn delete(app: &App, request: &Management) -> Answer<()> {
    let now = app.clock.now();
    let mut tx = app.db.begin("delete_client").await?;
    let client = match managed(app, &mut tx, request, now).await? {
        Ok(client) => client,
        Err(error) => return Ok(Err(error)),
    };
    tx.delete_client(client.id, now).await?;
    tx.record(&event(app, now, &request.brand, &request.tpp, AuditKind::ClientDeleted, client.id)).await?;
    tx.commit().await?;
    app.clients.remove(&client.id);
    Ok(Ok(()))
}

/// The client, if this organisation may manage it, and it is not blocked: deleting it would end its consents. A wrong registration
/// token is refused even with the right QWAC.
async fn managed(app: &App, tx: &mut Tx, request: &Management, now: OffsetDateTime) -> Answer<Client> {
    let unknown = Ok(Err(OAuthError::CLIENT_NOT_MANAGED));
    let Some(id) = ClientId::parse(&request.client) else { return unknown };
    request::note(|facts| facts.client = Some(id));
    let Some(client) = tx.lock_client(&request.brand.id, id).await? else { return unknown };
    let known = request.token.as_ref().is_none_or(|token| {
        let digest = token.digest();
        client.registration_tokens.iter().fold(false, |found, stored| stored.matches(&digest) | found)
    });
    let holder = &request.tpp.organisation;
    // a merge may have been committed that this process has not heard of yet
    let owned = client.organisation == *holder || tx.merged_into(holder, now).await?.is_some_and(|new| new == client.organisation);
    match standing::blocked(app, &request.brand, &client) {
        Some(_) if known && owned => Ok(Err(ClientRefusal::Blocked.into())),
        None if known && owned => Ok(Ok(client)),
        Some(_) | None => unknown,
    }
}

/// RFC 7592 s3: the answer carries the current token. It is stored as a digest, so a caller that did not send it gets a new one.
async fn current_token(app: &App, tx: &mut Tx, request: &Management, client: &Client) -> Result<Secret, Outage> {
    if let Some(sent) = &request.token {
        return Ok(sent.clone());
    }
    let token = registration_token(app, client.id);
    tx.set_credentials(client.id, &client.secrets, &newest_first(token.digest(), &client.registration_tokens)).await?;
    Ok(token)
}

fn newest_first(new: Digest, old: &[Digest]) -> Vec<Digest> {
    [new].into_iter().chain(old.iter().copied()).take(LIVE_CREDENTIALS).collect()
}

fn registration_token(app: &App, client: ClientId) -> Secret {
    Handle::mint(HandleKind::Registration, client.0, &app.entropy.bytes()).1
}

/// 256 random bits; its digest is enough to check it (no password hash: nobody can guess it).
fn client_secret(app: &App, brand: &Brand) -> Option<Secret> {
    match brand.client_auth {
        ClientAuth::Tls => None,
        ClientAuth::TlsAndSecretBasic => Some(Secret::new(format!("gucs_{}", URL_SAFE_NO_PAD.encode(app.entropy.bytes::<32>())))),
    }
}

fn event(app: &App, now: OffsetDateTime, brand: &Brand, tpp: &Tpp, kind: AuditKind, client: ClientId) -> AuditEvent {
    app.event(now, brand, kind).organisation(&tpp.organisation).client(client)
}

/// With whose statement it was done.
fn about(statement: Option<&Statement>, event: AuditEvent) -> AuditEvent {
    match statement {
        Some(statement) => event.subject(statement.named()),
        None => event,
    }
}

async fn without_statement<T>(app: &App, brand: &Brand, tpp: &Tpp, client: Option<ClientId>, fault: Fault) -> Answer<T> {
    match fault {
        Fault::Refused(refusal) => refused(app, brand, tpp, client, refusal).await,
        Fault::Unanswered(error) => Ok(Err(error)),
    }
}

async fn refused<T>(app: &App, brand: &Brand, tpp: &Tpp, client: Option<ClientId>, refusal: RegistrationRefusal) -> Answer<T> {
    let event = app.event(app.clock.now(), brand, AuditKind::RegistrationRefused).organisation(&tpp.organisation);
    let event = event.reason(format!("{}: {}", refusal.code.as_str(), refusal.field));
    app.db
        .record(&match client {
            Some(client) => event.client(client),
            None => event,
        })
        .await?;
    Ok(Err(refusal.into()))
}
