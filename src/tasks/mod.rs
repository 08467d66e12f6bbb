//! What a server does beside answering: it watches for changes that others made, and prepares what requests will ask for.

pub mod audit;
pub mod expiry;
pub mod figures;
pub mod load;
pub mod partitions;
pub mod revocation;
pub mod sweeps;
pub mod uses;
pub mod watch;
