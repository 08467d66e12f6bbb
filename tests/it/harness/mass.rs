//! A bank's data set of any size, made by PostgreSQL itself: live tokens of four lifetimes, the clients and grants that they belong
//! to, two years of grants that ended, and some of what happened last.
//!
//! Everything follows from its number: token `n` of a kind was issued `n` steps ago, grant `k` was given so long ago, and each id is
//! what the program would have made then. So any of them can be named and presented without a search. All of them have the same
//! secret, so such a database is for measuring only, and one that has grants already is refused.

use super::{sql::execute, tpp::CALLBACK};
use guichet::oauth::{
    client_metadata::{AuthMethod, ClientMetadata, GrantType},
    grant::GrantId,
    message_signing::MessageSigning,
    partition::Partition,
    scope::{Scope, ScopeToken},
    secret::{Handle, HandleKind},
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration as Elapsed, Instant},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// Of 2,500 organisations: organisation `o` has the clients `2o` and `2o + 1`.
pub const CLIENTS: u32 = 5000;
/// The first ones hold half of all grants, as large TPPs do; the other half is spread over all clients.
pub const LARGE_CLIENTS: u32 = 32;
/// The oldest grant is two years old, and each was given for 180 days.
const OLDEST: Duration = Duration::days(730);
const GRANT_LIFE: Duration = Duration::days(180);
const DAY: i64 = 86_400_000;
/// One audit event and one payment for so many tokens.
const TOKENS_OF_EVENT: i64 = 10;
/// Rows of a statement, so that there is some progress to tell.
const STEP: i64 = 1_000_000;
/// Their ids in an array, made once for a statement.
const ALL_CLIENTS: &str = "select array_agg(pg_temp.client(c) order by c) from generate_series(0, 4999) c";
/// The secret half of every token and code.
const SECRET: [u8; 32] = [7; 32];

/// Tokens of one lifetime.
struct Kind {
    letter: char,
    lifetime: Duration,
    /// Of a thousand live tokens.
    share: i64,
    scope: &'static str,
    owner: Owner,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// client_credentials.
    Client,
    /// As after a refresh.
    AnyGrant,
    /// As after a code.
    GrantOfThatTime,
}

const KINDS: [Kind; 4] = [
    Kind { letter: 'm', lifetime: Duration::minutes(10), share: 1, scope: "pisp", owner: Owner::Client },
    Kind { letter: 'h', lifetime: Duration::hours(3), share: 19, scope: "aisp", owner: Owner::AnyGrant },
    Kind { letter: 'q', lifetime: Duration::days(90), share: 380, scope: "aisp", owner: Owner::GrantOfThatTime },
    Kind { letter: 'y', lifetime: GRANT_LIFE, share: 600, scope: "aisp", owner: Owner::GrantOfThatTime },
];

/// What is in a database that [`Mass::build`] filled.
#[derive(Clone, Debug)]
pub struct Mass {
    /// Live ones. There are as many live grants, and as many that ended.
    pub tokens: i64,
    /// When all this was so, to the millisecond.
    pub now: OffsetDateTime,
    pub brand: &'static str,
}

/// How long it took.
#[derive(Clone, Copy, Debug)]
pub struct Built {
    pub grants: Elapsed,
    pub tokens: Elapsed,
    pub all: Elapsed,
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [grants, tokens, all] = [self.grants, self.tokens, self.all].map(|time| time.as_secs_f64());
        write!(f, "{all:.1} s (grants {grants:.1} s beside tokens {tokens:.1} s, then vacuum, analyze and checkpoint)")
    }
}

/// A token or a grant, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    pub client: u32,
    pub id: Uuid,
}

/// The name of an organisation as its QWAC has it.
pub fn organisation(o: u32) -> String {
    format!("PSDFR-ACPR-{}", 70_000 + o)
}

/// What its owner presents.
pub fn presented(kind: HandleKind, id: Uuid) -> String {
    Handle::mint(kind, id, &SECRET).1.reveal().to_owned()
}

