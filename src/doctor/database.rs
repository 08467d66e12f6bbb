//! The database, what it holds of trust and register, and the banks' SCA back ends.

use super::{Check, Finding, moment};
use crate::{
    admin::{KeyState, StoredKey},
    config::{Settings, Staleness},
    oauth::brand::BrandId,
    pki::trusted_list::Snapshot,
    standing::{RegisterHead, RegisterUse},
    storage::{IdleSlot, RoleFacts, SchemaState, ServerFacts},
};
use time::{Duration, OffsetDateTime};

/// PostgreSQL 15 is what is tested.
const OLDEST_VERSION: i32 = 150_000;
/// More, and codes and signatures are judged by two times.
const CLOCKS_DIFFER: Duration = Duration::seconds(2);
/// Of 2^31: autovacuum freezes at a tenth.
const TRANSACTIONS_LEFT: i32 = 1_000_000_000;
const GIB: i64 = 1 << 30;
/// What waits for a reader that may be away for a while.
const KEPT_LOG: i64 = 10 * GIB;
const LARGE_BUFFERS: i64 = 8 * GIB;

/// What was seen of it. What needs the schema is only asked where the schema is this program's.
pub struct Database {
    pub server: ServerFacts,
    /// This machine's time halfway through the question that `server.now` answers.
    pub asked_at: OffsetDateTime,
    /// `None`: it may not be read.
    pub schema: Option<SchemaState>,
    pub role: RoleFacts,
    pub slots: Vec<IdleSlot>,
    pub held: Option<Held>,
}

/// What lies in its tables.
pub struct Held {
    /// Names of tables.
    pub missing_tables: Vec<String>,
    pub strays: i64,
    pub lists: Option<Snapshot>,
    pub register: Option<RegisterHead>,
    /// Those that are published.
    pub keys: Vec<StoredKey>,
}

/// How a brand's SCA back end answered.
pub struct BackEnd {
    pub brand: BrandId,
    pub url: String,
    pub answered: Result<u16, String>,
}

impl Database {
    /// `replicas` processes with these settings.
    pub fn judge(&self, settings: &Settings, replicas: u32, now: OffsetDateTime) -> Vec<Finding> {
        let mut found = self.judge_server(settings, replicas);
        found.extend(self.judge_schema());
        found.extend(self.judge_role());
        for slot in self.slots.iter().filter(|slot| slot.kept_bytes > KEPT_LOG) {
            found.push(Finding::new(Check::SlotHoldsLog, &slot.name, format!("{} GiB are kept", slot.kept_bytes / GIB)));
        }
        if let Some(held) = &self.held {
            found.extend(held.judge_tables());
            found.extend(held.judge_lists(settings, now));
            found.extend(held.judge_register(settings, now));
            found.extend(held.judge_keys(settings, now));
        }
        found
    }

    fn judge_server(&self, settings: &Settings, replicas: u32) -> Vec<Finding> {
        let server = &self.server;
        let about = |setting: &str| format!("PostgreSQL, {setting}");
        let mut found = vec![];
        if server.version < OLDEST_VERSION {
            let seen = format!("{}.{}", server.version / 10_000, server.version % 10_000);
            found.push(Finding::new(Check::DatabaseOld, "PostgreSQL", seen));
        }
        let ahead = server.now - self.asked_at;
        if ahead.abs() > CLOCKS_DIFFER {
            let seen =
                format!("the database's is {} s {}", ahead.whole_seconds().abs(), if ahead.is_positive() { "ahead" } else { "behind" });
            found.push(Finding::new(Check::ClockDiffers, "clock", seen));
        }
        for (setting, on) in [("fsync", server.fsync), ("full_page_writes", server.full_page_writes)] {
            found.extend((!on).then(|| Finding::new(Check::FsyncOff, about(setting), "off")));
        }
        if server.synchronous_commit == "off" {
            found.push(Finding::new(Check::CommitNotDurable, about("synchronous_commit"), "off"));
        }
        // one more watches for changes
        let wanted = i64::from(replicas) * (i64::from(settings.database.max_connections) + 1);
        if wanted > i64::from(server.connections) {
            let seen = format!("{replicas} replicas may open {wanted}, PostgreSQL has {} for them", server.connections);
            found.push(Finding::new(Check::TooFewConnections, about("max_connections"), seen));
        }
        if !server.autovacuum {
            found.push(Finding::new(Check::VacuumOff, about("autovacuum"), "off"));
        }
        if server.transaction_age > TRANSACTIONS_LEFT {
            let seen = format!("the oldest is {} transactions old", server.transaction_age);
            found.push(Finding::new(Check::VacuumOff, about("transaction ids"), seen));
        }
        if server.shared_buffers_bytes >= LARGE_BUFFERS && server.huge_pages == "off" {
            let seen = format!("off, with {} GiB of shared buffers", server.shared_buffers_bytes / GIB);
            found.push(Finding::new(Check::HugePagesOff, about("huge_pages"), seen));
        }
        found
    }

