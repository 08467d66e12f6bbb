//! From credentials to a client that proved who it is.

use super::{
    Answer, Caller,
    certificate::{merged_meanwhile, refuse_client},
    client_keys::{self, Keys},
    standing,
};
use crate::{
    app::App,
    audit::AuditKind,
    jose::JoseRefusal,
    limits::Limit,
    oauth::{
        assertion::AssertionRefusal,
        brand::Brand,
        client::{self, AuthenticatedClient, Client, ClientId, ClientRefusal, Credentials, Identified, Proof, SelfSigned},
        presented::Presented,
    },
    storage::Outage,
    telemetry::request,
};
use std::sync::{Arc, atomic::Ordering::Relaxed};
use time::OffsetDateTime;

/// May a client read a moment ago be used?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Only where the write that follows names the revision it relied on.
    Remembered,
    Fresh,
}

/// The client as stored, or as remembered.
pub async fn find(app: &App, brand: &Brand, id: ClientId, reading: Reading) -> Result<Option<Arc<Client>>, Outage> {
    if reading == Reading::Remembered
        && let Some(known) = app.clients.get(&id).filter(|c| c.brand == brand.id)
    {
        return Ok(Some(known));
    }
    let found = app.db.find_client(&brand.id, id).await?.map(Arc::new);
    match &found {
        Some(client) => app.clients.insert(id, client.clone()),
        None => drop(app.clients.remove(&id)),
    }
    Ok(found)
}

/// RFC 6749 s2.3. A refusal is kept: somebody with a valid QWAC tried to be this client. It is counted, too: a secret has 256 random bits,
/// so that tries are no danger to it, but each costs an audit event. An organisation's other clients go on.
pub async fn authenticate(app: &App, caller: &Caller, reading: Reading) -> Answer<AuthenticatedClient> {
    let now = app.clock.now();
    let presented = match Credentials::read(&caller.brand, caller.authorization.as_deref(), &caller.params) {
        Ok(presented) => presented,
        Err(refusal) => return refuse(app, caller, None, refusal, now).await,
    };
    let id = presented.client_id();
    request::note(|facts| facts.client = Some(id));
    let proof = match check(app, caller, &presented, reading, now).await? {
        Ok(proof) => proof,
        Err(refusal) => return refuse(app, caller, Some(id), refusal, now).await,
    };
    let proof = match standing::left_to(app, &caller.brand, proof, now) {
        Ok(proof) => proof,
        Err((client, refusal)) => {
            let telling = standing::of_client(app, &caller.brand, &client, &refusal, now);
            standing::tell(app, telling, now).await?;
            return Ok(Err(ClientRefusal::Blocked.into()));
        }
    };
    // the second look of one request is no second request
    if reading == Reading::Remembered
        && let Err(too_many) = app.limits.take(Limit::ClientToken, &caller.brand.id, id)
    {
        return Ok(Err(too_many.into()));
    }
    let first = is_first(app, caller, &proof).await?;
    let practices = proof.practices(&presented);
    match proof.admit(first) {
        Ok(client) => {
            note_known(app, caller, &client);
            // the second look of one request is no second request
            if reading == Reading::Remembered {
                app.practices.note(id, practices, now);
            }
            Ok(Ok(client))
        }
        Err(refusal) => refuse(app, caller, Some(id), refusal, now).await,
    }
}

/// Uses what may be used once. Last of all: a request that was refused for another reason may be sent again.
async fn is_first(app: &App, caller: &Caller, proof: &Proof) -> Result<bool, Outage> {
    let Some(occasion) = proof.occasion() else { return Ok(true) };
    if caller.asserted.load(Relaxed) {
        return Ok(true);
    }
    let first = app.db.use_assertion(proof.client().id, occasion).await?;
    caller.asserted.store(first, Relaxed);
    Ok(first)
}

/// A client without a QWAC is known by its certificate from now on, as far as limits go: no longer is it one stranger of many.
fn note_known(app: &App, caller: &Caller, client: &AuthenticatedClient) {
    if let Presented::Unjudged(_) = caller.presented {
        request::note(|facts| facts.by(client.organisation()));
        app.trust.note_known(&caller.brand.id, &caller.chain, client.organisation());
    }
}

