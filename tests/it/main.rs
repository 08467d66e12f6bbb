//! One binary for all integration tests: one link, one harness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
mod authorize;
mod client_authentication;
mod crash;
mod dependencies;
mod dev_pki;
mod dev_pki_judge;
mod dev_postgres;
mod harness;
mod journeys;
mod openapi;
mod pages;
mod plans;
mod qwac_generated;
mod qwac_manifest;
mod races;
mod readme;
mod sca_outcomes;
mod tls_listener;
mod token_client_credentials;
mod token_code;
mod token_refresh;
mod trial;
