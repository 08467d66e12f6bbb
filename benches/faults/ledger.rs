//! What was answered, and so must hold.

use crate::harness::{CIC, Reply, together, tpp::introspect};
use crate::site::Site;
use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// One answer, as the load saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// 2xx.
    Done,
    /// 503: nothing was said about the request.
    Unavailable,
    /// 429.
    Limited,
    /// No answer, or not in time.
    Nothing,
    Wrong,
}

#[derive(Default)]
pub struct Ledger {
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    alive: Vec<String>,
    dead: Vec<String>,
    sent: usize,
    done: usize,
    unavailable: usize,
    limited: usize,
    nothing: usize,
    wrong: Vec<String>,
    slowest: Duration,
    last_done: Option<Instant>,
    /// Longest time in which nobody was answered.
    gap: Duration,
    last_failure: Option<Instant>,
}

impl Ledger {
    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.pages.lock().unwrap()
    }

    pub fn sees(&self, reply: Option<&Reply>, took: Duration) -> Seen {
        let (mut pages, now) = (self.pages(), Instant::now());
        pages.sent += 1;
        pages.slowest = pages.slowest.max(took);
        let seen = match reply {
            None => Seen::Nothing,
            Some(reply) if (200..300).contains(&reply.status) => Seen::Done,
            Some(reply) if reply.status == 503 && !reply.header("retry-after").is_empty() => Seen::Unavailable,
            Some(reply) if reply.status == 429 && !reply.header("retry-after").is_empty() => Seen::Limited,
            Some(reply) => {
                let said: String = reply.body.chars().take(200).collect();
                pages.wrong.push(format!("{} {said}", reply.status));
                Seen::Wrong
            }
        };
        match seen {
            Seen::Done => {
                pages.done += 1;
                pages.gap = pages.gap.max(pages.last_done.map_or(Duration::ZERO, |last| now - last));
                pages.last_done = Some(now);
            }
            Seen::Unavailable => pages.unavailable += 1,
            Seen::Limited => pages.limited += 1,
            Seen::Nothing => pages.nothing += 1,
            Seen::Wrong => {}
        }
        if seen != Seen::Done {
            pages.last_failure = Some(now);
        }
        seen
    }

    pub fn wrong(&self, what: String) {
        self.pages().wrong.push(what);
    }

    pub fn issued(&self, token: String) {
        self.pages().alive.push(token);
    }

    pub fn revoked(&self, token: String) {
        self.pages().dead.push(token);
    }

    /// Asks about every token. `healed`: when the fault was over.
    pub async fn close(self, site: &Site, injected: Instant, healed: Instant) -> Summary {
        let pages = self.pages.into_inner().unwrap();
        let mut lost = 0;
        for (tokens, expected) in [(&pages.alive, true), (&pages.dead, false)] {
            for some in tokens.chunks(64) {
                let asked = some.iter().map(async |token| {
                    let reply = introspect(site.bank(0), CIC, &[("token", token)]).await.ok(200);
                    reply.json()["active"] == true
                });
                lost += together(asked).await.into_iter().filter(|active| *active != expected).count();
            }
        }
        Summary {
            sent: pages.sent,
            done: pages.done,
            unavailable: pages.unavailable,
            limited: pages.limited,
            nothing: pages.nothing,
            wrong: pages.wrong,
            kept: pages.alive.len() + pages.dead.len(),
            lost,
            gap: pages.gap,
            slowest: pages.slowest,
            fault: healed - injected,
            recovered: pages.last_failure.map_or(Duration::ZERO, |last| last.saturating_duration_since(healed)),
            note: String::new(),
        }
    }
}

/// A row of the table.
pub struct Summary {
    sent: usize,
    done: usize,
    unavailable: usize,
    limited: usize,
    nothing: usize,
    pub wrong: Vec<String>,
    /// Tokens whose issue or end was acknowledged.
    kept: usize,
    lost: usize,
    gap: Duration,
    slowest: Duration,
    /// How long the fault was there.
    fault: Duration,
    /// From its end to the last request that failed.
    recovered: Duration,
    note: String,
}

impl Summary {
    pub const HEAD: &str = "| fault | it lasted | sent | answered | 503 | 429 | no answer | wrong | acknowledged | lost | longest without an answer | slowest answer | failing after its end | |\n\
                            |---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

    pub fn noting(mut self, note: String) -> Self {
        self.note = note;
        self
    }

    pub fn is_good(&self) -> bool {
        self.wrong.is_empty() && self.lost == 0 && self.done > 0
    }

    pub fn row(&self, name: &str) -> String {
        let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
        format!(
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            seconds(self.fault),
            self.sent,
            self.done,
            self.unavailable,
            self.limited,
            self.nothing,
            self.wrong.len(),
            self.kept,
            self.lost,
            seconds(self.gap),
            seconds(self.slowest),
            seconds(self.recovered),
            self.note
        )
    }
}
