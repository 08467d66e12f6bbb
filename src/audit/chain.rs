//! What the bank can prove of its events: their canonical form, the seals over them, and the chain of these. docs/audit.md says how
//! another program computes the same.

use aws_lc_rs::digest::{Context, SHA256};
use std::fmt;
use time::OffsetDateTime;
use uuid::Uuid;

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    pub const LENGTH: usize = 32;
    /// What the first seal of a chain names as the one before it.
    pub const NONE: Self = Self([0; 32]);

    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn parse(hexadecimal: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = hexadecimal.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(hexadecimal.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub id: Uuid,
    pub at: OffsetDateTime,
    pub brand: String,
    pub kind: String,
    pub client: Option<Uuid>,
    pub organisation: Option<String>,
    pub grant: Option<Uuid>,
    pub reason: Option<String>,
    pub actor: Option<String>,
    pub subject: Option<String>,
    /// Which customer's key opens `psu`.
    pub psu_key: Option<Uuid>,
    pub psu: Option<Vec<u8>>,
    /// Of the transaction that wrote it.
    pub position: i64,
}

/// Tagged, length-prefixed fields: what is absent is left out, so that a column which is added later changes no former hash.
struct Fields(Context);

impl Fields {
    fn of(what: &str) -> Self {
        let mut fields = Self(Context::new(&SHA256));
        fields.put(0, Some(what.as_bytes()));
        fields
    }

    /// One byte of tag, four of length (big-endian), the value.
    fn put(&mut self, tag: u8, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.0.update(&[tag]);
        self.0.update(&length.to_be_bytes());
        self.0.update(value);
    }

    fn done(self) -> Hash {
        hash(self.0)
    }
}

fn hash(context: Context) -> Hash {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Hash(bytes)
}

/// As PostgreSQL keeps it: microseconds since 1970, signed.
fn microseconds(at: OffsetDateTime) -> [u8; 8] {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1000)).unwrap_or(i64::MAX).to_be_bytes()
}

impl Recorded {
    /// The canonical form's hash: everything but where the event stands.
    pub fn content(&self) -> Hash {
        let mut fields = Fields::of("guichet audit event");
        fields.put(1, Some(self.id.as_bytes()));
        fields.put(2, Some(&microseconds(self.at)));
        fields.put(3, Some(self.brand.as_bytes()));
        fields.put(4, Some(self.kind.as_bytes()));
        fields.put(5, self.client.as_ref().map(|id| &id.as_bytes()[..]));
        fields.put(6, self.organisation.as_deref().map(str::as_bytes));
        fields.put(7, self.grant.as_ref().map(|id| &id.as_bytes()[..]));
        fields.put(8, self.reason.as_deref().map(str::as_bytes));
        fields.put(9, self.actor.as_deref().map(str::as_bytes));
        fields.put(10, self.subject.as_deref().map(str::as_bytes));
        fields.put(11, self.psu_key.as_ref().map(|id| &id.as_bytes()[..]));
        fields.put(12, self.psu.as_deref());
        fields.done()
    }

    pub fn leaf(&self) -> Leaf {
        Leaf { id: self.id, hash: leaf_hash(self.position, &self.content()) }
    }
}

/// RFC 9162 s2.1.1, over position and canonical form.
pub fn leaf_hash(position: i64, content: &Hash) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(&position.to_be_bytes());
    context.update(content.as_bytes());
    hash(context)
}

/// What a seal keeps of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub id: Uuid,
    pub hash: Hash,
}

/// RFC 9162 s2.1.1: the root of the tree over these, in order.
pub fn root(leaves: &[Leaf]) -> Hash {
    match leaves {
        [] => hash(Context::new(&SHA256)),
        [only] => only.hash,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            let mut context = Context::new(&SHA256);
            context.update(&[1]);
            context.update(root(left).as_bytes());
            context.update(root(right).as_bytes());
            hash(context)
        }
    }
}

/// Stands over the events of one brand between two positions, and over every seal before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub brand: String,
    /// From 1.
    pub number: i64,
    pub from: i64,
    /// Excluded.
    pub to: i64,
    pub sealed_at: OffsetDateTime,
    pub events: i32,
    /// The least and the greatest: which months it reaches into.
    pub first_id: Uuid,
    pub last_id: Uuid,
    /// In order of position and id. `None`: forgotten with the months of its events.
    pub leaves: Option<Vec<Leaf>>,
    pub root: Hash,
    pub previous: Hash,
    pub hash: Hash,
}

/// The end of a brand's chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub brand: String,
    pub number: i64,
    pub to: i64,
    pub hash: Hash,
}

impl Head {
    /// Of a brand that has no seal yet.
    pub fn none(brand: &str) -> Self {
        Self { brand: brand.to_owned(), number: 0, to: 0, hash: Hash::NONE }
    }

    /// Over these events, which are all of the brand's that there are below `to`: in order of position and id. `None`: there are none.
    pub fn seal(&self, events: &[Recorded], to: i64, now: OffsetDateTime) -> Option<Seal> {
        let leaves: Vec<_> = events.iter().map(Recorded::leaf).collect();
        let ids = || leaves.iter().map(|leaf| leaf.id);
        let mut seal = Seal {
            brand: self.brand.clone(),
            number: self.number + 1,
            from: self.to,
            to,
            sealed_at: now,
            events: i32::try_from(leaves.len()).unwrap_or(i32::MAX),
            first_id: ids().min()?,
            last_id: ids().max()?,
            root: root(&leaves),
            leaves: Some(leaves),
            previous: self.hash,
            hash: Hash::NONE,
        };
        seal.hash = seal.computed_hash();
        Some(seal)
    }
}

