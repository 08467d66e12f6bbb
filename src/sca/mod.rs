//! How a bank authenticates its customers. Today: the sandbox's simulator.

pub mod simulator;
