//! One test binary: one link, one shared harness.

mod qwac_generated;
mod qwac_manifest;
