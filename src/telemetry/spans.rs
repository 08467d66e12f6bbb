//! OpenTelemetry: one span a request, on its way to a collector after the request is over. Built with `--features otel` alone.

use super::request::Facts;
use crate::oauth::fault::FaultSide;
use std::time::Duration;
use time::OffsetDateTime;

/// What the request's own facts do not say.
pub struct Answer<'a> {
    pub began: OffsetDateTime,
    pub time: Duration,
    pub method: &'a str,
    pub counter: &'static str,
    pub status: u16,
    pub fault: FaultSide,
}

/// Without the feature nobody listens.
#[cfg(not(feature = "otel"))]
pub const fn finish(_facts: &Facts, _answer: &Answer<'_>) {}

#[cfg(feature = "otel")]
pub use exporter::{finish, start};

#[cfg(feature = "otel")]
mod exporter {
    use super::{Answer, Facts, FaultSide};
    use crate::{config::TracingSettings, telemetry::request::Identity};
    use opentelemetry::{
        InstrumentationScope, KeyValue,
        trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
    };
    use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
    use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
    use opentelemetry_sdk::{
        Resource,
        trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor},
    };
    use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
    use std::{
        future::Future,
        pin::Pin,
        sync::{Arc, OnceLock},
        time::Duration,
    };
    use tokio::runtime::Handle;

    const DEADLINE: Duration = Duration::from_secs(5);

    static PROCESSOR: OnceLock<BatchSpanProcessor> = OnceLock::new();

    /// Where the settings name a collector. It stands beside the process: what is sent is in the clear.
    ///
    /// # Errors
    /// When the exporter cannot be built.
    pub fn start(settings: &TracingSettings, on: Handle) -> Result<(), String> {
        let Some(url) = &settings.otlp_url else { return Ok(()) };
        let exporter = SpanExporter::builder().with_http().with_http_client(Client::new(on)?).with_endpoint(url).with_timeout(DEADLINE);
        let exporter = exporter.build().map_err(|error| error.to_string())?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        processor.set_resource(&Resource::builder().with_service_name("guichet").build());
        PROCESSOR.set(processor).map_err(|_| "started before".to_owned())
    }

    /// Queued, or dropped where the queue is full: no request waits.
    pub fn finish(facts: &Facts, answer: &Answer<'_>) {
        let (Some(processor), Some(Identity { event, trace })) = (PROCESSOR.get(), &facts.identity) else { return };
        if !trace.is_kept() {
            return;
        }
        let state = trace.state().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
        let id = TraceId::from_bytes(trace.id.bytes());
        processor.on_end(SpanData {
            span_context: SpanContext::new(id, SpanId::from_bytes(trace.span.bytes()), TraceFlags::SAMPLED, false, state),
            parent_span_id: trace.parent.map_or(SpanId::INVALID, |parent| SpanId::from_bytes(parent.bytes())),
            parent_span_is_remote: trace.parent.is_some(),
            span_kind: SpanKind::Server,
            name: facts.endpoint().into(),
            start_time: answer.began.into(),
            end_time: (answer.began + answer.time).into(),
            attributes: attributes(facts, answer, event.simple().to_string()),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if answer.fault == FaultSide::Aspsp { Status::error(facts.reason.unwrap_or("failed")) } else { Status::Unset },
            instrumentation_scope: InstrumentationScope::builder("guichet").build(),
        });
    }

    /// Of HTTP by their names in the semantic conventions, the rest by those of the request line.
    fn attributes(facts: &Facts, answer: &Answer<'_>, event: String) -> Vec<KeyValue> {
        let mut all = vec![
            KeyValue::new("http.request.method", answer.method.to_owned()),
            KeyValue::new("http.route", facts.route().to_owned()),
            KeyValue::new("http.response.status_code", i64::from(answer.status)),
            KeyValue::new("guichet.event_id", event),
            KeyValue::new("guichet.counter", answer.counter),
            KeyValue::new("guichet.role", facts.role()),
            KeyValue::new("guichet.fault", answer.fault.name()),
            KeyValue::new("guichet.outcome", facts.outcome(answer.status).name()),
            KeyValue::new("guichet.db_seconds", facts.database.as_secs_f64()),
            KeyValue::new("guichet.db_statements", i64::from(facts.statements)),
        ];
        let known = [
            ("guichet.brand", facts.brand().map(ToString::to_string)),
            ("guichet.channel", facts.channel().map(str::to_owned)),
            ("guichet.reason", facts.reason.map(str::to_owned)),
            ("guichet.client_id", facts.client.map(|client| client.to_string())),
            ("guichet.organisation", facts.organisation.as_ref().map(ToString::to_string)),
        ];
        all.extend(known.into_iter().filter_map(|(name, value)| Some(KeyValue::new(name, value?))));
        all
    }

    /// The exporter's thread has no runtime: what it sends goes by ours.
    #[derive(Debug)]
    struct Client {
        http: reqwest::Client,
        on: Handle,
    }

    impl Client {
        fn new(on: Handle) -> Result<Self, String> {
            let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_safe_default_protocol_versions();
            let tls = tls.map_err(|error| error.to_string())?.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
            let http = reqwest::Client::builder().tls_backend_preconfigured(tls).redirect(reqwest::redirect::Policy::none());
            let http = http.no_proxy().timeout(DEADLINE).build().map_err(|error| error.to_string())?;
            Ok(Self { http, on })
        }
    }

    impl HttpClient for Client {
        fn send_bytes<'s, 'f>(
            &'s self,
            request: Request<Bytes>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
        where
            's: 'f,
            Self: 'f,
        {
            let http = self.http.clone();
            let sent = self.on.spawn(async move {
                let answer = http.execute(request.try_into()?).await?;
                let status = answer.status();
                let mut response = Response::new(answer.bytes().await?);
                *response.status_mut() = status;
                Ok::<_, reqwest::Error>(response)
            });
            Box::pin(async move { Ok(sent.await??) })
        }
    }
}
