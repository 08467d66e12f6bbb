//! One binary for all integration tests: one link, one harness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
mod authorize;
mod crash;
mod dependencies;
mod dev_pki;
mod dev_pki_judge;
mod dev_postgres;
mod garbage;
mod harness;
mod journeys;
mod openapi;
mod plans;
mod qwac_generated;
mod qwac_manifest;
mod races;
mod sca_outcomes;
mod tls_listener;
mod trial;