    fn judge_schema(&self) -> Option<Finding> {
        let schema = self.schema?;
        let check = match schema {
            SchemaState::Current { .. } | SchemaState::Ahead { .. } => return None,
            SchemaState::Older { .. } => Check::SchemaOlder,
            SchemaState::Newer { .. } => Check::SchemaNewer,
        };
        Some(Finding::new(check, "schema", schema.to_string()))
    }

    fn judge_role(&self) -> Option<Finding> {
        let RoleFacts { name, superuser, owner, lacks } = &self.role;
        if *superuser {
            Some(Finding::new(Check::RoleTooStrong, name, "it is a superuser"))
        } else if *owner {
            Some(Finding::new(Check::RoleTooStrong, name, "it may change the tables"))
        } else {
            (!lacks.is_empty()).then(|| Finding::new(Check::RoleTooWeak, name, format!("no right to {}", lacks.join(", "))))
        }
    }
}

impl Held {
    fn judge_tables(&self) -> Vec<Finding> {
        let missing =
            (!self.missing_tables.is_empty()).then(|| Finding::new(Check::TokenTablesMissing, "tokens", self.missing_tables.join(", ")));
        let strays = (self.strays > 0).then(|| Finding::new(Check::TokenStrays, "tokens_default", format!("{} tokens", self.strays)));
        missing.into_iter().chain(strays).collect()
    }

    fn judge_lists(&self, settings: &Settings, now: OffsetDateTime) -> Vec<Finding> {
        let wanted = settings.brands.iter().map(|brand| settings.trust_of(&brand.id)).find(|trust| trust.trusted_lists);
        let Some(trust) = wanted else { return vec![] };
        let Some(snapshot) = &self.lists else {
            return vec![Finding::new(Check::TrustedListOld, "trusted lists", "none was ever accepted")];
        };
        let late = |next: Option<OffsetDateTime>| {
            let consequence = match trust.stale.judge(next, now) {
                Staleness::Fresh => return None,
                Staleness::Warn => "it counts on for now",
                Staleness::RefuseRegistrations => "certificates of its issuers no longer register clients",
                Staleness::Refuse => "certificates of its issuers are refused",
            };
            Some(format!("{}; {consequence}", next.map_or("no nextUpdate".to_owned(), |next| format!("nextUpdate was {}", moment(next)))))
        };
        snapshot
            .lists
            .iter()
            .filter_map(|list| Some(Finding::new(Check::TrustedListOld, &list.territory, late(list.next_update)?)))
            .collect()
    }

    fn judge_keys(&self, settings: &Settings, now: OffsetDateTime) -> Vec<Finding> {
        let signs = |key: &StoredKey| key.times.state(now) == KeyState::Active && key.sealed.is_some();
        if !settings.signing_key_files.is_empty() || self.keys.iter().any(signs) {
            return vec![];
        }
        let signed = settings.brands.iter().filter(|brand| brand.access_tokens.is_signed());
        signed.map(|brand| Finding::new(Check::NothingSigns, brand.id.as_str(), "no key of the database is active")).collect()
    }

    fn judge_register(&self, settings: &Settings, now: OffsetDateTime) -> Vec<Finding> {
        let mut found = vec![];
        for brand in &settings.brands {
            let policy = &settings.trust_of(&brand.id).register;
            if policy.register == RegisterUse::Off {
                continue;
            }
            let seen = match &self.register {
                None => Some("none was ever imported".to_owned()),
                Some(head) => (head.age(now) >= policy.warn_after).then(|| format!("it describes {}", head.as_of)),
            };
            found.extend(seen.map(|seen| Finding::new(Check::RegisterOld, brand.id.as_str(), seen)));
        }
        found
    }
}

