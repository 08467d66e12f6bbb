//! Signing keys: made ahead of their first use, published on after their last.

use super::{Desk, Done};
use crate::{
    admin::{ActRefusal, Algorithm, KeyState, KeyTimes, KeyView, RotationRefusal, StoredKey},
    app::App,
    audit::AuditKind,
    signing::{SigningKey, WrappingKey, file_view},
    storage::{Db, Outage, Subject, Tx},
};
use time::{Duration, OffsetDateTime};

/// Retired keys in the list.
const RETIRED: i64 = 100;
/// In the audit trail, where the settings act and no person does.
const BY_ITSELF: &str = "guichet";

/// Those of the files first, then those of the database in the order in which they sign, retired ones last.
pub async fn list(db: &Db, files: &[SigningKey], now: OffsetDateTime) -> Result<Vec<KeyView>, Outage> {
    let (published, retired) = (db.published_keys(now).await?, db.retired_keys(now, RETIRED).await?);
    Ok(files.iter().map(file_view).chain(published.iter().chain(&retired).map(|key| key.view(now))).collect())
}

/// Whether a key is to be made, the newest being of this age.
pub async fn is_due(db: &Db, age: Duration, now: OffsetDateTime) -> Result<bool, Outage> {
    Ok(StoredKey::is_due(&db.published_keys(now).await?, age, now))
}

/// The next key, where the settings have servers make it and the newest is old enough; the very first one signs at once. `None`: nothing
/// was to be done. Of servers that come together one makes it.
pub async fn rotate_by_age(app: &App) -> Result<Option<Result<Done, ActRefusal>>, Outage> {
    let desk = Desk::of(app);
    let Some(age) = desk.keys.policy.rotate_after else { return Ok(None) };
    if !is_due(desk.db, age, desk.now).await? {
        return Ok(None);
    }
    let mut tx = desk.db.begin("rotate_keys").await?;
    tx.lock_signing_keys().await?;
    let keys = tx.published_keys(desk.now).await?;
    if !StoredKey::is_due(&keys, age, desk.now) {
        return Ok(None);
    }
    let nothing_signs = keys.iter().all(|key| key.times.state(desk.now) != KeyState::Active);
    let reason = format!("signing.rotate_after_days = {}", age.whole_days());
    let done = rotate(&desk, &mut tx, None, nothing_signs, &reason, BY_ITSELF).await?;
    if done.is_ok() {
        tx.commit().await?;
    }
    Ok(Some(done))
}

pub(super) async fn rotate(
    desk: &Desk<'_>,
    tx: &mut Tx,
    algorithm: Option<Algorithm>,
    at_once: bool,
    reason: &str,
    actor: &str,
) -> Result<Result<Done, ActRefusal>, Outage> {
    let (now, policy) = (desk.now, desk.keys.policy);
    let refuse = |refusal| Ok(Err(ActRefusal::Rotation(refusal)));
    let Some(wrapping) = &desk.keys.wrapping else { return refuse(RotationRefusal::NoWrappingKey) };
    tx.lock_signing_keys().await?;
    let keys = tx.published_keys(now).await?;
    let rotation = match StoredKey::rotate(&keys, at_once, policy.overlap, now) {
        Ok(rotation) => rotation,
        Err(refusal) => return refuse(refusal),
    };
    let times = KeyTimes { signs_from: rotation.from, signs_until: None, published_until: None };
    let successor = match rotation.successor.as_ref().and_then(|kid| keys.iter().find(|key| key.kid == *kid)) {
        Some(next) => {
            let times = KeyTimes { signs_from: rotation.from, ..next.times };
            tx.set_key_times(&next.kid, &times).await?;
            StoredKey { times, ..next.clone() }
        }
        None => {
            let made = wrapping.make(algorithm.unwrap_or(policy.algorithm), desk.entropy.bytes());
            let Some(made) = made else { return refuse(RotationRefusal::NoWrappingKey) };
            let (sealed, made_by) = (Some(made.sealed), actor.to_owned());
            let key = StoredKey { kid: made.kid, algorithm: made.algorithm, public: made.public, sealed, made_at: now, made_by, times };
            tx.insert_signing_key(&key).await?;
            key
        }
    };
    if let Some(old) = rotation.predecessor.as_ref().and_then(|kid| keys.iter().find(|key| key.kid == *kid)) {
        let (signs_until, published_until) = (Some(rotation.from), Some(rotation.published_until));
        tx.set_key_times(&old.kid, &KeyTimes { signs_from: old.times.signs_from, signs_until, published_until }).await?;
    }
    tx.destroy_private_halves(now).await?;
    let from = successor.times.signs_from;
    let event = desk.event(None, AuditKind::SigningKeyMade, actor).subject(successor.kid.clone());
    tx.record(&event.reason(format!("{} from {from}: {reason}", successor.algorithm.name()))).await?;
    tx.bump(Subject::Signing).await?;
    Ok(Ok(Done::Rotated(successor.view(now))))
}

