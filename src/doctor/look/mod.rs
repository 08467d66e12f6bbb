//! Gathers the facts: the only part of the doctor that opens files, asks the database and knocks at doors. Every wait is bounded.

mod database;
mod dnssec;
mod files;
mod http;
mod names;
mod spoof;
mod tls;

use super::{Check, Finding, brands, dnssec::Vouched, outside as seen};
use crate::{clock::Clock, config::Settings, oauth::brand::Brand, storage::Db};
use names::Place;
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::aws_lc_rs,
};
use rustls_platform_verifier::Verifier;
use seen::Side;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// For one connection, one name or one answer.
const PATIENCE: Duration = Duration::from_secs(5);

type Believed = Arc<dyn ServerCertVerifier>;

/// How to look.
pub struct Asked {
    /// Processes with these settings.
    pub replicas: u32,
    /// PEM: whom clients believe, instead of the system's authorities.
    pub authorities: Option<PathBuf>,
    /// `HOST:PORT` in place of every brand's own address.
    pub connect: Option<String>,
    /// `HOST:PORT` in place of the system's resolvers, where DNSSEC is asked about.
    pub resolver: Option<String>,
}

impl Asked {
    fn believed(&self) -> Result<Believed, String> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let Some(file) = &self.authorities else {
            return Ok(Arc::new(Verifier::new(provider).map_err(|error| format!("the system's authorities: {error}"))?));
        };
        let mut roots = RootCertStore::empty();
        for authority in crate::tls::files::load_certificates(file).map_err(|error| error.to_string())? {
            roots.add(authority).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(built.map_err(|error| format!("{}: {error}", file.display()))?)
    }
}

/// What the settings name, on this machine and in the database.
///
/// # Errors
/// When `authorities` cannot be used.
pub async fn inside(settings: &Settings, db: &Db, asked: &Asked, clock: &dyn Clock) -> Result<Vec<Finding>, String> {
    let believed = asked.believed()?;
    let mut found = files::look(settings, &believed, clock.now());
    found.extend(brands::judge(settings));
    found.extend(brands::judge_hosts(&names::look(settings).await));
    found.extend(match database::look(settings, db, clock).await {
        Ok(database) => database.judge(settings, asked.replicas, clock.now()),
        Err(why) => vec![Finding::new(Check::DatabaseAway, "database", why)],
    });
    for back_end in database::back_ends(settings).await {
        found.extend(back_end.judge());
    }
    Ok(in_order(found))
}

/// What a client sees of these brands, at the sides that `origins` names, or at all.
///
/// # Errors
/// When `authorities`, `connect` or `resolver` cannot be used, or an origin is no brand's.
pub async fn outside(settings: &Settings, origins: &[String], asked: &Asked) -> Result<Vec<Finding>, String> {
    let believed = asked.believed()?;
    let fixed = match &asked.connect {
        Some(address) => Some(names::address(address).await?),
        None => None,
    };
    let origins: BTreeSet<&str> = origins.iter().map(|origin| origin.trim_end_matches('/')).collect();
    let wanted = |brand: &Brand| [Side::Tpp, Side::Psu].into_iter().any(|side| origins.contains(seen::origin(brand, side)));
    let all = &settings.brands;
    let known =
        |origin: &&&str| all.iter().any(|brand| [Side::Tpp, Side::Psu].into_iter().any(|side| seen::origin(brand, side) == **origin));
    if let Some(stranger) = origins.iter().find(|origin| !known(origin)) {
        return Err(format!("{stranger} is no brand's; a brand's URL is https:// and its tpp_host or psu_host"));
    }
    let (mut found, mut places, mut hosts) = (vec![], BTreeMap::new(), BTreeSet::new());
    for brand in all.iter().filter(|brand| origins.is_empty() || wanted(brand)) {
        for side in [Side::Tpp, Side::Psu] {
            let origin = seen::origin(brand, side);
            hosts.insert(origin.to_owned());
            if let Entry::Vacant(unseen) = places.entry((side, origin)) {
                let place = Place::find(origin, fixed).await;
                let tls = tls::look(side, origin, &place, &believed).await;
                found.extend(tls.judge());
                unseen.insert(place.ok().filter(|_| tls.away.is_none() && tls.new.is_none()));
            }
        }
        let place = |side| places.get(&(side, seen::origin(brand, side))).and_then(Option::as_ref);
        if let (Some(tpp), Some(psu)) = (place(Side::Tpp), place(Side::Psu)) {
            found.extend(http::look(brand, tpp, psu).await.judge());
        }
    }
    found.extend(dnssec::look(hosts, asked.resolver.as_deref()).await?.iter().filter_map(Vouched::judge));
    Ok(in_order(found))
}

/// The urgent ones first; what several brands share is told once.
fn in_order(found: Vec<Finding>) -> Vec<Finding> {
    let once: BTreeSet<_> = found.into_iter().map(|finding| (finding.check.gravity(), finding)).collect();
    once.into_iter().map(|(_, finding)| finding).collect()
}
