//! Which row of the router a request came to, noted before its handler reads anything.

use crate::telemetry::request::{self, Place};
use axum::routing::MethodRouter;
use http::Request;
use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};
use tower::{Layer, Service};

/// The handlers of a row, with its place.
pub fn at<S: Clone + 'static>(place: Place, handler: MethodRouter<S>) -> MethodRouter<S, Infallible> {
    handler.route_layer(At(Arc::new(place)))
}

#[derive(Clone)]
struct At(Arc<Place>);

#[derive(Clone)]
struct Placed<S> {
    place: Arc<Place>,
    handler: S,
}

impl<S> Layer<S> for At {
    type Service = Placed<S>;

    fn layer(&self, handler: S) -> Placed<S> {
        Placed { place: self.0.clone(), handler }
    }
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Placed<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.handler.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        request::note(|facts| facts.place = Some(self.place.clone()));
        self.handler.call(request)
    }
}
