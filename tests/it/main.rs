//! One binary for all integration tests: one link, one harness.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
mod authorize;
mod certificates;
mod client_authentication;
mod crash;
mod dependencies;
mod dev_pki;
mod dev_pki_judge;
mod dev_postgres;
mod endpoint_coverage;
mod garbage;
mod harness;
mod hosts;
mod interop_authlib;
mod interop_oauth2;
mod introspect;
mod journeys;
mod manage;
mod metadata;
mod openapi;
mod pages;
mod plans;
mod qwac_generated;
mod qwac_manifest;
mod races;
mod readme;
mod register;
mod revoke;
mod rules;
mod sca_outcomes;
mod tls_listener;
mod token_client_credentials;
mod token_code;
mod token_refresh;
mod trial;
