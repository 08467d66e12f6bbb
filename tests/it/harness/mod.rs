//! A bank, its TPPs and its customers: real TLS, real PostgreSQL, a clock to advance.

pub mod audit;
pub mod bank;
pub mod browser;
pub mod chromium;
pub mod command;
pub mod elsewhere;
pub mod fapi2;
pub mod held;
pub mod hello;
pub mod hot;
pub mod key_server;
pub mod keys;
pub mod lists;
pub mod load;
pub mod logs;
pub mod looks;
pub mod mass;
pub mod operator;
pub mod own_key;
pub mod packages;
pub mod patroni;
pub mod payments;
pub mod previous;
pub mod process;
pub mod psu;
pub mod raw;
pub mod samples;
pub mod sca;
pub mod sql;
pub mod tpp;
pub mod traffic;
pub mod trail;
pub mod wire;

pub use bank::{Bank, BankOptions, Brand, CIC, LBP};
pub use browser::Browser;
pub use held::Held;
pub use keys::Key;
pub use process::Process;
pub use psu::{Landing, Psu};
pub use tpp::{Client, Tpp};
pub use wire::Reply;

use std::{
    future::{Future, poll_fn},
    task::Poll,
};

/// All at once, each on its way before the first is awaited to its end; their results in order.
pub async fn together<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(cx) {
                Poll::Ready(value) => *output = Some(value),
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}
