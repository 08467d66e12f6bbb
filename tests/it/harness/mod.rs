//! A bank, its TPPs and its customers: real TLS, real PostgreSQL, a clock to advance.

pub mod audit;
pub mod bank;
pub mod process;
pub mod psu;
pub mod sql;
pub mod tpp;
pub mod wire;

pub use bank::{Bank, BankOptions, Brand, CIC, LBP, TestClock};
pub use psu::Landing;
pub use tpp::{Client, Tpp};
pub use wire::Reply;
