//! What a request is called: by us, by its caller, and in a trace that goes through several systems.

use crate::{
    app::Shared,
    telemetry::{
        request::Identity,
        trace::{SpanId, Trace, TraceId},
    },
    tls::peer::Counter,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::str;
use time::OffsetDateTime;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");
const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// A UUID has 36.
const LONGEST: usize = 64;

/// Whose traces go on here, and whether those that begin here are kept.
#[derive(Clone, Debug, Default)]
pub struct Tracing {
    /// Names of counters. At the others a trace begins: strangers choose neither our ids nor what we keep.
    pub goes_on_at: Vec<&'static str>,
    /// Of traces that begin here one in so many is kept; 0: none.
    pub kept_of: u32,
}

/// What a request is called, ours and its caller's.
pub struct Called {
    pub identity: Identity,
    /// The caller's own `X-Request-Id`, where it counts and reads.
    pub by_caller: Option<HeaderValue>,
    counter: Option<Counter>,
}

impl Called {
    pub fn new(shared: &Shared, tracing: &Tracing, counter: Option<Counter>, at: OffsetDateTime, headers: &HeaderMap) -> Self {
        let (event, span) = (shared.entropy.uuid(at), SpanId::new(shared.entropy.bytes()));
        let lines = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
        let goes_on = counter.is_some_and(|counter| tracing.goes_on_at.contains(&counter.name()));
        let trace = if goes_on { Trace::go_on(lines(TRACE_PARENT), lines(TRACE_STATE), span) } else { None };
        let begin = || {
            let id = TraceId::new(event.into_bytes());
            Trace::begin(id, span, tracing.keeps(id))
        };
        Self { identity: Identity { event, trace: trace.unwrap_or_else(begin) }, by_caller: by_caller(counter, headers), counter }
    }

    pub fn caller_id(&self) -> Option<&str> {
        str::from_utf8(self.by_caller.as_ref()?.as_bytes()).ok()
    }

    /// The answer's `X-Request-Id` is the caller's own, so that it finds its request again, or else ours. The bank's own systems
    /// are told our span, too.
    pub fn answer(&self, headers: &mut HeaderMap) {
        let ours = || HeaderValue::from_str(&self.identity.event.simple().to_string()).ok();
        if let Some(id) = self.by_caller.clone().or_else(ours) {
            headers.insert(REQUEST_ID, id);
        }
        if self.counter == Some(Counter::Internal)
            && let Ok(trace) = HeaderValue::from_str(&self.identity.trace.outgoing())
        {
            headers.insert(TRACE_RESPONSE, trace);
        }
    }
}

impl Tracing {
    /// By the id alone, so that every server says the same of it.
    fn keeps(&self, id: TraceId) -> bool {
        let [.., a, b, c, d] = id.bytes();
        self.kept_of != 0 && u32::from_be_bytes([a, b, c, d]).is_multiple_of(self.kept_of)
    }
}

/// One header of at most 64 letters, digits, `-`, `_` and `.`. A browser's page shows ours, for the bank's support.
fn by_caller(counter: Option<Counter>, headers: &HeaderMap) -> Option<HeaderValue> {
    match counter? {
        Counter::Tpp | Counter::Internal => {}
        Counter::Psu | Counter::Ops => return None,
    }
    let mut values = headers.get_all(REQUEST_ID).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let reads = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    ((1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(reads)).then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_counts_where_it_reads() {
        let longest = "x".repeat(LONGEST);
        let read = |counter, values: &[&str]| {
            let headers = values.iter().map(|value| (REQUEST_ID, HeaderValue::from_str(value).unwrap())).collect();
            by_caller(Some(counter), &headers).map(|value| value.to_str().unwrap().to_owned())
        };
        for fine in ["99391c7e-ad88-49ec-a2ad-99ddcb1f7721", "a.B_9", &longest] {
            assert_eq!(read(Counter::Tpp, &[fine]).as_deref(), Some(fine));
            assert_eq!(read(Counter::Internal, &[fine]).as_deref(), Some(fine));
            assert_eq!(read(Counter::Psu, &[fine]), None);
            assert_eq!(read(Counter::Ops, &[fine]), None);
        }
        for spoilt in ["", "a b", "a\"b", "a{b}", "a/b", &format!("{longest}x")] {
            assert_eq!(read(Counter::Tpp, &[spoilt]), None, "{spoilt}");
        }
        assert_eq!(read(Counter::Tpp, &["a", "a"]), None);
    }

    #[test]
    fn of_new_traces_so_many_are_kept() {
        let kept_of = |kept_of| Tracing { kept_of, ..Tracing::default() };
        let id = |last: u32| TraceId::new((u128::from(last) | 1 << 100).to_be_bytes());
        let kept = |of| (0..100).filter(|last| kept_of(of).keeps(id(*last))).count();
        assert_eq!([0, 1, 10].map(kept), [0, 100, 10]);
    }
}
