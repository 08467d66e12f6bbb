//! What docs/scale.md says of growth past one primary is so of the schema as it is: every table has its place, nothing in it needs
//! rows of two databases at once, no statement that every call comes to crosses, and the sizes follow from what was measured.
//!
//! `GUICHET_WRITE_DOCS=1 cargo test --test it scale` computes the sizes anew.

use crate::harness::{
    Bank, CIC,
    bank::database,
    sql::{ROWS, execute, statements},
};
use guichet::{
    oauth::{
        home,
        tpp::PspRole::{AccountInformation, PaymentInitiation},
    },
    storage::TokenStatement,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    fs,
    path::Path,
};
use uuid::Uuid;

const DOC: &str = "docs/scale.md";

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The cells of the first table after a line that begins so, without their backticks.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, after) = text.split_once(&format!("\n{heading}")).unwrap_or_else(|| panic!("no {heading}"));
    let rows = after.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect()).collect()
}

/// Each table and where its rows are: `home`, `everywhere`, `each` or `one`.
fn places() -> BTreeMap<String, String> {
    table(&read(DOC), "## Where each table lives").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

fn at_home() -> BTreeSet<String> {
    places().into_iter().filter(|(_, place)| place == "home").map(|(table, _)| table).collect()
}

/// Lookups that ask every database, or whose key tells the home: index and what tells it.
fn lookups() -> BTreeMap<String, String> {
    table(&read(DOC), "## Lookups without an id").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

async fn names(db: &mut PgConnection, query: &'static str) -> Vec<String> {
    sqlx::query_scalar(query).fetch_all(db).await.unwrap()
}

#[tokio::test]
async fn every_table_has_its_place_and_none_needs_two_databases_at_once() {
    let mut db = PgConnection::connect_with(&database().await).await.unwrap();
    let there = names(
        &mut db,
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
         and relname <> '_sqlx_migrations'",
    );
    let there: BTreeSet<_> = there.await.into_iter().collect();
    let places = places();
    let placed: BTreeSet<_> = places.keys().cloned().collect();
    assert_eq!(there, placed, "docs/scale.md places each table");
    assert!(places.values().all(|place| ["home", "everywhere", "each", "one"].contains(&place.as_str())), "{places:?}");
    assert_eq!(faults(&mut db).await, [] as [String; 0]);

    // what this test is for is seen by it
    for (statement, fault) in [
        ("create unique index one_psu on grants (brand, psu)", "one_psu"),
        ("alter table payments add constraint once unique (used_reference)", "once"),
        ("alter table grants add foreign key (client_id) references payments (id)", "foreign key of grants"),
        ("alter table permission_visits add column number bigint generated always as identity", "sequence of permission_visits"),
        (
            "create sequence numbers; alter table interactions add column number bigint default nextval('numbers')",
            "sequence of interactions",
        ),
        (
            "create trigger t before update on grants for each row execute function suppress_redundant_updates_trigger()",
            "trigger t of grants",
        ),
    ] {
        let mut worse = db.begin().await.unwrap();
        execute(&mut worse, statement.to_owned()).await;
        let found = faults(&mut worse).await;
        assert!(found.iter().any(|found| found.contains(fault)), "{statement}: {found:?}");
        worse.rollback().await.unwrap();
    }
}

/// What two databases could not keep up between them.
async fn faults(db: &mut PgConnection) -> Vec<String> {
    let (places, told) = (places(), lookups());
    let home = |table: &str| places.get(table).is_some_and(|place| place == "home");
    let mut found = vec![];
    let unique: Vec<(String, String, Vec<String>)> = sqlx::query_as(
        "select t.relname::text, i.relname::text, array(select attname::text from pg_attribute where attrelid = t.oid and attnum = any (x.indkey))
         from pg_index x join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
         where t.relnamespace = 'public'::regnamespace and (x.indisunique or x.indisexclusion) and not t.relispartition",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    for (table, index, columns) in unique.into_iter().filter(|(table, ..)| home(table)) {
        // an id tells its home; so does the key of a few others
        let tells = columns.iter().any(|column| column == "id") || told.get(&index).is_some_and(|told| !told.is_empty());
        if !tells {
            found.push(format!("{index} of {table} is unique over {columns:?}"));
        }
    }
    let keys: Vec<(String, String)> =
        sqlx::query_as("select conrelid::regclass::text, confrelid::regclass::text from pg_constraint where contype = 'f'")
            .fetch_all(&mut *db)
            .await
            .unwrap();
    for (from, to) in keys {
        let everywhere = places.get(&to).is_some_and(|place| place == "everywhere");
        if home(&to) || home(&from) && !everywhere {
            found.push(format!("foreign key of {from} to {to}"));
        }
    }
    let sequences = names(
        &mut *db,
        "select attrelid::regclass::text from pg_attribute where attidentity <> '' union
         select adrelid::regclass::text from pg_attrdef where pg_get_expr(adbin, adrelid) like 'nextval%'",
    );
    found.extend(sequences.await.into_iter().filter(|table| home(table)).map(|table| format!("sequence of {table}")));
    let triggers: Vec<(String, String)> =
        sqlx::query_as("select tgname::text, tgrelid::regclass::text from pg_trigger where not tgisinternal")
            .fetch_all(&mut *db)
            .await
            .unwrap();
    let excepted: BTreeSet<_> = table(&read(DOC), "### Exceptions").into_iter().map(|row| row[0].clone()).collect();
    let triggers = triggers.into_iter().filter(|(name, table)| home(table) && !excepted.contains(name));
    found.extend(triggers.map(|(name, table)| format!("trigger {name} of {table}")));
    found
}

/// The plan of a statement for whatever it is asked with.
async fn plan(db: &mut PgConnection, text: &str, parameters: usize) -> Value {
    execute(db, format!("prepare asked as {text}")).await;
    let nothing = vec!["null"; parameters].join(", ");
    let given = if parameters == 0 { String::new() } else { format!("({nothing})") };
    let explain = format!("explain (format json) execute asked{given}");
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_one(&mut *db).await.unwrap();
    execute(db, "deallocate asked".to_owned()).await;
    plan[0]["Plan"].clone()
}

/// The indexes by which rows at home are found without their id.
fn crossings(node: &Value, at_home: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    let text = |name: &str| node[name].as_str().unwrap_or("");
    let own = text("Relation Name");
    // a table of a day or a month is one of its whole
    let relation = ["tokens", "audit_events"].into_iter().find(|whole| own.starts_with(whole)).unwrap_or(own);
    let below: Vec<_> = node["Plans"].as_array().into_iter().flatten().collect();
    if at_home.contains(relation) && text("Node Type") != "ModifyTable" {
        let bitmap = below.first().filter(|_| text("Node Type") == "Bitmap Heap Scan");
        let index = bitmap.map_or(text("Index Name"), |below| below["Index Name"].as_str().unwrap_or(""));
        let conditions = ["Index Cond", "Recheck Cond", "Filter"].map(text).join(" ");
        if !conditions.contains("(id = ") {
            found.insert(if index.is_empty() { format!("all of {relation}") } else { index.replace(own, relation) });
        }
    }
    below.into_iter().for_each(|below| crossings(below, at_home, found));
}

#[tokio::test]
async fn what_every_call_comes_to_finds_its_rows_by_ids_and_the_rest_is_known() {
    let mut db = PgConnection::connect_with(&database().await).await.unwrap();
    execute(&mut db, ROWS.to_owned()).await;
    execute(&mut db, "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set jit = off".to_owned()).await;
    let at_home = at_home();
    for statement in TokenStatement::ALL {
        let text = statement.text("tokens_day_20241004");
        let parameters = (1..30).rev().find(|n| text.contains(&format!("${n}"))).unwrap();
        let mut found = BTreeSet::new();
        crossings(&plan(&mut db, &text, parameters).await, &at_home, &mut found);
        assert!(found.is_empty(), "{statement:?} crosses by {found:?}");
    }
    let (mut used, known) = (BTreeMap::new(), lookups());
    for statement in statements() {
        let mut found = BTreeSet::new();
        let types = statement.types.len();
        crossings(&plan(&mut db, &statement.text, types).await, &at_home, &mut found);
        used.extend(found.into_iter().map(|index| (index, statement.text.clone())));
    }
    for (index, statement) in &used {
        assert!(known.contains_key(index), "docs/scale.md does not know of lookups by {index}: {statement}");
    }
    let gone: Vec<_> = known.keys().filter(|index| !used.contains_key(*index)).collect();
    assert!(gone.is_empty(), "docs/scale.md knows of lookups that nobody makes: {gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_together_has_one_home() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation, PaymentInitiation]).register(CIC).await;
    for _ in 0..3 {
        let tokens = client.tokens("web", "aisp").await;
        client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200);
    }
    for name in ["pay-1", "pay-2"] {
        let lodged = client.lodge(&json!({ "payment_id": name })).await;
        let landing = lodged.open("web").await.approve().await;
        client.redeem("web", "pisp", landing.code()).await.ok(200);
    }
    let mut db = PgConnection::connect_with(&bank.database).await.unwrap();
    let rows: Vec<(Uuid, Uuid, Option<Uuid>)> =
        sqlx::query_as("select t.id, g.id, g.payment_id from tokens t join grants g on g.id = t.grant_id")
            .fetch_all(&mut db)
            .await
            .unwrap();
    assert_eq!(rows.len(), 3 * 2 + 2);
    for (token, grant, payment) in &rows {
        assert_eq!(home::of(token), home::of(grant));
        assert!(payment.is_none_or(|payment| home::of(&payment) == home::of(grant)));
    }
    let homes: BTreeSet<_> = rows.iter().map(|(_, grant, _)| home::of(grant)).collect();
    assert!(homes.len() > 2, "they are spread: {homes:?}");
    // a key that is there once tells its home
    let journeys: Vec<(Uuid, Vec<u8>)> = sqlx::query_as("select id, browser_digest from interactions").fetch_all(&mut db).await.unwrap();
    assert!(journeys.iter().all(|(id, digest)| home::of(id) == u16::from_be_bytes([digest[0], digest[1]])));
    let lodged = client.lodge(&json!({ "payment_id": "pay-3" })).await;
    lodged.withdraw().await.ok(200);
    let again = client.lodge(&json!({ "payment_id": "pay-3" })).await;
    let [first, second] = [&lodged, &again].map(|lodged| home::of(&lodged.id.parse().unwrap()));
    assert_eq!(first, second, "the same name, the same home");
}

/// What was measured, of docs/performance.md.
struct Measured {
    bytes_a_token: f64,
    bytes_a_grant: f64,
    bytes_an_event: f64,
    /// Of Guichet and PostgreSQL, in microseconds of CPU; bytes of WAL.
    introspection: [f64; 3],
    refresh: [f64; 3],
}

impl Measured {
    fn read() -> Self {
        let performance = read("docs/performance.md");
        let number = |cell: &str| cell.split([' ', ',']).next().unwrap().parse::<f64>().unwrap();
        let row = |first: &[&str]| -> Vec<String> {
            let lines = performance.lines().filter(|line| line.starts_with('|'));
            let mut rows = lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
            rows.find(|row| row.iter().zip(first).all(|(cell, wanted)| cell == wanted) && row.len() > 8).unwrap()
        };
        let sizes = row(&["10000000"]);
        let costs = |operation| {
            let row = row(&[operation, "10^7"]);
            [4, 6, 8].map(|cell| number(&row[cell]))
        };
        let event = table(&read(DOC), "### What was measured").into_iter().find(|row| row[0].contains("audit event")).unwrap();
        Self {
            bytes_a_token: number(&sizes[4]),
            bytes_a_grant: number(&sizes[6]),
            bytes_an_event: number(&event[1]),
            introspection: costs("introspection"),
            refresh: costs("refresh"),
        }
    }
}

/// What a bank expects, as docs/scale.md has it.
struct Expected(BTreeMap<String, f64>);

impl Expected {
    fn read() -> Self {
        let rows = table(&read(DOC), "### What is assumed").into_iter();
        Self(rows.map(|row| (row[0].clone(), row[1].replace(',', "").parse().unwrap())).collect())
    }

    fn get(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no {name}"))
    }
}

/// Two significant digits, thousands apart.
fn round(value: f64) -> String {
    let scale = 10_f64.powf(value.abs().log10().floor() - 1.0);
    let rounded = (value / scale).round() * scale;
    if rounded < 10.0 {
        return format!("{rounded:.3}").trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{rounded:.0}");
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

fn sizes() -> String {
    const DAY: f64 = 86_400.0;
    let (measured, expected) = (Measured::read(), Expected::read());
    let get = |name| expected.get(name);
    const COLUMNS: [&str; 14] = [
        "customers",
        "TPPs",
        "live consents",
        "calls/s",
        "tokens/s",
        "token rows",
        "consent rows",
        "audit rows",
        "GB of tokens and consents",
        "GB of audit",
        "WAL MB/s",
        "Guichet cores",
        "PostgreSQL cores",
        "connections",
    ];
    let mut table = format!("| {} |\n{}|\n", COLUMNS.join(" | "), "|---".repeat(COLUMNS.len()));
    let cpu = |part: usize, calls: f64, tokens: f64| {
        (calls * measured.introspection[part] + tokens * measured.refresh[part]) / 1e6 / get("share of a core that is used at peak")
    };
    for customers in [1e5, 1e6, 1e7, 1e8, 1e9] {
        let consents = customers * get("live consents a customer");
        let issued = consents * get("accesses a consent and day");
        let [calls, tokens] = [issued * get("API calls an access"), issued].map(|day| day / DAY * get("peak to mean"));
        let token_rows = issued * get("days of token tables");
        let consent_rows = consents * (1.0 + get("days a consent is kept after its end") / get("days a consent lives"));
        let audit_rows = issued * get("days of audit events");
        let bytes = token_rows * measured.bytes_a_token + consent_rows * measured.bytes_a_grant;
        let connections = (calls + tokens) * get("ms a statement holds a connection") / 1e3 * get("connections kept to those in use");
        let cells = [
            customers,
            get("TPPs"),
            consents,
            calls,
            tokens,
            token_rows,
            consent_rows,
            audit_rows,
            bytes / 1e9,
            audit_rows * measured.bytes_an_event / 1e9,
            tokens * measured.refresh[2] / 1e6,
            cpu(0, calls, tokens),
            cpu(1, calls, tokens),
            connections.max(2.0 * 2.0).ceil(),
        ];
        writeln!(table, "| {} |", cells.map(round).join(" | ")).unwrap();
    }
    table
}

#[test]
fn the_sizes_follow_from_what_was_measured() {
    let (path, text) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(DOC), read(DOC));
    let (before, rest) = text.split_once("<!-- sizes -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end of sizes -->").unwrap();
    let current = format!("{before}<!-- sizes -->\n{}<!-- end of sizes -->{after}", sizes());
    if env::var_os("GUICHET_WRITE_DOCS").is_some() {
        fs::write(&path, &current).unwrap();
    }
    assert!(read(DOC) == current, "docs/scale.md has other sizes: GUICHET_WRITE_DOCS=1 cargo test --test it scale");
}