/// What is stored of that, in SQL.
pub fn digest(kind: HandleKind) -> String {
    let hex: String = Handle::mint(kind, Uuid::nil(), &SECRET).0.digest.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    format!("'\\x{hex}'::bytea")
}

fn millis(moment: OffsetDateTime) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).unwrap()
}

fn span(duration: Duration) -> i64 {
    i64::try_from(duration.whole_milliseconds()).unwrap()
}

async fn timed(work: impl Future<Output = ()>) -> Elapsed {
    let began = Instant::now();
    work.await;
    began.elapsed()
}

impl Mass {
    pub fn new(tokens: i64, brand: &'static str, now: OffsetDateTime) -> Self {
        assert!(tokens >= 1000, "at least 1,000 tokens, so that there are some of each kind");
        Self { tokens, now: now.replace_millisecond(now.millisecond()).unwrap(), brand }
    }

    /// The tables: yesterday's, which can be dropped, to that of the day after tomorrow; this week's, to one two weeks after the
    /// last that has tokens.
    pub fn partitions(&self) -> Vec<Partition> {
        let until =
            |from: Partition, last: Partition| std::iter::successors(Some(from), |p| Some(p.next())).take_while(move |p| *p <= last);
        let (day, week) = (Duration::days(1), Duration::weeks(1));
        let days = until(self.yesterday(), Partition::of(self.now + 2 * day, Duration::ZERO));
        // a lifetime of a week is kept with the weeks
        days.chain(until(Partition::of(self.now - week, week), Partition::of(self.now + 2 * week, GRANT_LIFE))).collect()
    }

    /// The day whose tokens are all over.
    pub fn yesterday(&self) -> Partition {
        Partition::of(self.now - Duration::days(1), Duration::ZERO)
    }

    /// Fills a migrated database that has no grants, over two connections at once. Progress goes to standard error.
    pub async fn build(&self, db: &mut PgConnection, second: &mut PgConnection) -> Built {
        let began = Instant::now();
        let used = "select exists (select from grants) or exists (select from tokens)";
        let used: bool = sqlx::query_scalar(used).fetch_one(&mut *db).await.unwrap();
        assert!(!used, "the database has grants already, and everybody knows the secrets of those that are made here");
        for session in [&mut *db, &mut *second] {
            execute(session, "set synchronous_commit = off".to_owned()).await; // the checkpoint at the end writes all of it down
            self.define(session).await;
        }
        self.clients(db).await;
        let (grants, tokens) = tokio::join!(timed(self.grants(db)), timed(self.tokens_and_others(second)));
        execute(db, "vacuum (analyze) clients, grants, audit_events, payments".to_owned()).await;
        // nobody ever vacuums tables of tokens or takes statistics of them; but each row was read, and is known to be committed
        execute(db, "select count(*) from tokens".to_owned()).await;
        execute(db, "checkpoint".to_owned()).await;
        Built { grants, tokens, all: began.elapsed() }
    }

