//! What operators see: the log and the metrics.

pub mod request;

use crate::config::{Log, LogFormat};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::io::{self, IsTerminal};
use tracing_subscriber::{EnvFilter, fmt};

/// Upper bounds in seconds, for requests and statements alike.
const BUCKETS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0];

/// Writes to standard error. Spans and events carry ids, routes and reason codes, never a token or a body.
pub fn start_log(log: &Log) {
    let filter = EnvFilter::new(format!("warn,guichet={level},request={level}", level = log.level));
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    match log.format {
        LogFormat::Json => builder.json().flatten_event(true).init(),
        LogFormat::Text => builder.compact().init(),
    }
}

/// The recorder behind `metrics::counter!` and its kin, and the handle that renders it.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()
}

/// A handle that nothing records to: for a second server in one process, as tests have.
pub fn detached_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}
