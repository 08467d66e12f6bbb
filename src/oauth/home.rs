//! What belongs together has ids that say so: a payment, the grant that is for it and every token of that end in the same two
//! bytes. Where a bank outgrows one database, these bytes say which one has the rows, so that no call of a TPP needs two
//! (docs/scale.md). Ids live for half a year: they must say it long before.

use super::secret::Digest;
use uuid::Uuid;

/// Which of the 65536 homes a row of this id has.
pub const fn of(id: &Uuid) -> u16 {
    let bytes = id.as_bytes();
    u16::from_be_bytes([bytes[14], bytes[15]])
}

/// The id, with the home of another.
pub const fn beside(id: Uuid, other: &Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128() & !0xffff | of(other) as u128)
}

/// The id of what is also looked up, or is there only once, by something else: that tells its home.
pub fn told_by(id: Uuid, key: &Digest) -> Uuid {
    let home = key.as_bytes().iter().take(2).fold(0, |home, byte| home << 8 | u128::from(*byte));
    beside(id, &Uuid::from_u128(home))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_beside_another_differs_from_it_in_all_but_the_home() {
        let (id, other) = (Uuid::from_u128(u128::MAX), Uuid::from_u128(0x1234));
        let moved = beside(id, &other);
        assert_eq!((of(&moved), of(&other)), (0x1234, 0x1234));
        assert_eq!(moved.as_u128() >> 16, id.as_u128() >> 16);
        assert_eq!(moved.as_bytes()[..14], id.as_bytes()[..14]);
    }

    #[test]
    fn a_key_tells_the_home_of_every_id_for_it() {
        let homes = |key: &[u8]| [1, 2].map(|id| of(&told_by(Uuid::from_u128(id), &Digest::of(key))));
        assert_eq!(homes(b"one")[0], homes(b"one")[1]);
        assert_ne!(homes(b"one")[0], homes(b"another")[0]);
    }
}
