//! The pure core: values and a time in, a verdict out. No waiting, no clock, no chance, no logs.

pub mod authorize;
pub mod brand;
pub mod channel;
pub mod client;
pub mod client_metadata;
pub mod error;
pub mod error_code;
pub mod event;
pub mod grant;
pub mod interaction;
pub mod introspection;
pub mod method;
pub mod organisation;
pub mod params;
pub mod payment;
pub mod pkce;
pub mod redirect;
pub mod registration;
pub mod revocation;
pub mod sca;
pub mod scope;
pub mod secret;
pub mod theme;
pub mod token;
pub mod tpp;
