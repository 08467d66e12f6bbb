//! The request line: what is said of each request once it is answered, in the log and in the metrics.

use super::identity::Called;
use crate::{
    oauth::fault::Asker,
    telemetry::{request::Facts, spans},
    tls::peer::Counter,
};
use http::Method;
use metrics::SharedString;
use std::time::Duration;
use time::OffsetDateTime;

pub struct Answered {
    pub called: Called,
    pub counter: Option<Counter>,
    pub method: Method,
    pub status: u16,
    pub began: OffsetDateTime,
    pub time: Duration,
}

impl Answered {
    /// The route's pattern only: paths, queries and bodies hold ids, codes and states. What is not known is left out.
    pub fn tell(&self, facts: &Facts) {
        let (fault, outcome) = (facts.fault(self.status, self.asker()), facts.outcome(self.status));
        let (identity, method) = (&self.called.identity, word_of(&self.method));
        let counter = self.counter.map_or("none", Counter::name);
        let (brand, endpoint, role) = (facts.brand(), facts.endpoint(), facts.role());
        tracing::info!(
            target: "request",
            event_id = %identity.event.simple(),
            request_id = self.called.caller_id(),
            trace_id = %identity.trace.id,
            span_id = %identity.trace.span,
            parent_id = identity.trace.parent.map(display),
            counter,
            brand = brand.map(display),
            channel = facts.channel(),
            endpoint,
            method,
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
        spans::finish(facts, &spans::Answer { began: self.began, time: self.time, method, counter, status: self.status, fault });
        let (fault, seconds) = (fault.name(), self.time.as_secs_f64());
        let brand = || brand.map_or(SharedString::const_str("none"), |brand| brand.shared().into());
        metrics::histogram!("guichet_http_request_seconds", "endpoint" => endpoint, "brand" => brand(), "role" => role, "fault" => fault)
            .record(seconds);
        let status = self.status.to_string();
        metrics::counter!(
            "guichet_http_requests_total",
            "endpoint" => endpoint, "brand" => brand(), "role" => role, "fault" => fault, "status" => status
        )
        .increment(1);
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

/// RFC 9110 s9.1: a method may be any word, of any length, that the caller likes.
fn word_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
