use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Which door an act came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Through {
    Cli,
    Api,
}

impl Through {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Api => "api",
        }
    }

    /// What [`Self::name`] wrote.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cli, Self::Api].into_iter().find(|through| through.name() == name)
    }
}

/// Who of the bank does something: by the name given, and by what the program itself can see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Person {
    #[schema(example = "Ines Moreau")]
    pub name: String,
    pub through: Through,
    /// The operating system's user, or the subject of the certificate that the internal listener accepted.
    #[serde(rename = "as")]
    #[schema(example = "CN=back-office.bank.example")]
    pub account: String,
}

impl Person {
    /// The same name, however it is written: spaces and capitals make no second person.
    pub fn has_name_of(&self, other: &Self) -> bool {
        let folded = |name: &str| name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        folded(&self.name) == folded(&other.name)
    }

    /// At the command line nobody vouches for a name but the account that it is typed from. An application of the bank's vouches for
    /// the names that it sends, so a certificate may be several people's.
    pub fn shares_account_with(&self, other: &Self) -> bool {
        self.through == Through::Cli && other.through == Through::Cli && self.account == other.account
    }
}

/// As the audit trail has it: `Ines (root)`.
impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.account)
    }
}
