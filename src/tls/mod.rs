//! Bytes on the wire: who may connect, for how long, and what the connection proved. Judges nobody.

pub mod config;
pub mod files;
pub mod front_proxy;
pub mod limits;
mod linger;
pub mod listener;
pub mod peer;
mod possession;
mod proxy_protocol;
mod waiting;
