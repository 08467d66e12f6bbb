//! The database, and the banks' SCA back ends.

use crate::{
    clock::Clock,
    config::Settings,
    doctor::database::{BackEnd, Database, Held},
    oauth::partition::Partition,
    sca::http::{Identity, connect},
    storage::{Db, Outage, SchemaState},
};
use time::OffsetDateTime;

/// No challenge has this reference.
const NO_CHALLENGE: &str = "no-such-challenge";

/// # Errors
/// When it does not answer.
pub async fn look(settings: &Settings, db: &Db, clock: &dyn Clock) -> Result<Database, String> {
    facts(settings, db, clock).await.map_err(|outage| outage.to_string())
}

async fn facts(settings: &Settings, db: &Db, clock: &dyn Clock) -> Result<Database, Outage> {
    // the first question also connects
    db.ping().await?;
    let before = clock.now();
    let server = db.server_facts().await?;
    let asked_at = before + (clock.now() - before) / 2;
    let (role, slots) = (db.role_facts().await?, db.idle_slots().await?);
    // what may not be read tells nothing
    let schema = if role.lacks.is_empty() { Some(db.schema_state().await?) } else { None };
    let held = match schema.map(SchemaState::fault) {
        Some(None) => Some(held(settings, db, clock.now()).await?),
        Some(Some(_)) | None => None,
    };
    Ok(Database { server, asked_at, schema, role, slots, held })
}

async fn held(settings: &Settings, db: &Db, now: OffsetDateTime) -> Result<Held, Outage> {
    let needed = Partition::needed(&settings.brands, now);
    let tables = db.token_tables().await?;
    Ok(Held {
        missing_tables: needed.difference(&tables).map(|table| table.table()).collect(),
        strays: db.count_tokens_in_default().await?,
        lists: db.accepted_snapshot().await?,
        register: db.register_in_force().await?,
        keys: db.published_keys(now).await?,
    })
}

/// Each is asked for a challenge that nobody made: nothing happens there.
pub async fn back_ends(settings: &Settings) -> Vec<BackEnd> {
    let mut all = vec![];
    for (brand, driver) in &settings.drivers {
        let own = Identity { certificate: &driver.client_certificate_file, key: &driver.client_key_file };
        let answered = match connect(&driver.ca_file, Some(own), driver.deadline) {
            Ok(client) => {
                let sent = client.get(format!("{}/challenges/{NO_CHALLENGE}", driver.url)).timeout(driver.deadline).send().await;
                sent.map(|answer| answer.status().as_u16()).map_err(|error| causes(&error))
            }
            Err(why) => Err(why),
        };
        all.push(BackEnd { brand: brand.clone(), url: driver.url.clone(), answered });
    }
    all
}

/// The innermost cause: the outer ones name only the request.
fn causes(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
