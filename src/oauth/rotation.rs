//! Refresh tokens that follow one another, where a bank rotates them (RFC 9700 s4.14.2).
//!
//! A refresh hands out the successor of the token that was presented; the old one works until the successor is first used, and is
//! over from then on. Whoever presents it after that holds a copy, or lost one: the grant ends.
//!
//! A successor is not drawn, it is **derived**: HMAC-SHA256 over grant and secret, with a key of the deployment. So a client that
//! sends a refresh twice at once, or again because the answer was lost, is told the very same token, at whichever server, and nothing
//! has to be kept that could be told again. Nobody gets further with half of what it takes: whoever reads the database finds the key
//! and digests, but no secret to begin with; whoever holds a token cannot go on without the key. Whoever has both, an old token and
//! the database, can: rotation does not protect from that, the client's certificate does.

use super::{
    grant::GrantId,
    secret::{Digest, Handle, HandleKind, Secret},
};
use aws_lc_rs::hmac;
use std::{fmt, iter};

/// The key of the deployment, which leads from a token to the one after it.
#[derive(Clone)]
pub struct SuccessionKey(hmac::Key);

impl SuccessionKey {
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

impl fmt::Debug for SuccessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuccessionKey(..)")
    }
}

/// A refresh token as its client holds it. `Debug` hides the secret.
#[derive(Clone)]
pub struct RefreshToken {
    grant: GrantId,
    secret: [u8; 32],
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl RefreshToken {
    /// The first one of a grant, from 32 random bytes.
    pub const fn new(grant: GrantId, random: [u8; 32]) -> Self {
        Self { grant, secret: random }
    }

    /// `None`: not of this kind or not of this server, so nothing to look up.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = Handle::halves(HandleKind::RefreshToken, text)?;
        Some(Self { grant: GrantId(id), secret })
    }

    pub const fn grant(&self) -> GrantId {
        self.grant
    }

    /// What is stored of it.
    pub fn digest(&self) -> Digest {
        Digest::of_secret(HandleKind::RefreshToken, &self.secret)
    }

    /// What its client is told.
    pub fn secret(&self) -> Secret {
        Handle::mint(HandleKind::RefreshToken, self.grant.0, &self.secret).1
    }

    /// The one after it: always the same.
    pub fn successor(&self, key: &SuccessionKey) -> Self {
        let mut context = hmac::Context::with_key(&key.0);
        context.update(self.grant.0.as_bytes());
        context.update(&self.secret);
        let mut secret = [0; 32];
        secret.copy_from_slice(context.sign().as_ref());
        Self { grant: self.grant, secret }
    }
}

/// The refresh tokens of a grant, as stored.
#[derive(Clone, Copy, Debug)]
pub struct RefreshChain {
    pub current: Digest,
    /// Handed out and not used yet.
    pub next: Option<Digest>,
    /// How many came before the current one.
    pub generation: u32,
}

/// Where in its grant's chain a token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Current,
    /// Its use ends the current one.
    Next,
    /// Its successor was used: it is over.
    Former,
}

/// A token that was over so many generations ago is not recognised any more, so that no request costs more than some milliseconds.
const FURTHEST: u32 = 4096;

impl RefreshChain {
    /// Is it one of the two that are good?
    pub fn live(&self, token: &Digest) -> Option<Place> {
        if token.matches(&self.current) {
            return Some(Place::Current);
        }
        self.next.as_ref().filter(|next| token.matches(next)).map(|_| Place::Next)
    }

    /// Does what follows this token lead to the current one? A secret that was never given out leads nowhere.
    pub fn is_former(&self, token: &RefreshToken, key: &SuccessionKey) -> bool {
        let steps = usize::try_from(self.generation.min(FURTHEST)).unwrap_or(0);
        let followers = iter::successors(Some(token.successor(key)), |token| Some(token.successor(key)));
        followers.take(steps).any(|follower| follower.digest().matches(&self.current))
    }

