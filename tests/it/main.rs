//! One binary for all integration tests: one link, one harness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
mod dev_pki;
mod dev_pki_judge;
mod dev_postgres;
mod harness;
mod interop_authlib;
mod interop_oauth2;
mod journeys;
mod openapi;
mod plans;
mod qwac_generated;
mod qwac_manifest;
mod sca_outcomes;
mod tls_listener;
mod trial;
