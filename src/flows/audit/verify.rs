//! Is the audit trail what was sealed? Reads it in windows, in order, while servers write: only what is below the horizon is judged,
//! and that changes no more.

use super::seal::Window;
use crate::{
    audit::{
        chain::Head,
        finding::Finding,
        month::Month,
        verify::{Counts, Verifier},
    },
    oauth::brand::BrandId,
    storage::{Db, Outage},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What to look at.
#[derive(Default)]
pub struct Asked {
    /// `None`: all.
    pub brand: Option<BrandId>,
    /// From the first seal of that time on, which is taken as it is.
    pub from: Option<OffsetDateTime>,
    /// What was told outside, and kept there.
    pub anchors: Vec<Head>,
}

pub struct Report {
    pub findings: Vec<Finding>,
    pub counts: Counts,
    /// The ends of the chains.
    pub heads: Vec<Head>,
    /// Of `Asked::anchors`, and of the database's own.
    pub anchors: [usize; 2],
}

struct Look<'a> {
    db: &'a Db,
    verifier: Verifier,
    horizon: i64,
}

pub async fn verify(db: &Db, asked: &Asked) -> Result<Report, Outage> {
    let chosen = |brand: &str| asked.brand.as_ref().is_none_or(|chosen| chosen.as_str() == brand);
    let kept_from = db.audit_kept_from().await?;
    let mut heads = db.audit_heads().await?;
    heads.retain(|head| chosen(&head.brand));
    let horizon = heads.iter().map(|head| head.to).fold(db.audit_horizon().await?, i64::max);
    let mut look = Look { db, verifier: Verifier::new(horizon, kept_from), horizon };
    let mut position = if asked.from.is_some() { horizon } else { 0 };
    for head in &heads {
        let begin = match asked.from {
            Some(from) => db.audit_head_before(&head.brand, from).await?,
            None => Head::none(&head.brand),
        };
        position = position.min(begin.to);
        look.verifier.begin(begin);
    }
    look.events(position, chosen).await?;
    let told = look.anchors(&heads, &asked.anchors).await?;
    let own = look.own_anchors(&heads, asked.from, chosen).await?;
    let tables: Vec<Month> = db.audit_months().await?.into_iter().collect();
    let (findings, counts) = look.verifier.finish(db.audit_kept_from().await?, &tables);
    Ok(Report { findings, counts, heads, anchors: [told, own] })
}

impl Look<'_> {
    async fn events(&mut self, mut position: i64, chosen: impl Fn(&str) -> bool) -> Result<(), Outage> {
        let mut window = Window::default();
        loop {
            let last = position >= self.horizon;
            let to = if last { i64::MAX } else { window.after(position).min(self.horizon) };
            let events = self.db.read_audit_events(position, to).await?;
            window = window.adapted(events.len());
            for event in events.iter().filter(|event| chosen(&event.brand)) {
                while let Some(after) = self.verifier.wants_seals(&event.brand, event.position) {
                    self.more_seals(&event.brand, after, event.position).await?;
                }
                self.verifier.event(event);
            }
            if last {
                break;
            }
            position = to;
        }
        while let Some((brand, after)) = self.verifier.unfinished() {
            self.more_seals(&brand, after, i64::MAX).await?;
        }
        Ok(())
    }

    async fn more_seals(&mut self, brand: &str, after: i64, position: i64) -> Result<(), Outage> {
        let mut seals = self.db.audit_seals_after(brand, after).await?;
        // sealed while we look: of no concern, and its events are not all read
        seals.retain(|seal| seal.to <= self.horizon);
        self.verifier.seals(brand, seals, position);
        Ok(())
    }

    async fn anchors(&mut self, heads: &[Head], anchors: &[Head]) -> Result<usize, Outage> {
        for told in anchors {
            let is = self.db.audit_seal_hash(&told.brand, told.number).await?;
            let head = heads.iter().find(|head| head.brand == told.brand).map_or(0, |head| head.number);
            self.verifier.anchor(told, is, head);
        }
        Ok(anchors.len())
    }

    async fn own_anchors(&mut self, heads: &[Head], from: Option<OffsetDateTime>, chosen: impl Fn(&str) -> bool) -> Result<usize, Outage> {
        let (mut after, mut count) = ((from.unwrap_or(OffsetDateTime::UNIX_EPOCH), String::new()), 0);
        loop {
            let page = self.db.audit_anchors_after(after.0, &after.1).await?;
            let Some((at, head)) = page.last() else { return Ok(count) };
            after = (*at, head.brand.clone());
            let anchors: Vec<_> = page.into_iter().map(|(_, head)| head).filter(|head| chosen(&head.brand)).collect();
            count += self.anchors(heads, &anchors).await?;
        }
    }
}

/// Of an export's and a search's time, the first id and the one that is too great.
pub fn ids(from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> [Uuid; 2] {
    let id = |at: Option<OffsetDateTime>| at.map(crate::audit::month::first_id_of);
    [id(from).unwrap_or(Uuid::nil()), id(to).unwrap_or(Uuid::max())]
}