async fn refuse(
    app: &App,
    caller: &Caller,
    claimed: Option<ClientId>,
    refusal: ClientRefusal,
    now: OffsetDateTime,
) -> Answer<AuthenticatedClient> {
    let brand = &caller.brand.id;
    let organisation = match &caller.presented {
        Presented::Qwac(tpp) => &tpp.organisation,
        Presented::Unjudged(_) => return refuse_stranger(app, caller, claimed, refusal, now).await,
    };
    if let Err(too_many) = app.limits.take(Limit::OrganisationRefused, brand, organisation) {
        return Ok(Err(too_many.into()));
    }
    let event = app.event(now, &caller.brand, AuditKind::ClientRefused).organisation(organisation);
    let event = event.reason(refusal.name());
    app.db
        .record(&match claimed {
            Some(client) => event.client(client),
            None => event,
        })
        .await?;
    Ok(Err(refusal.into()))
}

/// Nobody's certificate is answered as everywhere, whether the client that it named is there or not. Its address was counted
/// before; of the rest a trail keeps what it has a use for.
async fn refuse_stranger(
    app: &App,
    caller: &Caller,
    claimed: Option<ClientId>,
    refusal: ClientRefusal,
    now: OffsetDateTime,
) -> Answer<AuthenticatedClient> {
    app.trust.forget_known(&caller.brand.id, &caller.chain);
    let of_a_client = matches!(refusal, ClientRefusal::OtherKey | ClientRefusal::Assertion(_));
    if let Some(client) = claimed.filter(|_| of_a_client)
        && app.limits.take(Limit::AuditRefused, &caller.brand.id, ()).is_ok()
    {
        let event = app.event(now, &caller.brand, AuditKind::ClientRefused).client(client);
        app.db.record(&event.reason(refusal.name())).await?;
    }
    Ok(Err(refuse_client(app, &caller.brand, &caller.chain, now).await?))
}

type Verdict = Result<Proof, ClientRefusal>;

async fn check(app: &App, caller: &Caller, presented: &Credentials, reading: Reading, now: OffsetDateTime) -> Result<Verdict, Outage> {
    let mut known = find(app, &caller.brand, presented.client_id(), reading).await?;
    let mut verdict = prove(app, &caller.brand, known.clone(), presented, &caller.presented, now).await;
    if verdict.is_err() && reading == Reading::Remembered {
        // it may have changed since: refuse only on a fresh reading
        known = find(app, &caller.brand, presented.client_id(), Reading::Fresh).await?;
        verdict = prove(app, &caller.brand, known.clone(), presented, &caller.presented, now).await;
    }
    if matches!(verdict, Err(ClientRefusal::OtherOrganisation))
        && let Presented::Qwac(tpp) = &caller.presented
        && let Some(tpp) = merged_meanwhile(app, tpp, now).await?
    {
        verdict = prove(app, &caller.brand, known, presented, &Presented::Qwac(tpp), now).await;
    }
    Ok(verdict)
}

async fn prove(
    app: &App,
    brand: &Brand,
    client: Option<Arc<Client>>,
    credentials: &Credentials,
    presented: &Presented,
    now: OffsetDateTime,
) -> Verdict {
    let asserting = match client::identify(client, credentials, brand, presented)? {
        Identified::Proven(proof) => return Ok(proof),
        Identified::SelfSigned(client) => return prove_key(app, brand, &client).await,
        Identified::Asserting(asserting) => asserting,
    };
    let at_hand = client_keys::of(app, brand, asserting.client(), Keys::AtHand).await?;
    let mut signed = asserting.verify(&at_hand.signing);
    // a key may have got a successor, also under its own name
    if matches!(signed, Err(AssertionRefusal::Jws(JoseRefusal::NoKey | JoseRefusal::Signature)))
        && client_keys::may_have_changed(asserting.client())
    {
        let newer = client_keys::of(app, brand, asserting.client(), Keys::Missed).await?;
        signed = asserting.verify(&newer.signing);
    }
    Ok(asserting.judge(&signed?, brand, now)?)
}

/// A rotation needs no notice here either.
async fn prove_key(app: &App, brand: &Brand, client: &SelfSigned) -> Verdict {
    let at_hand = client_keys::of(app, brand, client.client(), Keys::AtHand).await?;
    let proven = client.prove(&at_hand.certified, brand);
    if proven.is_ok() || !client_keys::may_have_changed(client.client()) {
        return proven;
    }
    let newer = client_keys::of(app, brand, client.client(), Keys::Missed).await?;
    client.prove(&newer.certified, brand)
}
