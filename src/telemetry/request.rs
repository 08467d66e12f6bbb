//! What is known of the request under way: noted where it is learnt, read where it is answered.
//!
//! Only ids, closed words and times fit in here: no type of it can hold a token, a code, a login or a body.

use super::trace::Trace;
use crate::oauth::{
    brand::BrandId,
    client::ClientId,
    fault::{Asker, FaultSide},
    scope::Scope,
    tpp::{OrganisationId, PspRole},
};
use std::{cell::RefCell, future::Future, sync::Arc, time::Duration};
use uuid::{Uuid, fmt::Simple};

tokio::task_local! {
    static FACTS: RefCell<Facts>;
}

/// One row of the router: what a request for it is about, whatever it brings.
#[derive(Debug)]
pub struct Place {
    /// A word of the router's own, the same at every brand.
    pub endpoint: &'static str,
    /// The pattern, never the path: that holds ids.
    pub route: Arc<str>,
    pub brand: Option<BrandId>,
    pub channel: Option<Arc<str>>,
    /// Who asks here.
    pub asker: Asker,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Served,
    /// By a verdict: also where it travels home in a redirect.
    Refused,
    /// By an outage, a defect, or a failure of the bank's SCA.
    Failed,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Default)]
pub struct Facts {
    pub identity: Option<Identity>,
    pub place: Option<Arc<Place>>,
    /// Where the place does not say.
    pub brand: Option<BrandId>,
    pub channel: Option<Arc<str>>,
    pub client: Option<ClientId>,
    pub organisation: Option<OrganisationId>,
    pub role: Option<PspRole>,
    /// The stable name of the verdict: more than the wire tells.
    pub reason: Option<&'static str>,
    /// Where the status alone does not say.
    pub fault: Option<FaultSide>,
    pub database: Duration,
    /// A transaction counts as one.
    pub statements: u32,
}

/// What a request is called.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Ours, in the log and on error pages.
    pub event: Uuid,
    pub trace: Trace,
}

/// Answers with a sheet to note on, and gives the sheet back.
pub async fn observed<T>(facts: Facts, answer: impl Future<Output = T>) -> (T, Facts) {
    FACTS.scope(RefCell::new(facts), async { (answer.await, FACTS.with(RefCell::take)) }).await
}

/// Outside of a request, as in a task, there is nothing to note on.
pub fn note(change: impl FnOnce(&mut Facts)) {
    let _nobody_asks = FACTS.try_with(|facts| change(&mut facts.borrow_mut()));
}

/// For a log line of its own within a request.
pub fn event() -> Option<Simple> {
    known(|facts| facts.identity.as_ref().map(|identity| identity.event.simple())).flatten()
}

/// For whom we ask on behalf of the request: `traceparent` and `tracestate`.
pub fn outgoing() -> Option<(String, Option<String>)> {
    known(|facts| facts.identity.as_ref().map(|Identity { trace, .. }| (trace.outgoing(), trace.state().map(str::to_owned)))).flatten()
}

/// What is known so far; `None` outside of a request.
pub fn known<T>(look: impl FnOnce(&Facts) -> T) -> Option<T> {
    FACTS.try_with(|facts| look(&facts.borrow())).ok()
}

impl Facts {
    pub fn brand(&self) -> Option<&BrandId> {
        self.brand.as_ref().or(self.place.as_ref()?.brand.as_ref())
    }

    pub fn channel(&self) -> Option<&str> {
        self.channel.as_deref().or(self.place.as_ref()?.channel.as_deref())
    }

