//! Guichet: an OAuth 2.0 authorization server for PSD2 interfaces.

pub mod app;
pub mod audit;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dev;
pub mod flows;
pub mod http;
pub mod oauth;
pub mod pages;
pub mod pki;
pub mod sca;
pub mod server;
pub mod signing;
pub mod storage;
pub mod telemetry;
pub mod tls;
pub mod trial;
