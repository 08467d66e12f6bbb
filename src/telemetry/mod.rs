//! What operators see: the log and the metrics.

pub mod process;
pub mod request;
pub mod spans;
pub mod trace;

use crate::config::{Log, LogFormat};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};
use tracing::Dispatch;
use tracing_subscriber::{EnvFilter, fmt, fmt::MakeWriter, reload, util::SubscriberInitExt};

/// Upper bounds in seconds, for requests and statements alike.
const BUCKETS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0];

type SetLevel = Box<dyn Fn(EnvFilter) + Send + Sync>;

/// What changes the level of the log that was started.
static LEVEL: OnceLock<SetLevel> = OnceLock::new();

/// Writes to standard error.
pub fn start_log(log: &Log) {
    let (dispatch, set_level) = logging(log, io::stderr, io::stderr().is_terminal());
    dispatch.init();
    // a process has one log
    let _ = LEVEL.set(set_level);
}

/// From the next event on. Of a log that was not started here, nothing.
pub fn set_level(log: &Log) {
    if let Some(set) = LEVEL.get() {
        set(filter(log));
    }
}

/// Spans and events carry ids, routes and reason codes, never a token or a body.
pub fn log_to<W>(log: &Log, writer: W, colours: bool) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    logging(log, writer, colours).0
}

fn logging<W>(log: &Log, writer: W, colours: bool) -> (Dispatch, SetLevel)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = fmt().with_env_filter(filter(log)).with_writer(writer).with_ansi(colours);
    match log.format {
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let set = setter(builder.reload_handle());
            (Dispatch::new(builder.finish()), set)
        }
        LogFormat::Text => {
            let builder = builder.compact().with_filter_reloading();
            let set = setter(builder.reload_handle());
            (Dispatch::new(builder.finish()), set)
        }
    }
}

fn filter(log: &Log) -> EnvFilter {
    EnvFilter::new(format!("warn,guichet={level},request={level}", level = log.level))
}

fn setter<S: 'static>(handle: reload::Handle<EnvFilter, S>) -> SetLevel {
    Box::new(move |filter| {
        if let Err(error) = handle.reload(filter) {
            tracing::error!(%error, "the log's level stays as it was");
        }
    })
}

/// The list of all metrics, which is also what `/metrics` says of each.
const LIST: &str = include_str!("../../docs/metrics.md");

/// The recorder behind `metrics::counter!` and its kin, and the handle that renders it.
pub fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    for row in LIST.lines().filter_map(|line| line.strip_prefix("| `guichet_")) {
        let mut cells = row.trim_end_matches('|').split(" |").map(str::trim);
        let (Some(name), Some(kind), Some(labels), Some(what)) = (cells.next(), cells.next(), cells.next(), cells.next()) else { continue };
        let (name, what) = (format!("guichet_{}", name.trim_end_matches('`')), what.replace('`', ""));
        match kind {
            "counter" => {
                metrics::describe_counter!(name.clone(), what);
                // there from the start, or the first of them would be no increase
                if labels.is_empty() {
                    metrics::counter!(name).increment(0);
                }
            }
            "gauge" => metrics::describe_gauge!(name, what),
            _ => metrics::describe_histogram!(name, what),
        }
    }
}

/// A handle that nothing records to: for a second server in one process, as tests have.
pub fn detached_metrics() -> PrometheusHandle {
    PrometheusBuilder::new().build_recorder().handle()
}
