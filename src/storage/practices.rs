//! What clients were seen to do, put together from what each server saw.

use super::{Db, Outage, timed};
use crate::oauth::{
    client::ClientId,
    practice::{Noted, Practice, Seen, SeenPractices},
};
use std::collections::BTreeMap;
use time::OffsetDateTime;

impl Db {
    /// Added to what others saw, in one statement and in the order of the keys, as everybody does: nobody waits for each other in a ring.
    /// A client that was deleted meanwhile stays forgotten. The commit does not wait for the disk: nothing but a report rests on it.
    pub async fn add_practices(&self, noted: &[Noted]) -> Result<(), Outage> {
        let clients: Vec<_> = noted.iter().map(|noted| noted.client.0).collect();
        let practices: Vec<_> = noted.iter().map(|noted| noted.practice.name().to_owned()).collect();
        let times: Vec<_> = noted.iter().map(|noted| noted.seen.times).collect();
        let (first, last): (Vec<OffsetDateTime>, Vec<_>) = noted.iter().map(|noted| (noted.seen.first_at, noted.seen.last_at)).unzip();
        let done = sqlx::query!(
            "with loose as (select set_config('synchronous_commit', 'off', true))
             insert into client_practices as p (client_id, practice, times, first_seen_at, last_seen_at)
             select n.client_id, n.practice, n.times, n.first_at, n.last_at
             from loose, unnest($1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[], $5::timestamptz[])
                         as n (client_id, practice, times, first_at, last_at)
                  cross join lateral (select from clients c where c.id = n.client_id and c.deleted_at is null limit 1) alive
             order by n.client_id, n.practice
             on conflict (client_id, practice) do update
             set times = p.times + excluded.times, first_seen_at = least(p.first_seen_at, excluded.first_seen_at),
                 last_seen_at = greatest(p.last_seen_at, excluded.last_seen_at)",
            &clients,
            &practices,
            &times,
            &first,
            &last,
        );
        timed("add_practices", done.execute(&self.pool)).await?;
        Ok(())
    }

    /// What was seen of each since then. A practice that another release knows is passed over.
    pub async fn practices_of(&self, clients: &[ClientId], since: OffsetDateTime) -> Result<BTreeMap<ClientId, SeenPractices>, Outage> {
        let ids: Vec<_> = clients.iter().map(|client| client.0).collect();
        let rows = sqlx::query!(
            "select client_id, practice, times, first_seen_at, last_seen_at from client_practices
             where client_id = any ($1) and last_seen_at >= $2",
            &ids,
            since,
        );
        let mut seen = BTreeMap::<_, SeenPractices>::new();
        for row in timed("practices_of", rows.fetch_all(&self.pool)).await? {
            let Some(practice) = Practice::parse(&row.practice) else { continue };
            let of = Seen { times: row.times, first_at: row.first_seen_at, last_at: row.last_seen_at };
            seen.entry(ClientId(row.client_id)).or_default().insert(practice, of);
        }
        Ok(seen)
    }
}
