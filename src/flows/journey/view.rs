//! What a journey shows, and what its customer may say.

use crate::oauth::{
    client::Client,
    interaction::{Challenge, Interaction},
    method::{Account, Method},
    payment::Payment,
    sca::ScaFailure,
    secret::Secret,
};
use time::OffsetDateTime;

/// What to show, or where to send the browser.
pub enum View {
    /// The bank's app was expected: open it, go on here, or cancel.
    OpenApp {
        interaction: Interaction,
        client: Client,
    },
    SignIn {
        interaction: Interaction,
        client: Client,
        wrong_password: bool,
    },
    Accounts {
        interaction: Interaction,
        client: Client,
        accounts: Vec<Account>,
        /// More than one may be chosen.
        many: bool,
        nothing_chosen: bool,
    },
    Consent {
        interaction: Interaction,
        client: Client,
        payment: Option<Payment>,
        accounts: Vec<Account>,
        until: OffsetDateTime,
    },
    Methods {
        interaction: Interaction,
        client: Client,
        methods: Vec<Method>,
    },
    /// The customer has to do something elsewhere.
    Waiting(Asked),
    /// The customer types a code here.
    OneTimeCode(Asked),
    /// There is an answer: the browser fetches it by a navigation of its own.
    Home {
        interaction: Interaction,
        client: Client,
        /// Why nothing was approved; `None`: it was.
        failure: Option<ScaFailure>,
    },
    /// The bank does not serve the TPP at present. The journey stays as it is: it goes on if that ends in time.
    NotServed {
        interaction: Interaction,
        client: Client,
        /// What the operator has to say to customers.
        notice: Option<String>,
    },
    /// The TPP's redirect URI, with the answer in it.
    GoHome(String),
    /// The bank's portal has the journey.
    Portal(String),
    /// The step was taken: look again with a GET, so that a reload repeats nothing.
    Next,
    Nothing(NoView),
}

/// A journey whose customer is being authenticated.
pub struct Asked {
    pub interaction: Interaction,
    pub client: Client,
    pub payment: Option<Payment>,
    pub challenge: Challenge,
    pub other_methods: bool,
}

/// Why there is no journey to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoView {
    Unknown,
    /// Begun in another browser, or the cookie is gone.
    OtherBrowser,
    /// The code was fetched and used.
    AlreadyAnswered,
    /// The form did not come from our page.
    ForeignForm,
    /// The code went home and nobody used it in time.
    Over,
}

/// What the customer's form says.
pub struct Form {
    pub csrf: String,
    pub step: Step,
}

pub enum Step {
    Cancel,
    /// In the browser, where the bank's app was expected.
    ContinueHere,
    SignIn {
        login: String,
        password: Secret,
    },
    /// The ids of the chosen accounts.
    Accounts(Vec<String>),
    Approve,
    /// Sandbox only: end with this outcome.
    Simulate(ScaFailure),
    /// The id of the chosen method.
    Method(String),
    OtherMethod,
    Code(Secret),
}

/// Whether a page that waits still has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    Still,
    /// There is another page to be shown.
    Moved,
}
