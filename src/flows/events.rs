//! What the bank's own systems are told, page by page.

use crate::{app::App, oauth::event::EventPage, storage::Outage};

/// Reading changes nothing: the same cursor gives the same events again.
pub async fn page(app: &App, after: i64, limit: i64) -> Result<EventPage, Outage> {
    Ok(EventPage::new(app.db.events_after(after, limit).await?, after))
}
