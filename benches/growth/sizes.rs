//! What a data set takes.

use crate::{harness::mass::Mass, site::Site};
use sqlx::PgConnection;
use std::fmt;

const MIB: f64 = 1024.0 * 1024.0;

/// Of a data set as it was built.
pub struct Sizes {
    tables: i64,
    /// Live tokens, and all that are stored: those of today and yesterday that ended are there, too.
    live: i64,
    stored: i64,
    /// Rows, indexes and all.
    bytes: i64,
    grants: i64,
    grant_bytes: i64,
    database: i64,
}

pub async fn of(mass: &Mass, db: &mut PgConnection) -> Sizes {
    let statement = "select
        (select count(*) from pg_inherits where inhparent = 'tokens'::regclass),
        (select count(*) from tokens where expires_at > $1 and revoked_at is null),
        (select count(*) from tokens),
        (select sum(pg_total_relation_size(inhrelid))::bigint from pg_inherits where inhparent = 'tokens'::regclass),
        (select count(*) from grants),
        pg_total_relation_size('grants'),
        pg_database_size(current_database())";
    let (tables, live, stored, bytes, grants, grant_bytes, database) =
        sqlx::query_as(statement).bind(mass.now).fetch_one(db).await.unwrap();
    Sizes { tables, live, stored, bytes, grants, grant_bytes, database }
}

fn ratio(bytes: i64, rows: i64) -> i64 {
    bytes / rows.max(1)
}

impl Sizes {
    fn cells(&self) -> String {
        let Self { tables, live, stored, bytes, grants, grant_bytes, database } = self;
        format!(
            "{live} | {stored} | {tables} | {} | {} | {grants} | {} | {:.0}",
            ratio(*bytes, *live),
            ratio(*bytes, *stored),
            ratio(*grant_bytes, *grants),
            *database as f64 / MIB
        )
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = "live tokens | stored tokens | their tables | bytes a live token | bytes a stored token | grants | bytes a grant | database MiB";
        write!(f, "\n| {columns} |\n|---|---|---|---|---|---|---|---|\n| {} |", self.cells())
    }
}

pub fn print(sites: &[Site]) {
    println!(
        "\n| live tokens | stored tokens | their tables | bytes a live token | bytes a stored token | grants | bytes a grant | database MiB | built in s | server PSS MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for site in sites {
        println!("| {} | {:.1} | {:.1} |", site.sizes.cells(), site.built.all.as_secs_f64(), site.program.pss());
    }
}
