//! Metrics: handles made once from a registry that is passed in, and what Prometheus scrapes, in the format that it asks for:
//! text, OpenMetrics with exemplars, or protobuf with native histograms.

mod accept;
mod family;
mod protobuf;
mod text;

use std::sync::Arc;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use wire::otlp::proto::Writer;

use accept::Format;
pub use family::{
    BucketValue, ExemplarValue, Families, Family, FamilyKind, HistogramValue, NativeHistogram, Series, Value,
};
use text::TextWriter;

/// What a process shows: a registry, and what a registry cannot hold.
#[derive(Clone)]
pub struct Exposition {
    registry: Registry,
    others: Vec<Arc<dyn Families>>,
}

impl std::fmt::Debug for Exposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}

impl From<Registry> for Exposition {
    fn from(registry: Registry) -> Self {
        Self {
            registry,
            others: Vec::new(),
        }
    }
}

impl Exposition {
    /// With these families too.
    #[must_use]
    pub fn with(mut self, families: Arc<dyn Families>) -> Self {
        self.others.push(families);
        self
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// All of it in the format that an `Accept` header likes best: content type and body.
    pub fn answer(&self, accept: Option<&str>) -> (&'static str, Vec<u8>) {
        let format = Format::of(accept);
        let gathered = self.registry.gather();
        let gathered = gathered.iter().filter_map(Family::gathered);
        let families = gathered.chain(self.others.iter().flat_map(|other| other.families()));
        let body = match format {
            Format::Text | Format::OpenMetrics => {
                let mut text = TextWriter::new(format == Format::OpenMetrics);
                families.for_each(|family| text.family(&family));
                text.end()
            }
            Format::Protobuf => {
                let mut out = Writer::new();
                families.for_each(|family| protobuf::family(&family, &mut out));
                out.into_bytes()
            }
        };
        (format.content_type(), body)
    }
}

/// Everything in the registry, as text.
pub fn text(registry: &Registry) -> String {
    let (_, body) = Exposition::from(registry.clone()).answer(None);
    String::from_utf8(body).unwrap_or_default()
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: prometheus::Result<C>,
) -> prometheus::Result<C> {
    let metric = made?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

/// A counter.
pub fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    registered(registry, IntCounter::new(name, help))
}

/// A counter with labels.
pub fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntCounterVec> {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

/// A gauge.
pub fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    registered(registry, IntGauge::new(name, help))
}

/// A gauge with labels.
pub fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntGaugeVec> {
    registered(registry, IntGaugeVec::new(Opts::new(name, help), labels))
}

/// A histogram over `buckets`.
pub fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: Vec<f64>,
) -> prometheus::Result<Histogram> {
    registered(
        registry,
        Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets)),
    )
}

#[cfg(test)]
mod tests;
