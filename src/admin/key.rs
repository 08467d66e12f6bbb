//! A signing key's life: published, signs, published on, gone. Each state is a comparison of its times with now.

use crate::jose::JwsAlgorithm;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

/// What clients are told to expect (RFC 7518 s3.1, RFC 8037 s3.1): those that FAPI 2.0 allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Algorithm {
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "PS256")]
    Ps256,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    pub const ALL: [Self; 3] = [Self::Es256, Self::Ps256, Self::EdDsa];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// What [`Self::name`] wrote.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl From<Algorithm> for JwsAlgorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::Es256,
            Algorithm::Ps256 => Self::Ps256,
            Algorithm::EdDsa => Self::EdDsa,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published; signs later.
    Next,
    /// Published, and signs.
    Active,
    /// Published for what it signed.
    Retiring,
    /// Neither.
    Retired,
    /// Of a file that the settings name: published while they name it.
    File,
}

impl KeyState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::File => "file",
        }
    }
}

/// When a key of the database is good for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTimes {
    pub signs_from: OffsetDateTime,
    /// `None`: no successor yet.
    pub signs_until: Option<OffsetDateTime>,
    pub published_until: Option<OffsetDateTime>,
}

impl KeyTimes {
    pub fn state(&self, now: OffsetDateTime) -> KeyState {
        let over = |end: Option<OffsetDateTime>| end.is_some_and(|end| now >= end);
        match () {
            () if over(self.published_until) => KeyState::Retired,
            () if now < self.signs_from => KeyState::Next,
            () if over(self.signs_until) => KeyState::Retiring,
            () => KeyState::Active,
        }
    }
}

/// A key as the database has it.
#[derive(Clone)]
pub struct StoredKey {
    pub kid: String,
    pub algorithm: Algorithm,
    /// RFC 7517.
    pub public: Value,
    /// The private half, wrapped; `None`: destroyed.
    pub sealed: Option<Sealed>,
    pub made_at: OffsetDateTime,
    pub made_by: String,
    pub times: KeyTimes,
}

/// A private half that only the wrapping key opens.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    pub bytes: Vec<u8>,
    /// Which wrapping key that is.
    pub wrapped_by: [u8; 16],
}

/// What a rotation changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// This one signs from `from` on; `None`: a new key.
    pub successor: Option<String>,
    pub from: OffsetDateTime,
    /// The key that signs until then.
    pub predecessor: Option<String>,
    pub published_until: OffsetDateTime,
}

/// Why keys stay as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationRefusal {
    /// The next key is there.
    NextThere(OffsetDateTime),
    /// It signs.
    Active,
    /// `signing.wrapping_key_file` names none.
    NoWrappingKey,
    /// More keys than anybody needs are published.
    TooMany,
}

impl fmt::Display for RotationRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NextThere(from) => write!(f, "the next key is there already; it signs from {from}. To have it sign now: --at-once"),
            Self::Active => f.write_str("this key signs: make a successor first, with --at-once where it must stop now"),
            Self::NoWrappingKey => f.write_str("`signing.wrapping_key_file` names no key that private halves could be wrapped with"),
            Self::TooMany => f.write_str("too many keys are published already: retire some"),
        }
    }
}

/// Keys that are published at a time: a JWK set stays small.
const MOST_PUBLISHED: usize = 16;

impl StoredKey {
    /// What the next rotation does. `keys`: those that are not retired.
    pub fn rotate(keys: &[Self], at_once: bool, overlap: Duration, now: OffsetDateTime) -> Result<Rotation, RotationRefusal> {
        let of = |state| keys.iter().filter(move |key| key.times.state(now) == state);
        let next = of(KeyState::Next).min_by_key(|key| key.times.signs_from);
        let successor = match next {
            Some(next) if !at_once => return Err(RotationRefusal::NextThere(next.times.signs_from)),
            next => next.map(|next| next.kid.clone()),
        };
        if successor.is_none() && keys.len() >= MOST_PUBLISHED {
            return Err(RotationRefusal::TooMany);
        }
        let from = if at_once { now } else { now + overlap };
        let predecessor = of(KeyState::Active).max_by_key(|key| key.times.signs_from).map(|key| key.kid.clone());
        Ok(Rotation { successor, from, predecessor, published_until: from + overlap })
    }

    /// Whether it is time for the next key: none waits, and the newest one that signs is of this age. `keys`: those that are not retired.
    pub fn is_due(keys: &[Self], age: Duration, now: OffsetDateTime) -> bool {
        let of = |state| keys.iter().filter(move |key| key.times.state(now) == state);
        let newest = of(KeyState::Active).map(|key| key.made_at).max();
        of(KeyState::Next).next().is_none() && newest.is_none_or(|made| now - made >= age)
    }

