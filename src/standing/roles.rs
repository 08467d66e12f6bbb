use crate::oauth::tpp::PspRole;

/// A set of roles, as one byte: the warm path of a judgement allocates nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u8);

impl Roles {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(0b1111);

    const fn bit(role: PspRole) -> u8 {
        match role {
            PspRole::AccountServicing => 1,
            PspRole::PaymentInitiation => 2,
            PspRole::AccountInformation => 4,
            PspRole::CardIssuing => 8,
        }
    }

    pub const fn contains(self, role: PspRole) -> bool {
        self.0 & Self::bit(role) != 0
    }

    pub const fn with(self, role: PspRole) -> Self {
        Self(self.0 | Self::bit(role))
    }

    pub const fn without(self, role: PspRole) -> Self {
        Self(self.0 & !Self::bit(role))
    }

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In the order of [`PspRole::ALL`].
    pub fn iter(self) -> impl Iterator<Item = PspRole> {
        PspRole::ALL.into_iter().filter(move |role| self.contains(*role))
    }

    /// `PSP_PI PSP_AI`, as rows and files have it.
    pub fn names(self) -> String {
        self.iter().map(PspRole::name).collect::<Vec<_>>().join(" ")
    }
}

impl FromIterator<PspRole> for Roles {
    fn from_iter<I: IntoIterator<Item = PspRole>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}
