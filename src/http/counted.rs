//! A TPP's request, counted for the regulator when the last byte of its answer is on its way.

use crate::{
    app::Shared,
    figures::{REPLY_WITHIN, Sample, Service},
    oauth::{brand::BrandId, fault::Asker},
    telemetry::request::Facts,
    tls::peer::Counter,
};
use axum::{
    body::{Body, Bytes},
    response::Response,
};
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use time::OffsetDateTime;
use tokio::time::Instant;

/// What is known of the request before its answer is.
pub struct Received {
    pub at: OffsetDateTime,
    pub began: Instant,
    pub counter: Option<Counter>,
    /// Those of the host that it named: where no route was reached, each of them missed it.
    pub brands: Vec<BrandId>,
}

/// Counts when it is dropped: answered, or left by whoever asked.
struct Count {
    shared: Arc<Shared>,
    brands: Vec<BrandId>,
    sample: Sample,
    began: Instant,
}

impl Drop for Count {
    fn drop(&mut self) {
        let time = self.began.elapsed();
        self.sample.micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.sample.replied &= time.as_secs() <= REPLY_WITHIN.cast_unsigned();
        self.brands.iter().for_each(|brand| self.shared.figures.note(brand, &self.sample));
    }
}

struct Counted {
    body: Body,
    _count: Count,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The answer, counted where it is one to a TPP, or to a customer whom a TPP sent.
pub fn counted(shared: &Arc<Shared>, received: Received, facts: &Facts, response: Response) -> Response {
    let (brands, asker) = match (&facts.place, facts.brand()) {
        (Some(place), Some(brand)) => (vec![brand.clone()], place.asker),
        // not a route's: too many at once, say
        (_, _) if response.status().is_server_error() => (received.brands, Asker::Tpp),
        (_, _) => return response,
    };
    let machine = matches!(received.counter, Some(Counter::Tpp | Counter::Psu));
    if asker != Asker::Tpp || !machine {
        return response;
    }
    let status = response.status().as_u16();
    let sample = Sample {
        received: received.at.unix_timestamp(),
        service: Service::of(facts.role),
        replied: status < 500,
        fault: facts.fault(status, asker),
        micros: 0,
    };
    let count = Count { shared: shared.clone(), brands, sample, began: received.began };
    let (head, body) = response.into_parts();
    Response::from_parts(head, Body::new(Counted { body, _count: count }))
}