    /// `none`: no route has such a path and method.
    pub fn endpoint(&self) -> &'static str {
        self.place.as_ref().map_or("none", |place| place.endpoint)
    }

    pub fn route(&self) -> &str {
        self.place.as_ref().map_or("none", |place| &place.route)
    }

    /// The service of PSD2 that it was about, as far as that became known.
    pub fn role(&self) -> &'static str {
        match self.role {
            Some(PspRole::AccountInformation) => "ais",
            Some(PspRole::PaymentInitiation) => "pis",
            Some(PspRole::CardIssuing) => "cbpii",
            Some(PspRole::AccountServicing) | None => "none",
        }
    }

    /// `asker`: who stands at the counter, where no route says more.
    pub fn fault(&self, status: u16, asker: Asker) -> FaultSide {
        let asker = self.place.as_ref().map_or(asker, |place| place.asker);
        self.fault.unwrap_or_else(|| FaultSide::of_status(status, asker))
    }

    pub fn outcome(&self, status: u16) -> Outcome {
        match (status, self.fault) {
            (500.., _) => Outcome::Failed,
            (400..500, _) | (_, Some(FaultSide::Tpp | FaultSide::Psu)) => Outcome::Refused,
            (_, Some(FaultSide::Aspsp)) => Outcome::Failed,
            (_, Some(FaultSide::None) | None) => Outcome::Served,
        }
    }

    /// It ends by this verdict. The first one stays: what follows from it says less.
    pub fn verdict(&mut self, reason: &'static str, fault: Option<FaultSide>) {
        if self.reason.is_none() {
            (self.reason, self.fault) = (Some(reason), fault);
        }
    }

    /// The verdict rested on something old: there will be another.
    pub fn reconsider(&mut self) {
        (self.reason, self.fault) = (None, None);
    }

    /// What the request asks for, or a token of it gives.
    pub fn about(&mut self, scope: &Scope) {
        self.role = scope.family().map(|family| family.role());
    }

    /// Asked for at each reading of a body: cloned only where it is news.
    pub fn by(&mut self, organisation: &OrganisationId) {
        if self.organisation.as_ref() != Some(organisation) {
            self.organisation = Some(organisation.clone());
        }
    }

    pub fn waited_for_database(&mut self, time: Duration) {
        self.database += time;
        self.statements += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_noted_goes_with_its_own_request_alone() {
        let one = observed(Facts::default(), async {
            note(|facts| facts.verdict("code_expired", None));
            tokio::task::yield_now().await;
            note(|facts| facts.verdict("later", Some(FaultSide::Aspsp)));
            note(|facts| facts.waited_for_database(Duration::from_millis(2)));
        });
        let other = observed(Facts::default(), async {
            tokio::task::yield_now().await;
            known(|facts| facts.reason)
        });
        let ((_, one), (seen, other)) = tokio::join!(one, other);
        assert_eq!((one.reason, one.fault, one.statements), (Some("code_expired"), None, 1));
        assert_eq!((seen, other.reason), (Some(None), None));
        note(|facts| facts.statements = 9); // nobody asks
        assert_eq!(known(|facts| facts.statements), None);
    }

    #[test]
    fn an_answer_is_the_status_and_what_was_noted() {
        use FaultSide::{Aspsp, None as Nobody, Psu, Tpp};
        for (status, noted, asker, fault, outcome) in [
            (200, None, Asker::Tpp, Nobody, Outcome::Served),
            (400, None, Asker::Tpp, Tpp, Outcome::Refused),
            (404, None, Asker::Aspsp, Aspsp, Outcome::Refused),
            (503, None, Asker::Psu, Aspsp, Outcome::Failed),
            (401, Some(Aspsp), Asker::Tpp, Aspsp, Outcome::Refused),
            (303, Some(Tpp), Asker::Psu, Tpp, Outcome::Refused),
            (303, Some(Psu), Asker::Psu, Psu, Outcome::Refused),
            (303, Some(Aspsp), Asker::Psu, Aspsp, Outcome::Failed),
        ] {
            let facts = Facts { fault: noted, ..Facts::default() };
            assert_eq!((facts.fault(status, asker), facts.outcome(status)), (fault, outcome), "{status} {noted:?}");
        }
    }
}
