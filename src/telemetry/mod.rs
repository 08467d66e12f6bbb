//! What operators see: the log and the metrics.

pub mod request;

use crate::config::{Log, LogFormat};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};
use tracing_subscriber::{EnvFilter, fmt, reload};

/// Upper bounds in seconds, for requests and statements alike.
const BUCKETS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0];

/// What changes the level of a log that was started.
static LEVEL: OnceLock<Box<dyn Fn(EnvFilter) + Send + Sync>> = OnceLock::new();

/// Writes to standard error. Spans and events carry ids, routes and reason codes, never a token or a body.
pub fn start_log(log: &Log) {
    let builder = fmt().with_env_filter(filter(log)).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    match log.format {
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            keep_level(move |filter| handle.reload(filter));
        }
        LogFormat::Text => {
            let builder = builder.compact().with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            keep_level(move |filter| handle.reload(filter));
        }
    }
}

/// From the next event on. Of a log that was not started here, nothing.
pub fn set_level(log: &Log) {
    if let Some(set) = LEVEL.get() {
        set(filter(log));
    }
}

fn filter(log: &Log) -> EnvFilter {
    EnvFilter::new(format!("warn,guichet={level},request={level}", level = log.level))
}

fn keep_level(set: impl Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync + 'static) {
    let set = move |filter| {
        if let Err(error) = set(filter) {
            tracing::error!(%error, "the log's level stays as it was");
        }
    };
    // a process has one log
    let _ = LEVEL.set(Box::new(set));
}

/// The recorder behind `metrics::counter!` and its kin, and the handle that renders it.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()
}

/// A handle that nothing records to: for a second server in one process, as tests have.
pub fn detached_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}