impl BackEnd {
    /// The question is for a challenge that nobody made: 404 by the contract.
    pub fn judge(&self) -> Option<Finding> {
        let seen = match &self.answered {
            Ok(404) => return None,
            Ok(status) => format!("{}: status {status} to a question for an unknown challenge, where 404 is due", self.url),
            Err(why) => format!("{}: {why}", self.url),
        };
        Some(Finding::new(Check::ScaAway, self.brand.as_str(), seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config,
        pki::trusted_list::{AcceptedList, Verification},
    };
    use std::path::Path;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);

    fn settings(trust: &str) -> Settings {
        let text = format!(
            "[tpp]\ncertificate_file = 'a'\nkey_file = 'a'\n[psu]\ncertificate_file = 'a'\nkey_file = 'a'\n[database]\nurl = 'postgres:///g'\n\
             [trust]\n{trust}\n[[brand]]\nbank = 'cic'\nissuer = 'https://a.example'\ntpp_host = 'b.example'\npsu_host = 'a.example'\n"
        );
        config::parse("test.toml", &text, Path::new(""), &|_| None).unwrap()
    }

    fn healthy() -> Database {
        Database {
            server: ServerFacts {
                version: 150_004,
                now: NOW,
                fsync: true,
                full_page_writes: true,
                synchronous_commit: "on".into(),
                connections: 97,
                autovacuum: true,
                shared_buffers_bytes: 128 << 20,
                huge_pages: "try".into(),
                transaction_age: 1_000,
                database_bytes: 1 << 30,
            },
            asked_at: NOW,
            schema: Some(SchemaState::Current { version: 1 }),
            role: RoleFacts { name: "guichet_server".into(), superuser: false, owner: false, lacks: vec![] },
            slots: vec![],
            held: Some(Held { missing_tables: vec![], strays: 0, lists: None, register: None, keys: vec![] }),
        }
    }

    fn codes(database: &Database, settings: &Settings) -> Vec<&'static str> {
        database.judge(settings, 1, NOW).iter().map(|finding| finding.check.code()).collect()
    }

    #[test]
    fn each_fact_that_is_not_as_it_should_be_is_a_finding() {
        type Harm = fn(&mut Database);
        let cases: [(Harm, &[&str]); 16] = [
            (|_| {}, &[]),
            (|d| d.server.version = 140_011, &["database_old"]),
            (|d| d.server.now += Duration::milliseconds(2_001), &["clock_differs"]),
            (|d| d.server.now -= Duration::hours(1), &["clock_differs"]),
            (|d| d.server.now += Duration::seconds(2), &[]),
            (|d| d.server.fsync = false, &["fsync_off"]),
            (|d| d.server.connections = 20, &["too_few_connections"]),
            (|d| d.server.transaction_age = 1_000_000_001, &["vacuum_off"]),
            (|d| (d.server.shared_buffers_bytes, d.server.huge_pages) = (8 << 30, "off".into()), &["huge_pages_off"]),
            (|d| d.slots = vec![IdleSlot { name: "gone".into(), kept_bytes: 11 << 30 }], &["slot_holds_log"]),
            (|d| d.slots = vec![IdleSlot { name: "late".into(), kept_bytes: 1 << 30 }], &[]),
            (|d| d.schema = Some(SchemaState::Ahead { found: 2, own: 1 }), &[]),
            (|d| d.role.owner = true, &["role_too_strong"]),
            (|d| d.role.lacks = vec!["tokens".into()], &["role_too_weak"]),
            (|d| d.held.as_mut().unwrap().strays = 1, &["token_strays"]),
            (|d| d.held.as_mut().unwrap().missing_tables = vec!["tokens_day_20261128".into()], &["token_tables_missing"]),
        ];
        for (at, (harm, expected)) in cases.into_iter().enumerate() {
            let mut database = healthy();
            harm(&mut database);
            assert_eq!(codes(&database, &settings("anchors_file = 'a'")), expected, "case {at}");
        }
    }

    #[test]
    fn an_old_list_says_what_follows() {
        let settings = settings("trusted_lists = true");
        let mut database = healthy();
        assert_eq!(codes(&database, &settings), ["trusted_list_old"], "none was ever accepted");
        for (days, follows) in [(1, None), (-1, Some("counts on")), (-15, Some("no longer register")), (-31, Some("are refused"))] {
            let list = AcceptedList {
                territory: "FR".into(),
                version: 5,
                sequence: 1,
                issued_at: NOW,
                next_update: Some(NOW + Duration::days(days)),
                sha256: String::new(),
                source: String::new(),
                accepted_at: NOW,
                verification: Verification::Signature { signer: String::new(), algorithm: String::new(), named_by: String::new() },
                services: vec![],
            };
            database.held.as_mut().unwrap().lists = Some(Snapshot { lists: vec![list] });
            let found = database.judge(&settings, 1, NOW);
            assert_eq!(
                found.first().map(|finding| finding.seen.contains(follows.unwrap_or("-"))),
                follows.map(|_| true),
                "{days}: {found:?}"
            );
        }
    }
}
