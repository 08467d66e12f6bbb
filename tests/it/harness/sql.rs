//! The program's own SQL, and tables with a bank's rows to try it on.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use std::{fs, path::Path};

/// 1,000 clients of 500 organisations, 10,000 grants and journeys, 50,000 tokens, 50,000 audit events.
pub const ROWS: &str = r"
    insert into clients (id, brand, organisation, legal_name, metadata, scope, secret_digests, registration_token_digests, fingerprint,
                         created_at, updated_at)
    select md5('client' || n)::uuid, case n % 2 when 0 then 'cic' else 'labanquepostale' end, 'PSDFR-ACPR-' || n / 2, 'TPP ' || n, '{}', 'aisp', '{}',
           '{}', sha256(n::text::bytea), now(), now()
    from generate_series(1, 1000) n;
    insert into certificates (thumbprint, organisation, chain, issuer, serial, not_before, not_after, legal_name, roles, brands,
                              first_seen_at)
    select sha256(n::text::bytea), 'PSDFR-ACPR-' || n, array[repeat('x', 1500)::bytea], 'CN=QTSP', n::text, now() - interval '1 year',
           now() + n * interval '1 day', 'TPP ' || n, array['PSP_AI'], array['cic'], now()
    from generate_series(1, 1000) n;
    insert into organisation_merges (id, old, new, at, by, reason, until, clients)
    select md5('merge' || n)::uuid, 'PSDFR-ACPR-' || n, 'PSDFR-ACPR-' || n + 1, now() - n * interval '1 day', 'B. Operator', 'A merger',
           now() - n * interval '1 day', 1
    from generate_series(1, 1000) n;
    insert into events (at, kind, organisation, payload, occasion)
    select now(), 'certificate_expiring', 'PSDFR-ACPR-' || n, '{}', n::text from generate_series(1, 2000) n;
    insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at, revoked_at)
    select md5('grant' || n)::uuid, 'cic', md5('client' || 1 + n % 1000)::uuid, 'web', 'aisp', 'psu' || n / 20, now(), now(),
           now() + interval '180 days', case when n % 10 = 0 then now() end
    from generate_series(1, 10000) n;
    insert into permission_visits (id, brand, psu, lang, link_digest, link_until)
    select md5('visit' || n)::uuid, 'cic', 'psu' || n, 'fr', sha256(n::text::bytea), now() + n * interval '1 minute' from generate_series(1, 2000) n;
    insert into interactions (id, brand, channel, client_id, redirect_uri, redirect_uri_sent, scope, lang, browser_digest, state, created_at,
                              active_at, expires_at)
    select md5('journey' || n)::uuid, 'cic', 'web', md5('client' || 1 + n % 1000)::uuid, 'https://tpp.example/callback', true, 'aisp', 'fr',
           sha256(n::text::bytea), 'sign_in', now(), now(), now()
    from generate_series(1, 10000) n;
    insert into pushed_requests (id, brand, client_id, digest, parameters, expires_at)
    select md5('pushed' || n)::uuid, 'cic', md5('client' || 1 + n % 1000)::uuid, sha256(n::text::bytea), '[]', now() from generate_series(1, 5000) n;
    insert into payments (id, brand, client_id, kind, name, payment, revision, state, lodged_at, expires_at, grant_id)
    select md5('payment' || n)::uuid, 'cic', md5('client' || 1 + n % 1000)::uuid, 'initiation', 'p' || n, '{}', 1,
           case when n % 2 = 0 then 'lodged' else 'used' end, now(), now(), md5('grant' || n)::uuid
    from generate_series(1, 10000) n;
    select add_tokens_partition(20000);
    insert into tokens (id, digest, brand, client_id, grant_id, scope, channel, issued_at, expires_at)
    select ('4e20' || substr(md5('token' || n), 5))::uuid, sha256(n::text::bytea), 'cic',
           md5('client' || 1 + n % 1000)::uuid, md5('grant' || 1 + n % 10000)::uuid, 'aisp', 'web', now(), now() + interval '3 hours'
    from generate_series(1, 50000) n;
    insert into audit_events (id, at, brand, kind, client_id)
    select md5('event' || n)::uuid, now(), 'cic', 'token_issued', md5('client' || 1 + n % 1000)::uuid from generate_series(1, 50000) n;
    insert into audit_events (id, at, brand, kind, psu_key, psu)
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5('of month' || n), 1, 19))::uuid, at, 'cic', 'signed_in',
           md5('key' || n % 1000)::uuid, '\x00'
    from (select n, date_trunc('month', now()) + n * interval '5 minutes' as at from generate_series(1, 33000) n) as events;
    insert into audit_seals (brand, number, from_position, to_position, sealed_at, events, first_id, last_id, leaf_ids, leaf_hashes, root, previous, hash)
    select 'cic', n, n * 10, n * 10 + 10, now() + n * interval '1 second', 1, md5('event' || n)::uuid, md5('event' || n)::uuid, array[md5('event' || n)::uuid], sha256('x'),
           sha256('x'), sha256('x'), sha256('x')
    from generate_series(1, 5000) n;
    insert into audit_anchors (at, brand, number, hash) select now() + n * interval '1 hour', 'cic', n, sha256('x') from generate_series(1, 3000) n;
    insert into psu_keys (id, brand, digest, key, made_at)
    select md5('key' || n)::uuid, 'cic', sha256(n::text::bytea), sha256('x'), now() from generate_series(1, 3000) n;
    insert into sandbox_customers (brand, login, password_hash, reference)
    select 'sandbox' || n / 20, 'customer' || n, repeat('x', 97), 'psu' || n from generate_series(1, 2000) n;
    insert into trusted_lists (territory, sequence, version, issued_at, next_update, sha256, source, accepted_at, verification, services)
    select chr(65 + n / 26) || chr(65 + n % 26), version, 6, now(), now(), repeat('x', 64), 'https://lists.example/list.xml', now(), repeat('x', 300)::bytea,
           repeat('x', 10000)::bytea
    from generate_series(0, 30) n, generate_series(1, 5) version;
    insert into trusted_list_imports (id, at, source, outcome)
    select md5('import' || n)::uuid, now(), 'https://lists.example/list.xml', 'accepted' from generate_series(1, 3000) n;
    insert into figure_days (brand, day, service, requests, micros, not_replied, aspsp, tpp, psu)
    select 'brand' || n % 10, date '2024-01-01' + n / 10, 'ais', 1, 1, 0, 0, 0, 0 from generate_series(1, 10000) n;
    insert into figure_availability (brand, day, down_seconds, unobserved_seconds)
    select 'brand' || n % 10, date '2024-01-01' + n / 10, 0, 0 from generate_series(1, 10000) n;
    insert into figure_direct (brand, day, down_seconds, imported_at, imported_by)
    select 'brand' || n % 10, date '2024-01-01' + n / 10, 0, now(), 'me' from generate_series(1, 10000) n;
    insert into figure_replies (brand, minute, seconds) select 'brand' || n % 10, n / 10, 1 from generate_series(1, 50000) n;
    insert into figure_failures (brand, second, requests) select 'brand' || n % 10, n / 10, 1 from generate_series(1, 50000) n;
    insert into figure_alive (minute, seconds) select n, 1 from generate_series(1, 50000) n;
    insert into figure_writers (process, batch, at) select md5('writer' || n)::uuid, 1, now() + n * interval '1 minute' from generate_series(1, 5000) n;
    insert into blocks (id, brand, target, value, organisation, reason, since, blocked_by, lifted_at, lifted_by, lifted_why)
    select md5('block' || n)::uuid, '*', 'organisation', 'PSDFR-ACPR-' || n, '', repeat('x', 1500), now(), 'me',
           case when n > 20 then now() end, case when n > 20 then 'me' end, case when n > 20 then 'over' end
    from generate_series(1, 500) n;
    insert into registers (id, as_of, source, digest, entries, imported_at, imported_by, superseded_at)
    select md5('register' || n)::uuid, now(), repeat('x', 200), sha256(n::text::bytea), 150, now(), 'me', case when n > 1 then now() end
    from generate_series(1, 500) n;
    insert into register_entries (register_id, organisation, name, roles, status)
    select md5('register' || n % 20)::uuid, 'PSDFR-ACPR-' || n, 'TPP ' || n, 'PSP_AI', 'authorised' from generate_series(1, 3000) n;
    insert into certificate_status (issuer_key, serial, issuer_name, issuer_spki, ocsp_urls, crl_urls, not_after, next_check_at, seen_at,
                                    changed_at)
    select sha256('key'), substr(sha256(n::text::bytea), 1, 20), repeat('x', 1500)::bytea, repeat('x', 294)::bytea, '{}', '{}',
           now() + n * interval '1 day', now() + n * interval '1 second', now(), now() + n * interval '1 second'
    from generate_series(1, 400) n;
    insert into acts (id, act, brand, arguments, digest, reason, proposed_at, proposed_by, proposed_through, proposed_as, expires_at, decision, decided_at)
    select md5('act' || n)::uuid, 'client.block', 'cic', '{}', sha256(n::text::bytea), repeat('x', 500), now(), 'me', 'cli', 'root', now(),
           case when n > 20 then 'approved' end, case when n > 20 then now() end
    from generate_series(1, 1000) n;
    insert into grant_sweeps (id, brand, kind, client_id, reason, begun_by, begun_at, finished_at)
    select md5('sweep' || n)::uuid, 'cic', 'revoke', md5('client' || n)::uuid, repeat('x', 500), 'me', now(), case when n > 20 then now() end
    from generate_series(1, 1000) n;
    insert into client_practices (client_id, practice, times, first_seen_at, last_seen_at)
    select md5('client' || n)::uuid, 'practice' || m, 1, now(), now() from generate_series(1, 1000) n, generate_series(1, 8) m;
    insert into client_assertions (digest, client_id, expires_at)
    select sha256(n::text::bytea), md5('client' || n % 1000)::uuid, now() + n * interval '1 second' from generate_series(1, 5000) n;
    insert into signing_keys (kid, algorithm, public, made_at, made_by, signs_from, published_until)
    select 'key' || n, 'ES256', '{}', now(), 'me', now(), case when n > 2 then now() end from generate_series(1, 20) n;
    analyze";