    /// The functions of this session that the statements below call. PostgreSQL inlines each.
    pub async fn define(&self, db: &mut PgConnection) {
        let now = millis(self.now);
        let recent = self.tokens * 5 / 4; // given in the last 180 days, and one in five of them withdrawn
        let (young, old, older) = (span(GRANT_LIFE), span(OLDEST - GRANT_LIFE), 2 * self.tokens - recent);
        let aisp: Scope = [ScopeToken::Aisp].into_iter().collect();
        let hint = GrantId::new(&aisp, self.now, &[0; 10]).0.simple().to_string()[12..16].to_owned();
        let functions = [
            // UUIDv8: 12 hexadecimal digits that order it, the version, what follows, and chance
            "id(head bigint, version text, seed text) returns uuid",
            "select overlay(overlay(md5(seed) placing lpad(to_hex(head), 12, '0') || version from 1) placing '8' from 17)::uuid",
            "chance(n bigint, salt int) returns bigint",
            "select hashint8extended(n, salt) & 9223372036854775807",
            "at(millis bigint) returns timestamptz",
            "select to_timestamp(millis / 1000.0::float8)",
            "client(c bigint) returns uuid",
            &format!("select pg_temp.id({} + c, '7', 'c' || c)", now - span(OLDEST)),
            "client_of(n bigint) returns int",
            &format!("select (pg_temp.chance(n, 1) % case when pg_temp.chance(n, 2) & 1 = 0 then {LARGE_CLIENTS} else {CLIENTS} end)::int"),
            "given(k bigint) returns bigint", // grant 0 is the youngest
            &format!(
                "select {now} - case when k < {recent} then k * {young} / {recent} else {young} + (k - {recent}) * {old} / {older} end"
            ),
            "grant_id(k bigint, given bigint) returns uuid",
            &format!("select pg_temp.id(given, '{hint}', 'g' || k)"),
            "withdrawn(k bigint) returns boolean",
            &format!("select k % 5 = 4 or k >= {recent} and k % 2 = 0"),
            "live_grant(j bigint) returns bigint", // the j-th that was not withdrawn
            "select j + j / 4",
        ];
        for [head, body] in functions.as_chunks().0 {
            execute(db, format!("create or replace function pg_temp.{head} immutable language sql as $$ {body} $$")).await;
        }
    }

