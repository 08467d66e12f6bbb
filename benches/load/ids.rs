//! Ids of rows that the benchmark makes: they begin as one that the program made, so they have its time, table and scope.

use uuid::Uuid;

/// What an id made here is for, so that no two are the same.
#[derive(Clone, Copy)]
pub struct Space(u16);

impl Space {
    pub const GRANT: Self = Self(1);
    pub const TOKEN: Self = Self(2);

    /// For the nth id that a statement makes.
    pub fn of_pgbench(n: usize) -> Self {
        Self(u16::try_from(3 + n).unwrap())
    }
}

/// Rows for one measurement: which ones, and how many for each connection.
#[derive(Clone, Copy)]
pub struct Lot {
    pub number: u16,
    pub rows: u32,
}

impl Lot {
    /// For operations that spend nothing.
    pub const NONE: Self = Self { number: 0, rows: 0 };
}

/// The nth of a connection: those of one connection are in order, as the program's own are in order of time.
pub fn id(like: Uuid, space: Space, lot: Lot, connection: usize, n: u32) -> Uuid {
    let mut bytes = *like.as_bytes();
    bytes[8..10].copy_from_slice(&mark(space, lot).to_be_bytes());
    bytes[10..12].copy_from_slice(&u16::try_from(connection).unwrap().to_be_bytes());
    bytes[12..].copy_from_slice(&n.to_be_bytes());
    Uuid::from_bytes(bytes)
}

/// The same in SQL; `connection` and `n` are expressions.
pub fn id_sql(like: Uuid, space: Space, lot: Lot, connection: &str, n: &str) -> String {
    let (begin, mark) = (like.as_u64_pair().0, mark(space, lot));
    format!("('{begin:016x}{mark:04x}' || lpad(to_hex({connection}), 4, '0') || lpad(to_hex({n}), 8, '0'))::uuid")
}

fn mark(space: Space, lot: Lot) -> u16 {
    assert!(space.0 < 16 && lot.number < 0x1000, "{} {}", space.0, lot.number);
    space.0 << 12 | lot.number
}

/// Every row of a lot, in SQL: `c` is the connection, `n` the place.
pub fn rows_sql(lot: Lot) -> String {
    format!("generate_series(0, {}) as c, generate_series(1, {}) as n", crate::CONNECTIONS - 1, lot.rows)
}
