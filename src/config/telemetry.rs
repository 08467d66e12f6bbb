//! `[log]` and `[tracing]`: what a process tells of its requests.

use super::{
    names,
    reader::{Reader, choice},
};
use tracing::Level;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    pub level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Text,
}

/// W3C Trace Context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TracingSettings {
    /// Listeners whose callers' traces go on.
    pub goes_on_at: Vec<&'static str>,
    /// Spans are sent there as OTLP; `None`: nowhere.
    pub otlp_url: Option<String>,
    /// Of traces that begin here one in so many is sent.
    pub sample_one_in: u32,
}

pub(super) fn log(table: &mut Reader<'_>) -> Option<Log> {
    let format = table.choice("format", &[("json", LogFormat::Json), ("text", LogFormat::Text)]);
    let levels = [("error", Level::ERROR), ("warn", Level::WARN), ("info", Level::INFO), ("debug", Level::DEBUG), ("trace", Level::TRACE)];
    let level = table.choice("level", &levels);
    table.finish();
    Some(Log { format: format?, level: level? })
}

pub(super) fn tracing(table: &mut Reader<'_>) -> TracingSettings {
    const COUNTERS: [(&str, &str); 3] = [("tpp", "tpp"), ("psu", "psu"), ("internal", "internal")];
    let read = TracingSettings {
        goes_on_at: table.list("goes_on_at", |v| choice(v, &COUNTERS)),
        otlp_url: table.may("otlp_url", names::collector_url),
        sample_one_in: u32::try_from(table.number("sample_one_in", 1..=1_000_000)).unwrap_or(1),
    };
    if read.otlp_url.is_some() && !cfg!(feature = "otel") {
        table.note("otlp_url", "`tracing.otlp_url` needs a program that is built with `--features otel`");
    }
    table.finish();
    read
}