    /// `None`: it was never given out.
    pub fn place(&self, token: &RefreshToken, key: &SuccessionKey) -> Option<Place> {
        self.live(&token.digest()).or_else(|| self.is_former(token, key).then_some(Place::Former))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn first() -> RefreshToken {
        RefreshToken::new(GrantId(Uuid::from_u128(7)), [9; 32])
    }

    fn key() -> SuccessionKey {
        SuccessionKey::new(&[1; 32])
    }

    /// The tokens of a grant, and how its chain is stored when the `used`-th was used last and told its successor.
    fn chain(used: usize) -> (Vec<RefreshToken>, RefreshChain) {
        let all: Vec<_> = iter::successors(Some(first()), |token| Some(token.successor(&key()))).take(used + 3).collect();
        let generation = u32::try_from(used).unwrap();
        let stored = RefreshChain { current: all[used].digest(), next: Some(all[used + 1].digest()), generation };
        (all, stored)
    }

    #[test]
    fn a_token_is_read_back_with_its_grant_and_shows_nothing() {
        let token = first();
        let text = token.secret();
        assert!(text.reveal().starts_with("gurt_"));
        let read = RefreshToken::parse(text.reveal()).unwrap();
        assert!(read.grant() == token.grant() && read.digest().matches(&token.digest()));
        let handle = Handle::parse(HandleKind::RefreshToken, text.reveal()).unwrap();
        assert!(handle.id == token.grant().0 && handle.digest.matches(&token.digest()));
        assert!(RefreshToken::parse(&text.reveal().replace("gurt_", "guat_")).is_none());
        let shown = format!("{token:?} {:?}", key());
        assert_eq!(shown, "RefreshToken { grant: GrantId(00000000-0000-0000-0000-000000000007), .. } SuccessionKey(..)");
    }

    /// Stored in living grants' clients: it may never change.
    #[test]
    fn the_successor_is_hmac_sha256_over_grant_and_secret() {
        let next = first().successor(&key());
        let hex: String = next.secret.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "67293bb007e60eff8b55c014092c71fbbfad15fdf8c5fbd98e6ab2ec63cf4173");
    }

    #[test]
    fn a_successor_is_its_grants_and_its_deployments_own() {
        let next = first().successor(&key());
        let elsewhere = RefreshToken { grant: GrantId(Uuid::from_u128(8)), ..first() }.successor(&key());
        let other_key = first().successor(&SuccessionKey::new(&[2; 32]));
        for other in [elsewhere, other_key, first()] {
            assert_ne!(next.secret, other.secret);
        }
        assert_eq!(next.secret, first().successor(&key()).secret, "asked twice, told the same");
    }

    #[test]
    fn too_old_to_be_recognised_is_unknown_and_no_longer_searched_for() {
        let furthest = usize::try_from(FURTHEST).unwrap();
        let (all, stored) = chain(furthest + 1);
        assert_eq!(stored.place(&all[1], &key()), Some(Place::Former));
        assert_eq!(stored.place(&all[0], &key()), None);
        let forged = RefreshChain { generation: u32::MAX, ..stored };
        assert_eq!(forged.place(&RefreshToken::new(first().grant(), [0; 32]), &key()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn two_are_good_those_before_are_over_and_nothing_else_is_known(used in 0_usize..40, noise: [u8; 32], flipped in 0_usize..32) {
            let (all, stored) = chain(used);
            for (number, token) in all.iter().enumerate() {
                let expected = match number.checked_sub(used) {
                    None => Some(Place::Former),
                    Some(0) => Some(Place::Current),
                    Some(1) => Some(Place::Next),
                    // not handed out yet
                    Some(_) => None,
                };
                prop_assert_eq!(stored.place(token, &key()), expected, "{} of {}", number, used);
                let told = RefreshChain { next: None, ..stored };
                prop_assert_eq!(told.place(token, &key()), expected.filter(|place| *place != Place::Next));
                let mut forged = token.clone();
                forged.secret[flipped] ^= 1;
                prop_assert_eq!(stored.place(&forged, &key()), None);
                let elsewhere = RefreshToken { grant: GrantId(Uuid::from_u128(8)), ..token.clone() };
                prop_assert_ne!(stored.place(&elsewhere, &key()), Some(Place::Former));
                prop_assert_ne!(stored.place(token, &SuccessionKey::new(&noise)), Some(Place::Former), "another deployment's key");
            }
            prop_assert_eq!(stored.place(&RefreshToken::new(first().grant(), noise), &key()), None);
        }
    }
}
