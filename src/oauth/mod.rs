//! The pure core: values and a time in, a verdict out. No waiting, no clock, no chance, no logs.

pub mod brand;
pub mod channel;
pub mod sca;
pub mod scope;
pub mod secret;
pub mod tpp;
