//! Guichet: an OAuth 2.0 authorization server for PSD2 interfaces.

pub mod clock;
pub mod oauth;
pub mod pages;
pub mod tls;
