//! Lists from where the list of lists says they are.

use super::desk::{Desk, Judged, Read};
use crate::{
    cli::Failure,
    config::Settings,
    outbound::{Fetch, FetchError, Outbound},
    trusted_lists::{Envelope, Lotl},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};

/// Lists in memory before they are verified.
const AT_ONCE: usize = 4;

#[derive(Clone)]
struct Fetcher {
    outbound: Outbound,
    max_bytes: usize,
    deadline: Duration,
    turns: Arc<Semaphore>,
}

impl Fetcher {
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.outbound.fetch(Fetch { url, post: None, max_bytes: self.max_bytes, deadline: self.deadline }).await
    }
}

pub(super) async fn all(settings: &Settings, desk: &mut Desk) -> Result<Vec<Judged>, Failure> {
    let outbound = Outbound::new(&settings.outbound).map_err(|why| Failure(3, why))?;
    let lists = &settings.trusted_lists;
    let fetcher = Fetcher { outbound, max_bytes: lists.max_bytes, deadline: lists.fetch, turns: Arc::new(Semaphore::new(AT_ONCE)) };
    let mut judged = vec![list_of_lists(&fetcher, desk).await];
    judged.extend(national(&fetcher, desk).await?);
    Ok(judged)
}

async fn list_of_lists(fetcher: &Fetcher, desk: &mut Desk) -> Judged {
    let url = desk.settings.lotl_url.clone();
    let bytes = match fetcher.get(&url).await {
        Ok(bytes) => bytes,
        Err(error) => return Judged::unreachable(&url, error),
    };
    // which pivots it needs, it says itself; whether it may is verified with them
    let named = Envelope::open(&bytes, fetcher.max_bytes).and_then(|envelope| Lotl::read(&envelope));
    let needed: Vec<String> = match &named {
        Ok(lotl) => lotl.pivots_since(&desk.settings.official_journal).into_iter().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    };
    let mut pivots = Vec::new();
    for pivot in needed {
        // one that is missing is refused by name
        if let Ok(bytes) = fetcher.get(&pivot).await {
            pivots.push(bytes);
        }
    }
    let pivots: Vec<&[u8]> = pivots.iter().map(Vec::as_slice).collect();
    desk.lotl(&url, &bytes, &pivots)
}

async fn national(fetcher: &Fetcher, desk: &mut Desk) -> Result<Vec<Judged>, Failure> {
    let pointers = desk.pointers().iter().filter(|pointer| !desk.settings.exclude.contains(&pointer.territory));
    let wanted: Vec<(String, String)> = pointers.map(|pointer| (pointer.territory.clone(), pointer.url.clone())).collect();
    let mut fetches = JoinSet::new();
    for (territory, url) in wanted {
        let fetcher = fetcher.clone();
        fetches.spawn(async move {
            // held until the list is verified, so that few are in memory
            let turn = fetcher.turns.clone().acquire_owned().await;
            let fetched = fetcher.get(&url).await;
            (territory, url, fetched, turn)
        });
    }
    let mut read = Vec::new();
    while let Some(fetched) = fetches.join_next().await {
        let (territory, url, fetched, _turn) = fetched.map_err(Failure::unexpected)?;
        read.push(match fetched {
            Ok(bytes) => tokio::task::block_in_place(|| desk.read(&url, &bytes, Some(&territory))),
            Err(error) => Read::Ended(Judged::unreachable(&url, error).claiming(&territory, 0)),
        });
    }
    Ok(desk.judge_all(read))
}
