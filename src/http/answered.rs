//! The request line: what is said of each request once it is answered, in the log and in the metrics.

use super::site::RequestId;
use crate::{oauth::fault::Asker, telemetry::request::Facts, tls::peer::Counter};
use http::Method;
use metrics::{Label, SharedString};
use std::time::Duration;

pub struct Answered {
    pub id: RequestId,
    pub counter: Option<Counter>,
    pub method: Method,
    pub status: u16,
    pub time: Duration,
}

impl Answered {
    /// The route's pattern only: paths, queries and bodies hold ids, codes and states. What is not known is left out.
    pub fn tell(&self, facts: &Facts) {
        let (fault, outcome) = (facts.fault(self.status, self.asker()), facts.outcome(self.status));
        let (brand, endpoint, role) = (facts.brand(), facts.endpoint(), facts.role());
        tracing::info!(
            target: "request",
            event_id = %self.id.0.simple(),
            counter = self.counter.map_or("none", Counter::name),
            brand = brand.map(display),
            channel = facts.channel(),
            endpoint,
            method = %self.method,
            route = facts.route(),
            status = self.status,
            outcome = outcome.name(),
            reason = facts.reason,
            fault = fault.name(),
            client_id = facts.client.map(display),
            organisation = facts.organisation.as_ref().map(display),
            role,
            seconds = self.time.as_secs_f64(),
            db_seconds = facts.database.as_secs_f64(),
            db_statements = facts.statements,
        );
        let brand = || brand.map_or(SharedString::const_str("none"), |brand| brand.shared().into());
        let labels = [
            Label::from_static_parts("endpoint", endpoint),
            Label::new("brand", brand()),
            Label::from_static_parts("role", role),
            Label::from_static_parts("fault", fault.name()),
        ];
        metrics::histogram!("guichet_http_request_seconds", labels.iter()).record(self.time.as_secs_f64());
        let status = Label::new("status", self.status.to_string());
        metrics::counter!("guichet_http_requests_total", labels.into_iter().chain([status]).collect::<Vec<_>>()).increment(1);
    }

    /// Who stands at the counter, where no route says more.
    const fn asker(&self) -> Asker {
        match self.counter {
            Some(Counter::Tpp) | None => Asker::Tpp,
            Some(Counter::Psu) => Asker::Psu,
            Some(Counter::Internal | Counter::Ops) => Asker::Aspsp,
        }
    }
}