    /// Whether it may be taken out of the published set now. `false`: it is out.
    pub fn retire(&self, now: OffsetDateTime) -> Result<bool, RotationRefusal> {
        match self.times.state(now) {
            KeyState::Active | KeyState::File => Err(RotationRefusal::Active),
            KeyState::Next | KeyState::Retiring => Ok(true),
            KeyState::Retired => Ok(false),
        }
    }

    pub fn view(&self, now: OffsetDateTime) -> KeyView {
        KeyView {
            kid: self.kid.clone(),
            algorithm: self.algorithm,
            state: self.times.state(now),
            made_at: Some(self.made_at),
            made_by: Some(self.made_by.clone()),
            signs_from: Some(self.times.signs_from),
            signs_until: self.times.signs_until,
            published_until: self.times.published_until,
            can_sign: self.sealed.is_some(),
        }
    }
}

/// A signing key; nothing of its private half.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// RFC 7638.
    pub kid: String,
    pub algorithm: Algorithm,
    pub state: KeyState,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub made_at: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub signs_from: Option<OffsetDateTime>,
    /// Absent: it has no successor yet.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub signs_until: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub published_until: Option<OffsetDateTime>,
    /// Its private half exists.
    pub can_sign: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);
    const OVERLAP: Duration = Duration::hours(48);

    fn key(kid: &str, from: i64, until: Option<i64>, published: Option<i64>) -> StoredKey {
        let at = |hours| NOW + Duration::hours(hours);
        let times = KeyTimes { signs_from: at(from), signs_until: until.map(at), published_until: published.map(at) };
        let (public, sealed) = (Value::Null, Some(Sealed { bytes: vec![], wrapped_by: [0; 16] }));
        StoredKey { kid: kid.into(), algorithm: Algorithm::Es256, public, sealed, made_at: NOW, made_by: "me".into(), times }
    }

    #[test]
    fn a_keys_state_is_a_comparison_of_its_times() {
        for (from, until, published, state) in [
            (1, None, None, KeyState::Next),
            (0, None, None, KeyState::Active),
            (-1, Some(1), Some(2), KeyState::Active),
            (-2, Some(0), Some(1), KeyState::Retiring),
            (-3, Some(-1), Some(0), KeyState::Retired),
            (1, None, Some(0), KeyState::Retired),
        ] {
            assert_eq!(key("k", from, until, published).times.state(NOW), state, "{from} {until:?} {published:?}");
        }
    }

    #[test]
    fn the_next_key_is_due_when_the_newest_is_old_and_none_waits() {
        let made = |key: StoredKey, days| StoredKey { made_at: NOW - Duration::days(days), ..key };
        let (young, old) = (made(key("young", -100, None, None), 89), made(key("old", -100, None, None), 90));
        let (next, gone) = (key("next", 24, None, None), made(key("gone", -200, Some(-100), Some(24)), 1));
        for (keys, due) in [
            (vec![], true),
            (vec![young.clone()], false),
            (vec![old.clone()], true),
            (vec![old.clone(), young], false),
            (vec![old.clone(), gone.clone()], true),
            (vec![gone], true),
            (vec![old, next.clone()], false),
            (vec![next], false),
        ] {
            let names: Vec<_> = keys.iter().map(|key| &key.kid).collect();
            assert_eq!(StoredKey::is_due(&keys, Duration::days(90), NOW), due, "{names:?}");
        }
    }

    #[test]
    fn a_successor_is_published_before_it_signs_and_the_predecessor_after() {
        let (old, next) = (key("old", -100, None, None), key("next", 24, None, None));
        let rotation = |successor: Option<&str>, hours, predecessor: Option<&str>| Rotation {
            successor: successor.map(str::to_owned),
            from: NOW + Duration::hours(hours),
            predecessor: predecessor.map(str::to_owned),
            published_until: NOW + Duration::hours(hours) + OVERLAP,
        };
        let keys = [old, next];
        for (keys, at_once, verdict) in [
            (&keys[..0], false, Ok(rotation(None, 48, None))),
            (&keys[..0], true, Ok(rotation(None, 0, None))),
            (&keys[..1], false, Ok(rotation(None, 48, Some("old")))),
            (&keys[..1], true, Ok(rotation(None, 0, Some("old")))),
            (&keys[..], false, Err(RotationRefusal::NextThere(NOW + Duration::hours(24)))),
            (&keys[..], true, Ok(rotation(Some("next"), 0, Some("old")))),
        ] {
            assert_eq!(StoredKey::rotate(keys, at_once, OVERLAP, NOW), verdict);
        }
        assert_eq!(keys[0].retire(NOW), Err(RotationRefusal::Active));
        assert_eq!(keys[1].retire(NOW), Ok(true));
        assert_eq!(key("gone", -3, Some(-1), Some(0)).retire(NOW), Ok(false));
    }
}