    async fn clients(&self, db: &mut PgConnection) {
        let (brand, since) = (self.brand, millis(self.now) - span(OLDEST));
        let metadata = ClientMetadata {
            redirect_uris: vec![CALLBACK.to_owned()],
            token_endpoint_auth_method: AuthMethod::TlsClientAuth,
            token_endpoint_auth_signing_alg: None,
            grant_types: GrantType::ALL.to_vec(),
            response_types: vec!["code".to_owned()],
            client_name: "An app".to_owned(),
            scope: "aisp extended_transaction_history pisp".to_owned(),
            contacts: vec![],
            description: None,
            agent: None,
            client_uri: None,
            logo_uri: None,
            tos_uri: None,
            policy_uri: None,
            software_id: None,
            software_version: None,
            jwks: None,
            jwks_uri: None,
            provider_legal_id: String::new(),
            tls_client_auth_subject_dn: "CN=mass.example".to_owned(),
            require_pushed_authorization_requests: false,
            security_profile: None,
            signing: MessageSigning::default(),
            tls_client_auth_san_dns: None,
            tls_client_auth_san_uri: None,
            tls_client_auth_san_ip: None,
            tls_client_auth_san_email: None,
            certificate_subject_must_match: false,
            authorization_details_types: vec![],
            localized: BTreeMap::new(),
        };
        let (scope, metadata) = (&metadata.scope, serde_json::to_string(&metadata).unwrap());
        let statement = format!(
            "insert into clients (id, brand, organisation, legal_name, metadata, scope, secret_digests, registration_token_digests,
                                  fingerprint, created_at, updated_at)
             select pg_temp.client(c), '{brand}', o, 'TPP ' || o, '{metadata}'::jsonb || jsonb_build_object('provider_legal_id', o), '{scope}',
                    '{{}}', '{{}}', sha256(int4send(c)), pg_temp.at({since}), pg_temp.at({since})
             from generate_series(0, {CLIENTS} - 1) c, lateral (select 'PSDFR-ACPR-' || 70000 + c / 2 as o) o"
        );
        execute(db, statement).await;
    }

    /// In the order in which they were given. Indexes that have another order are made afterwards.
    async fn grants(&self, db: &mut PgConnection) {
        let others = "select indexname::text, indexdef from pg_indexes where tablename = 'grants' and indexname <> 'grants_pkey'";
        let others: Vec<(String, String)> = sqlx::query_as(others).fetch_all(&mut *db).await.unwrap();
        for (name, _) in &others {
            execute(db, format!("drop index {name}")).await;
        }
        let (brand, customers, all, now, life) = (self.brand, self.tokens, 2 * self.tokens, millis(self.now), span(GRANT_LIFE));
        let digest = digest(HandleKind::RefreshToken);
        let mut left = all;
        while left > 0 {
            if all > STEP {
                eprintln!("grants: {} of {all}", all - left);
            }
            let from = (left - STEP).max(0);
            let statement = format!(
                "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at, revoked_at, revoked_reason,
                                     sca_method, sca_reference, last_used_at, redirect_uri_sent, code_consumed_at, refresh_digest)
                 select pg_temp.grant_id(k, given), '{brand}', ({ALL_CLIENTS})[1 + pg_temp.client_of(k)], 'web', 'aisp',
                        'psu' || lpad((pg_temp.chance(k, 3) % {customers})::text, 10, '0'), t, t, pg_temp.at(given + {life}),
                        case when over then pg_temp.at(least(given + {life} / 6, {now})) end, case when over then 'withdrawn_by_customer' end,
                        'app', 'sca' || k, t, true, t, {digest}
                 from (select k, given, pg_temp.at(given) as t, pg_temp.withdrawn(k) as over
                       from (select k, pg_temp.given(k) as given from generate_series({left}::bigint - 1, {from}, -1) k offset 0) k offset 0) k"
            );
            execute(db, statement).await;
            left = from;
        }
        for (_, definition) in others {
            execute(db, definition).await;
        }
    }

    async fn tokens_and_others(&self, db: &mut PgConnection) {
        for partition in self.partitions() {
            execute(db, format!("select add_tokens_partition({})", partition.number())).await;
            self.tokens_of(partition, db).await;
        }
        let (brand, count, now) = (self.brand, self.tokens / TOKENS_OF_EVENT, millis(self.now));
        // one a second
        let moments = format!("generate_series({count}, 1, -1) n, lateral (select {now} - n * 1000 as t) t");
        let events = format!(
            "insert into audit_events (id, at, brand, kind, client_id)
             select pg_temp.id(t, '7', 'e' || n), pg_temp.at(t), '{brand}', 'token_issued', pg_temp.client(pg_temp.client_of(n)) from {moments}"
        );
        let payments = format!(
            "insert into payments (id, brand, client_id, kind, name, payment, revision, state, lodged_at, expires_at, grant_id, approved_at, used_at)
             select pg_temp.id(t, '7', 'p' || n), '{brand}', pg_temp.client(pg_temp.client_of(n)), 'initiation', 'p' || n, '{{}}', 1, 'used',
                    pg_temp.at(t), pg_temp.at(t), pg_temp.grant_id(n, pg_temp.given(n)), pg_temp.at(t), pg_temp.at(t) from {moments}"
        );
        for statement in [events, payments] {
            execute(db, statement).await;
        }
    }

    /// One table's tokens, in the order of time.
    async fn tokens_of(&self, partition: Partition, db: &mut PgConnection) {
        let numbers: Vec<_> = KINDS.iter().filter_map(|kind| Some(self.facts(kind, &self.numbers(kind, partition)?))).collect();
        if numbers.is_empty() {
            return;
        }
        let (table, brand, numbers, digest) = (partition.table(), self.brand, numbers.join(" union all "), digest(HandleKind::AccessToken));
        let statement = format!(
            "insert into {table} (id, client_id, grant_id, issued_at, expires_at, digest, certificate, brand, channel, scope)
             select id, ({ALL_CLIENTS})[1 + pg_temp.client_of(coalesce(k, n))], pg_temp.grant_id(k, pg_temp.given(k)), pg_temp.at(issued),
                    pg_temp.at(issued + lifetime), {digest}, sha256(int8send(n)), '{brand}', 'web', scope
             from (select * from ({numbers}) n order by id) n"
        );
        execute(db, statement).await;
    }

    /// The numbers of a kind's tokens in a table, as `n`; in other words those that were issued in its days less their lifetime.
    fn numbers(&self, kind: &Kind, partition: Partition) -> Option<String> {
        let tables = [Partition::of(self.now, kind.lifetime), partition].map(|p| p.number() >> 15);
        let begins = partition.first_day().midnight().assume_utc() - kind.lifetime;
        let from = self.first_issued_before(kind, partition.ends_at() - kind.lifetime);
        let last = self.first_issued_before(kind, begins) - 1;
        (tables[0] == tables[1] && from <= last).then(|| format!("select n from generate_series({from}::bigint, {last}) n"))
    }

    /// Token `n` was issued `n * lifetime / live` before now, rounded down to milliseconds.
    fn first_issued_before(&self, kind: &Kind, moment: OffsetDateTime) -> i64 {
        let (ago, lifetime) = (i128::from(millis(self.now) - millis(moment) + 1).max(0), i128::from(span(kind.lifetime)));
        i64::try_from((ago * i128::from(self.live(kind)) + lifetime - 1) / lifetime).unwrap()
    }

    fn live(&self, kind: &Kind) -> i64 {
        self.tokens * kind.share / 1000
    }

    /// `(n, issued, lifetime, id, k, scope)` of the tokens with these numbers; `k`: their grant.
    fn facts(&self, kind: &Kind, numbers: &str) -> String {
        let Kind { letter, scope, owner, .. } = kind;
        let (now, tokens, live, lifetime) = (millis(self.now), self.tokens, self.live(kind), span(kind.lifetime));
        let day = format!("(issued + {lifetime}) / {DAY}");
        let partition = if Partition::of(self.now, kind.lifetime).number() >> 15 == 0 { day } else { format!("({day} - 4) / 7 + 32768") };
        let grant = match owner {
            Owner::Client => "null::bigint".to_owned(),
            Owner::AnyGrant => format!("pg_temp.live_grant(pg_temp.chance(n, 4) % {tokens})"),
            Owner::GrantOfThatTime => {
                format!("pg_temp.live_grant(least(({now} - issued) * {tokens} / {}, {tokens} - 1))", span(GRANT_LIFE))
            }
        };
        format!(
            "select n, issued, {lifetime}::bigint as lifetime, '{scope}' as scope, {grant} as k,
                    pg_temp.id(({partition}) << 32 | issued / 1000, '8', '{letter}' || n) as id
             from (select n, {now} - n * {lifetime} / {live} as issued from ({numbers}) n offset 0) n"
        )
    }

    /// Live tokens from all over the set, drawn by lot: none that ends within the hour, so none of ten minutes.
    pub async fn draw_tokens(&self, db: &mut PgConnection, count: usize) -> Vec<Drawn> {
        self.define(db).await;
        let soon = millis(self.now) + span(Duration::hours(1));
        let drawn = |kind: &Kind| {
            let count = count as i64 * kind.share / 1000;
            self.facts(kind, &format!("select floor(random() * {})::bigint as n from generate_series(1, {count})", self.live(kind)))
        };
        let all: Vec<_> = KINDS.iter().map(drawn).collect();
        let all = all.join(" union all ");
        draw(db, format!("select pg_temp.client_of(coalesce(k, n)), id from ({all}) n where issued + lifetime > {soon} order by random()"))
            .await
    }

    /// Live grants from all over the set, drawn by lot.
    pub async fn draw_grants(&self, db: &mut PgConnection, count: usize) -> Vec<Drawn> {
        self.define(db).await;
        let tokens = self.tokens * 99 / 100; // the oldest may end meanwhile
        let statement = format!(
            "select pg_temp.client_of(k), pg_temp.grant_id(k, pg_temp.given(k))
             from (select pg_temp.live_grant(floor(random() * {tokens})::bigint) as k from generate_series(1, {count}) offset 0) k"
        );
        draw(db, statement).await
    }

    /// The ids of all clients, by their numbers.
    pub async fn client_ids(&self, db: &mut PgConnection) -> Vec<Uuid> {
        self.define(db).await;
        let statement = format!("select pg_temp.client(c) from generate_series(0, {CLIENTS} - 1) c");
        sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(db).await.unwrap()
    }
}

async fn draw(db: &mut PgConnection, statement: String) -> Vec<Drawn> {
    let rows: Vec<(i32, Uuid)> = sqlx::query_as(AssertSqlSafe(statement)).fetch_all(db).await.unwrap();
    rows.into_iter().map(|(client, id)| Drawn { client: client.unsigned_abs(), id }).collect()
}