pub(super) async fn retire(desk: &Desk<'_>, tx: &mut Tx, kid: &str, reason: &str, actor: &str) -> Result<Result<Done, ActRefusal>, Outage> {
    let now = desk.now;
    tx.lock_signing_keys().await?;
    let Some(key) = tx.find_signing_key(kid).await? else { return Ok(Err(ActRefusal::NoSuchKey)) };
    match key.retire(now) {
        Err(refusal) => return Ok(Err(ActRefusal::Rotation(refusal))),
        Ok(false) => return Ok(Ok(Done::RetiredBefore(key.view(now)))),
        Ok(true) => {}
    }
    if key.times.state(now) == KeyState::Next {
        // the one that it was to follow signs on
        for before in tx.published_keys(now).await?.iter().filter(|other| other.times.signs_until == Some(key.times.signs_from)) {
            let times = KeyTimes { signs_until: None, published_until: None, ..before.times };
            tx.set_key_times(&before.kid, &times).await?;
        }
    }
    tx.retire_key(kid, actor, now).await?;
    let event = desk.event(None, AuditKind::SigningKeyRetired, actor).subject(kid.to_owned());
    tx.record(&event.reason(reason.to_owned())).await?;
    tx.bump(Subject::Signing).await?;
    let times = KeyTimes { published_until: Some(now), ..key.times };
    Ok(Ok(Done::Retired(StoredKey { times, sealed: None, ..key }.view(now))))
}

/// Private halves under another wrapping key. How many; `Err`: this one does not open with the old key, and nothing changed.
pub async fn rewrap(desk: &Desk<'_>, old: &WrappingKey, new: &WrappingKey, actor: &str) -> Result<Result<usize, String>, Outage> {
    let mut tx = desk.db.begin("rewrap_keys").await?;
    tx.lock_signing_keys().await?;
    let mut done = 0;
    for key in tx.published_keys(desk.now).await? {
        let Some(sealed) = &key.sealed else { continue };
        if new.open(&key.kid, key.algorithm, sealed).is_ok() {
            continue;
        }
        let Ok(private) = old.open(&key.kid, key.algorithm, sealed) else { return Ok(Err(key.kid)) };
        let Some(sealed) = new.seal(&key.kid, key.algorithm, &private, desk.entropy.bytes()) else { return Ok(Err(key.kid)) };
        tx.rewrap_key(&key.kid, &sealed).await?;
        done += 1;
    }
    let event = desk.event(None, AuditKind::SigningKeysRewrapped, actor);
    tx.record(&event.reason(format!("{done} keys"))).await?;
    tx.bump(Subject::Signing).await?;
    tx.commit().await?;
    Ok(Ok(done))
}

/// The keys of the database, read anew into memory.
pub async fn reload(app: &App) -> Result<(), Outage> {
    let keys = app.db.published_keys(app.clock.now()).await?;
    for (kid, why) in app.signing.set_stored(keys) {
        tracing::error!(
            kid,
            ?why,
            "a signing key does not open with the key of `signing.wrapping_key_file`: it is published and does not sign"
        );
    }
    Ok(())
}
