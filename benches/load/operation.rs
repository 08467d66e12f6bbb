//! The operations that are measured.

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Operation {
    ClientCredentials,
    Refresh,
    Introspection,
    CodeExchange,
    Revocation,
}

impl Operation {
    pub const ALL: [Self; 5] = [Self::ClientCredentials, Self::Refresh, Self::Introspection, Self::CodeExchange, Self::Revocation];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Refresh => "refresh",
            Self::Introspection => "introspection",
            Self::CodeExchange => "code exchange",
            Self::Revocation => "revocation",
        }
    }

    /// What it presents can be presented once: each round needs rows of its own.
    pub const fn spends(self) -> bool {
        match self {
            Self::CodeExchange | Self::Revocation => true,
            Self::ClientCredentials | Self::Refresh | Self::Introspection => false,
        }
    }

    /// What is in an answer that did it.
    pub const fn answers(self) -> &'static [&'static str] {
        match self {
            Self::ClientCredentials | Self::Refresh => &["\"access_token\":"],
            Self::CodeExchange => &["\"access_token\":", "\"refresh_token\":"],
            Self::Introspection => &["\"active\":true"],
            Self::Revocation => &[],
        }
    }

    /// Rows it writes at least, the audit event among them: so that no statement is measured which does nothing.
    pub const fn writes(self) -> u32 {
        match self {
            Self::Introspection => 0,
            Self::ClientCredentials | Self::Refresh | Self::Revocation => 2,
            Self::CodeExchange => 3,
        }
    }
}
