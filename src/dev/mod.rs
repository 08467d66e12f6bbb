//! What `guichet dev` and the tests need around the server: a private PostgreSQL, a test PKI. No other floor names it.

pub mod der;
pub mod install;
pub mod pki;
pub mod postgres;
pub mod qtsp;
pub mod qwac;
pub mod run;
pub mod status;
pub mod trusted_lists;
pub mod welcome;
