//! Guichet: an OAuth 2.0 authorization server for PSD2 interfaces.

pub mod clock;
pub mod config;
pub mod oauth;
pub mod tls;
