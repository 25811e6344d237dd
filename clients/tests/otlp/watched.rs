//! OpenTelemetry's exporter, and what the SDK gave it to send.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_otlp::SpanExporter as Otlp;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;

/// What was sent, as the messages of OTLP that the exporter makes of it.
pub(crate) type Sent = Arc<Mutex<Vec<ResourceSpans>>>;

/// Passes spans on to the exporter, on a runtime that its HTTP client needs.
#[derive(Debug)]
pub(crate) struct Watched {
    otlp: Option<Arc<Otlp>>,
    resource: ResourceAttributesWithSchema,
    sent: Sent,
    runtime: Handle,
}

impl Watched {
    pub(crate) fn new(otlp: Otlp, runtime: Handle) -> (Self, Sent) {
        let sent = Sent::default();
        let watched = Self {
            otlp: Some(Arc::new(otlp)),
            resource: ResourceAttributesWithSchema::default(),
            sent: Arc::clone(&sent),
            runtime,
        };
        (watched, sent)
    }
}

impl SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let messages = group_spans_by_resource_and_scope(batch.clone(), &self.resource);
        let otlp = self.otlp.clone().ok_or(OTelSdkError::AlreadyShutdown)?;
        let exported = self.runtime.spawn(async move { otlp.export(batch).await });
        let outcome = exported
            .await
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?;
        if outcome.is_ok() {
            self.sent.lock().unwrap().extend(messages);
        }
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let otlp = self.otlp.as_ref().ok_or(OTelSdkError::AlreadyShutdown)?;
        otlp.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
        if let Some(otlp) = self.otlp.as_mut().and_then(Arc::get_mut) {
            otlp.set_resource(resource);
        }
    }
}
