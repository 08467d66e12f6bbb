//! How much of this process one peer may take: rates and places by address, organisation and client. In memory, bounded, never a
//! statement; what has to be exact across processes is counted by the database instead (docs/limits.md).

mod address;
mod buckets;
mod desk;
mod policy;
mod rate;
mod shares;

pub use desk::{Crowd, Gate, Limits, TooMany};
pub use policy::{Limit, Of, Policy, Rates};
pub use rate::Rate;
pub use shares::Place;
