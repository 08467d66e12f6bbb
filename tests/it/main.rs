//! One binary for all integration tests: one link, one process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dev_pki;
mod dev_postgres;
mod tls_listener;
