//! Bytes on the wire: who may connect, for how long, and what the connection proved. Judges nobody.

pub mod peer;
