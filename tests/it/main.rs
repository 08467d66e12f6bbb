//! One binary for all integration tests: one link, one process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dev_pki;
//! One test binary: one link, one shared harness.

mod qwac_generated;
mod qwac_manifest;
mod dev_postgres;
