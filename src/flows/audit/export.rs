//! The audit trail for the outside, in order, from where a reader stopped.

use super::seal::Window;
use crate::storage::{Db, ExportQuery, Exported, Outage};

/// A reader's place: everything up to it was read.
pub struct Reader {
    pub after: i64,
    window: Window,
}

/// What a step brought.
pub struct Page {
    pub events: Vec<Exported>,
    /// For now there is no more.
    pub end: bool,
}

impl Reader {
    pub fn new(after: i64) -> Self {
        Self { after, window: Window::default() }
    }

    /// Only what is sealed, so that nothing is ever added before a reader's place. All events of a transaction come together.
    pub async fn next(&mut self, db: &Db, query: &ExportQuery<'_>) -> Result<Page, Outage> {
        let (from, horizon) = (self.after.saturating_add(1), db.audit_horizon().await?);
        let to = self.window.after(from).min(horizon);
        if to <= from {
            return Ok(Page { events: vec![], end: true });
        }
        let events = db.export_audit_events(query, from, to).await?;
        self.window = self.window.adapted(events.len());
        self.after = to - 1;
        Ok(Page { events, end: to >= horizon })
    }
}
