//! `guichet key`: the bank's signing keys.

use super::{
    ConfigFile, Failure,
    act::{Means, carry_out},
    operator::{Author, connect},
    table::{maybe, or_dash, print_json, print_table},
};
use crate::{
    admin::{Act, Algorithm, KeyView},
    clock::{Clock, System},
    flows::admin::keys,
    server,
    signing::{self, WrappingKey},
};
use clap::Subcommand;
use std::{path::PathBuf, process::ExitCode};
use time::Duration;

#[derive(Subcommand)]
pub enum KeyStep {
    /// Keys of files, then those of the database in the order in which they sign
    List {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long)]
        json: bool,
    },
    /// Make the next key: published now, signs after signing.overlap_hours; the one before it is published as long after its last use
    Rotate {
        #[command(flatten)]
        config: ConfigFile,
        /// ES256, PS256 or EdDSA; signing.algorithm by default
        #[arg(long, value_parser = algorithm)]
        algorithm: Option<Algorithm>,
        /// It signs now: the first key, or after the active one became known. Whoever keeps the former set of keys meets an unknown one
        #[arg(long)]
        at_once: bool,
        /// Only where the newest key is older: for a timer
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
        if_older_than: Option<u16>,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
        #[arg(long)]
        json: bool,
    },
    /// Take a key out now: a next one, or one that signs no more. Its private half is destroyed
    Retire {
        #[command(flatten)]
        config: ConfigFile,
        // one in sixty-four begins so
        #[arg(allow_hyphen_values = true)]
        kid: String,
        /// Why, for the audit trail
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        author: Author,
        #[arg(long)]
        json: bool,
    },
    /// Wrap all private halves with the key of signing.wrapping_key_file, opening them with the former one
    Rewrap {
        #[command(flatten)]
        config: ConfigFile,
        /// The former wrapping key
        #[arg(long, value_name = "FILE")]
        old_file: PathBuf,
        #[command(flatten)]
        author: Author,
    },
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name).ok_or_else(|| "is ES256, PS256 or EdDSA".to_owned())
}

pub async fn run(step: KeyStep) -> Result<ExitCode, Failure> {
    let now = System::new().now();
    match step {
        KeyStep::List { config, json } => {
            let settings = config.settings()?;
            let files = signing::load_files(&settings.signing_key_files).map_err(|error| Failure(3, error.to_string()))?;
            let keys = keys::list(&connect(&settings).await?, &files, now).await?;
            if json {
                print_json(&keys);
            } else if keys.is_empty() {
                say!("no keys");
            } else {
                let head = ["kid", "algorithm", "state", "signs from", "signs until", "published until", "made by"];
                print_table(&head, keys.iter().map(row).collect());
            }
            Ok(ExitCode::SUCCESS)
        }
        KeyStep::Rotate { config, algorithm, at_once, if_older_than, reason, author, json } => {
            let settings = config.settings()?;
            server::key_maker(&settings).map_err(|error| Failure(3, error.to_string()))?;
            let db = connect(&settings).await?;
            if let Some(days) = if_older_than
                && !keys::is_due(&db, Duration::days(days.into()), now).await?
            {
                say!("the newest key is younger: nothing is to be done");
                return Ok(ExitCode::SUCCESS);
            }
            carry_out(&settings, &db, Act::RotateKey { algorithm, at_once }, &reason, &author, json).await
        }
        KeyStep::Retire { config, kid, reason, author, json } => {
            let settings = config.settings()?;
            let db = connect(&settings).await?;
            carry_out(&settings, &db, Act::RetireKey { kid }, &reason, &author, json).await
        }
        KeyStep::Rewrap { config, old_file, author } => {
            let settings = config.settings()?;
            let wrong = |error: signing::WrappingKeyError| Failure(3, error.to_string());
            let old = WrappingKey::load(&old_file).map_err(wrong)?;
            let new = settings.signing.wrapping_key_file.as_deref().map(WrappingKey::load).transpose().map_err(wrong)?;
            let new = new.ok_or_else(|| Failure(3, "`signing.wrapping_key_file` names no key".into()))?;
            let (who, db, means) = (author.person()?, connect(&settings).await?, Means::new(&settings));
            let done = keys::rewrap(&means.desk(&settings, &db), &old, &new, &who.to_string()).await?;
            let count = done.map_err(|kid| Failure(7, format!("key {kid} does not open with the former wrapping key: nothing changed")))?;
            say!("{count} private halves are under the new wrapping key");
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn row(key: &KeyView) -> Vec<String> {
    vec![
        key.kid.clone(),
        key.algorithm.name().to_owned(),
        key.state.name().to_owned(),
        maybe(key.signs_from),
        maybe(key.signs_until),
        maybe(key.published_until),
        or_dash(key.made_by.as_ref()),
    ]
}
