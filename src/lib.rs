//! Guichet: an OAuth 2.0 authorization server for PSD2 interfaces.

pub mod audit;
pub mod clock;
pub mod dev;
pub mod oauth;
pub mod storage;
pub mod pki;
pub mod pages;
pub mod tls;
