//! Thin: bytes to types and back. Every decision is a flow's.

mod accept;
mod admin;
mod admission;
mod answered;
mod app_links;
mod authorize;
mod body;
mod certificate;
mod counted;
mod door;
mod endpoints;
mod events;
mod exchange;
mod extract;
mod forwarded;
mod grants;
mod identity;
mod interactions;
mod introspect;
mod metadata;
mod openapi;
mod ops;
mod payments;
mod permissions;
mod place;
mod pushed;
mod register;
mod resource;
mod respond;
mod revoke;
mod router;
mod sandbox;
mod site;
mod token;

pub use body::BodyLimits;
pub use door::{Door, Inside};
pub use endpoints::{Endpoint, endpoints};
pub use forwarded::{Forwarded, Handover};
pub use identity::Tracing;
pub use openapi::{REASONS, brand_document, documents, driver_document, internal_document};
pub use site::{HttpLimits, Site};

/// The inner refusal of what was read, told at once.
macro_rules! or_refuse {
    ($read:expr) => {
        match $read {
            Ok(read) => read,
            Err(error) => return Ok(Err(error)),
        }
    };
}
use or_refuse;