impl Seal {
    pub fn computed_hash(&self) -> Hash {
        let mut fields = Fields::of("guichet audit seal");
        fields.put(1, Some(self.brand.as_bytes()));
        fields.put(2, Some(&self.number.to_be_bytes()));
        fields.put(3, Some(&self.from.to_be_bytes()));
        fields.put(4, Some(&self.to.to_be_bytes()));
        fields.put(5, Some(&microseconds(self.sealed_at)));
        fields.put(6, Some(&self.events.to_be_bytes()));
        fields.put(7, Some(self.first_id.as_bytes()));
        fields.put(8, Some(self.last_id.as_bytes()));
        fields.put(9, Some(self.root.as_bytes()));
        fields.put(10, Some(self.previous.as_bytes()));
        fields.done()
    }

    /// Its own words agree with one another.
    pub fn is_sound(&self) -> bool {
        let kept = self.leaves.as_ref().is_none_or(|leaves| {
            i32::try_from(leaves.len()) == Ok(self.events)
                && root(leaves) == self.root
                && leaves.iter().all(|leaf| (self.first_id..=self.last_id).contains(&leaf.id))
        });
        kept && self.hash == self.computed_hash()
    }

    pub fn head(&self) -> Head {
        Head { brand: self.brand.clone(), number: self.number, to: self.to, hash: self.hash }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use time::macros::datetime;

    fn event(n: u128) -> Recorded {
        Recorded {
            id: Uuid::from_u128(n),
            at: datetime!(2026-11-28 10:00 UTC),
            brand: "cic".into(),
            kind: "token_issued".into(),
            client: Some(Uuid::from_u128(7)),
            organisation: None,
            grant: None,
            reason: None,
            actor: None,
            subject: None,
            psu_key: None,
            psu: None,
            position: 42,
        }
    }

    /// A hash that changes with a release would make every former seal look broken.
    #[test]
    fn the_canonical_form_is_what_it_always_was() {
        let one = event(1);
        assert_eq!(one.content().to_string(), "4cc4b14fc923a9c2f3276eb25a846a545bcd9b5ba2b520309896c5ceddd94c0d");
        assert_eq!(one.leaf().hash.to_string(), "86a438140f90d8a067419a5048c82fc14d610459049c369265e49a65b0d8792b");
        let seal = Head::none("cic").seal(&[one, event(2), event(3)], 43, datetime!(2026-11-28 10:00:01 UTC)).unwrap();
        assert_eq!(
            (seal.root.to_string().as_str(), seal.hash.to_string().as_str()),
            (
                "606a7fbc03d2b5bcf1b0d83009f9b64c00f35c63bbdf921b8c5f31e38856bc48",
                "0ff90143e7d0525a0e69d2e344432138c7eeff3560cfc1fc4c444d96fb2c2a93"
            )
        );
    }

    #[test]
    fn every_field_counts_and_nothing_is_not_empty() {
        type Change = fn(&mut Recorded);
        let changes: [Change; 14] = [
            |e| e.id = Uuid::nil(),
            |e| e.at += time::Duration::MICROSECOND,
            |e| e.brand.push('x'),
            |e| e.kind.push('x'),
            |e| e.client = None,
            |e| e.organisation = Some(String::new()),
            |e| e.grant = e.client.take(),
            |e| e.reason = Some(String::new()),
            |e| e.actor = Some(String::new()),
            |e| e.subject = Some(String::new()),
            |e| e.psu_key = e.client,
            |e| e.psu = Some(vec![]),
            |e| e.reason = Some("subject".into()),
            |e| e.subject = Some("subject".into()),
        ];
        let contents = changes.iter().map(|change| {
            let mut changed = event(1);
            change(&mut changed);
            changed.content()
        });
        let distinct: std::collections::BTreeSet<_> = contents.chain([event(1).content()]).collect();
        assert_eq!(distinct.len(), changes.len() + 1);
        assert_ne!(leaf_hash(1, &event(1).content()), leaf_hash(2, &event(1).content()));
    }

    #[test]
    fn the_tree_is_that_of_rfc_9162() {
        assert_eq!(root(&[]).to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let leaves: Vec<_> = (0..5).map(|n| event(n).leaf()).collect();
        let node = |left: Hash, right: Hash| {
            let mut context = Context::new(&SHA256);
            [&[1][..], left.as_bytes(), right.as_bytes()].iter().for_each(|part| context.update(part));
            hash(context)
        };
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|n| leaves[n].hash);
        assert_eq!(root(&leaves), node(node(node(a, b), node(c, d)), e));
    }

    proptest! {
        #[test]
        fn a_seal_is_sound_until_anything_in_it_changes(count in 1_u128..40, number in 0_i64..9, swap: bool) {
            let events: Vec<_> = (0..count).map(event).collect();
            let head = Head { number, ..Head::none("cic") };
            let seal = head.seal(&events, 50, datetime!(2026-11-28 10:00 UTC)).unwrap();
            prop_assert!(seal.is_sound());
            let mut other = seal.clone();
            match &mut other.leaves {
                Some(leaves) if swap && leaves.len() > 1 => leaves.swap(0, 1),
                Some(leaves) => leaves[0].hash = Hash::NONE,
                None => {}
            }
            prop_assert!(!other.is_sound());
            let longer = Seal { to: 51, ..seal.clone() };
            prop_assert!(!longer.is_sound());
            let without = Seal { leaves: None, ..seal };
            prop_assert!(without.is_sound(), "leaves may go");
        }

        #[test]
        fn a_hash_reads_as_it_is_written(bytes: [u8; 32]) {
            let hash = Hash(bytes);
            prop_assert_eq!(Hash::parse(&hash.to_string()), Some(hash));
            prop_assert_eq!(Hash::parse(&hash.to_string()[1..]), None);
        }
    }
}