/// A statement of the program.
pub struct Statement {
    pub text: String,
    /// SQL types of `$1..`.
    pub types: Vec<&'static str>,
}

/// Every statement of the program: `cargo sqlx prepare` keeps them in `.sqlx`, one a file.
pub fn statements() -> Vec<Statement> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let read = |file: Vec<u8>| {
        let cached: Value = serde_json::from_slice(&file).unwrap();
        let types = cached["describe"]["parameters"]["Left"].as_array().unwrap().iter();
        Statement {
            text: cached["query"].as_str().unwrap().to_owned(),
            types: types.map(|name| sql_type(name.as_str().unwrap_or_else(|| panic!("{name}: a type of our own?")))).collect(),
        }
    };
    files.map(read).collect()
}

/// A type as sqlx calls it, in SQL.
fn sql_type(name: &str) -> &'static str {
    let known = [
        ("Bool", "boolean"),
        ("Bytea", "bytea"),
        ("ByteaArray", "bytea[]"),
        ("Char", "\"char\""),
        ("Date", "date"),
        ("DateArray", "date[]"),
        ("Float8Array", "double precision[]"),
        ("Int2", "smallint"),
        ("Int4", "integer"),
        ("Int4Array", "integer[]"),
        ("Int8", "bigint"),
        ("Int8Array", "bigint[]"),
        ("Jsonb", "jsonb"),
        ("Text", "text"),
        ("TextArray", "text[]"),
        ("TimestamptzArray", "timestamptz[]"),
        ("Timestamptz", "timestamptz"),
        ("Uuid", "uuid"),
        ("UuidArray", "uuid[]"),
    ];
    known.into_iter().find(|(sqlx, _)| *sqlx == name).unwrap_or_else(|| panic!("{name}: say its SQL type above")).1
}

/// One or more statements without parameters.
pub async fn execute(db: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(db).await.unwrap_or_else(|e| panic!("{e}: {statement}"));
}
