//! Which changes a running server takes up when it reads its settings anew, and which need a restart.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenUp {
    Reload,
    Restart,
}

/// Keys, and sections with all below them, that a reload leaves as they were.
pub const NEEDS_RESTART: [&str; 7] =
    ["tpp.address", "psu.address", "internal.address", "ops.address", "database", "log.format", "tracing.otlp_url"];

impl TakenUp {
    pub fn of(key: &str) -> Self {
        let below = |section: &str| key.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if NEEDS_RESTART.into_iter().any(below) { Self::Restart } else { Self::Reload }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Restart => "restart",
        }
    }
}

impl fmt::Display for TakenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
