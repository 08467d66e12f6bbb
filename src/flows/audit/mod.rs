//! The audit trail beside the requests: sealed while they go on, told outside, looked at again.

pub mod anchor;
pub mod export;
pub mod months;
pub mod seal;
pub mod verify;
