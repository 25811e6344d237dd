//! Metrics of spans as Prometheus gets them: Tempo's names and labels, with exemplars and native histograms
//! (`docs/span-metrics.md`). Counting is `query::span_metrics`; here are its lock, its clock and the names.

use std::fmt;
use std::sync::Arc;

use event::Micros;
use host::metrics::{
    BucketValue, ExemplarValue, Families, Family, FamilyKind, HistogramValue, NativeHistogram, Series, Value,
};
use parking_lot::Mutex;
use query::span_metrics::{Connection, Edge, Histogram, SCHEMA, Settings, SpanMetrics};
use wire::spans::SpanBuilder;

/// A call graph's edge over a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// Who called.
    pub client: String,
    /// Who was called.
    pub server: String,
    /// How: empty, `messaging_system`, `database` or `virtual_node`.
    pub connection: &'static str,
    /// How often.
    pub calls: u64,
}

/// Counts the spans that are on disk. Clones share it.
#[derive(Clone)]
pub struct CountedSpans {
    counted: Arc<Mutex<SpanMetrics>>,
    now: fn() -> Micros,
}

impl fmt::Debug for CountedSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountedSpans").finish_non_exhaustive()
    }
}

impl CountedSpans {
    pub(crate) fn new(settings: Settings, seed: u64, now: fn() -> Micros) -> Self {
        let counted = SpanMetrics::new(settings, seed, now().to_unix_ns());
        Self {
            counted: Arc::new(Mutex::new(counted)),
            now,
        }
    }

    /// Counts the spans of a frame that is on disk.
    pub(super) fn take(&self, builder: &SpanBuilder) {
        let now = (self.now)().to_unix_ns();
        self.counted.lock().take(builder, now);
    }

    /// Who called whom in a range of time, Unix nanoseconds, in slices of five minutes; and since when calls are counted: this
    /// process's start, or a day ago, what it was told in the future apart. Edges that were idle for a quarter of an hour are
    /// forgotten.
    pub fn calls(&self, start_ns: u64, end_ns: u64) -> (Vec<Calls>, u64) {
        let counted = self.counted.lock();
        let mut found = Vec::new();
        for (ends, edge) in counted.calls() {
            let calls = edge.calls_within(start_ns, end_ns);
            if let Some((client, server, connection)) = ends
                && calls > 0
            {
                found.push(Calls {
                    client: client.to_owned(),
                    server: server.to_owned(),
                    connection: connection.name(),
                    calls,
                });
            }
        }
        (found, counted.since_ns())
    }
}

impl Families for CountedSpans {
    fn families(&self) -> Vec<Family> {
        let mut counted = self.counted.lock();
        counted.expire((self.now)().to_unix_ns());
        let mut families = of_spans(&counted);
        families.extend(of_calls(&counted));
        let sizes = counted.sizes();
        let parts = [
            ("series", sizes.series),
            ("edges", sizes.edges),
            ("waiting", sizes.waiting),
        ];
        let part = |(name, size): (&str, usize)| series(&[("what", name)], Value::Number(size as f64));
        families.push(Family {
            name: "elixirscope_span_metrics".to_owned(),
            help: "Series of spans, edges of calls, and sides of calls that wait for the other".to_owned(),
            kind: FamilyKind::Gauge,
            series: parts.map(part).into(),
        });
        counted.renew_exemplars();
        families
    }
}

fn of_spans(counted: &SpanMetrics) -> Vec<Family> {
    let names = counted.span_labels();
    let mut calls = family("traces_spanmetrics_calls_total", "Spans", FamilyKind::Counter);
    let mut sizes = family(
        "traces_spanmetrics_size_total",
        "Bytes of spans as they came",
        FamilyKind::Counter,
    );
    let mut seconds = family(
        "traces_spanmetrics_latency",
        "Durations of spans, seconds",
        FamilyKind::Histogram,
    );
    for (values, of) in counted.spans() {
        let mut labels: Vec<(String, String)> = names
            .iter()
            .cloned()
            .zip(values.iter().map(ToString::to_string))
            .collect();
        if values.is_empty() {
            labels = overflow();
        }
        let histogram = histogram(&of.seconds);
        calls.series.push(Series {
            labels: labels.clone(),
            value: Value::Number(histogram.count as f64),
        });
        sizes.series.push(Series {
            labels: labels.clone(),
            value: Value::Number(of.bytes as f64),
        });
        seconds.series.push(Series {
            labels,
            value: Value::Histogram(histogram),
        });
    }
    vec![calls, sizes, seconds]
}

fn of_calls(counted: &SpanMetrics) -> Vec<Family> {
    type Count = fn(&Edge) -> u64;
    type Duration = fn(&Edge) -> HistogramValue;
    let name = |name: &str| format!("traces_service_graph_{name}");
    let counters: [(&str, &str, Count); 4] = [
        ("request_total", "Calls between two services", |e| e.requests),
        ("request_failed_total", "Those that failed", |e| e.failed),
        (
            "unpaired_spans_total",
            "Sides of calls whose other side was not seen in time",
            |e| e.unpaired,
        ),
        (
            "dropped_spans_total",
            "Sides of calls for which there was no room to wait",
            |e| e.dropped,
        ),
    ];
    let histograms: [(&str, &str, Duration); 2] = [
        (
            "request_server_seconds",
            "Durations as who was called says",
            |e| histogram(&e.server),
        ),
        ("request_client_seconds", "Durations as who called says", |e| {
            histogram(&e.client)
        }),
    ];
    let edges: Vec<(Vec<(String, String)>, &Edge)> = counted
        .calls()
        .map(|(ends, edge)| (ends.map_or_else(overflow, ends_labels), edge))
        .collect();
    let mut families = Vec::new();
    for (suffix, help, of) in counters {
        let mut made = family(&name(suffix), help, FamilyKind::Counter);
        for (labels, edge) in &edges {
            // An edge that has calls shows that none failed; other counters appear with the first.
            if of(edge) > 0 || suffix == "request_failed_total" && edge.requests > 0 {
                made.series.push(Series {
                    labels: labels.clone(),
                    value: Value::Number(of(edge) as f64),
                });
            }
        }
        families.push(made);
    }
    for (suffix, help, of) in histograms {
        let mut made = family(&name(suffix), help, FamilyKind::Histogram);
        for (labels, edge) in &edges {
            let histogram = of(edge);
            if histogram.count > 0 {
                made.series.push(Series {
                    labels: labels.clone(),
                    value: Value::Histogram(histogram),
                });
            }
        }
        families.push(made);
    }
    families
}

/// The labels of what has no room, as Tempo has them.
fn overflow() -> Vec<(String, String)> {
    vec![("metric_overflow".to_owned(), "true".to_owned())]
}

fn ends_labels((client, server, connection): (&str, &str, Connection)) -> Vec<(String, String)> {
    let labels = [
        ("client", client),
        ("server", server),
        ("connection_type", connection.name()),
    ];
    labels
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn family(name: &str, help: &str, kind: FamilyKind) -> Family {
    Family {
        name: name.to_owned(),
        help: help.to_owned(),
        kind,
        series: Vec::new(),
    }
}

fn series(labels: &[(&str, &str)], value: Value) -> Series {
    let owned = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Series {
        labels: owned.collect(),
        value,
    }
}

fn histogram<const BASE_NS: u64, const N: usize>(counted: &Histogram<BASE_NS, N>) -> HistogramValue {
    let mut cumulative = 0;
    let buckets = counted.classic().map(|(bound, count, exemplar)| {
        cumulative += count;
        BucketValue {
            bound,
            cumulative,
            exemplar: exemplar.map(|exemplar| ExemplarValue {
                trace_id: exemplar.trace.to_string(),
                value: exemplar.duration_ns as f64 / 1e9,
                time_ns: exemplar.time_ns,
            }),
        }
    });
    HistogramValue {
        buckets: buckets.collect(),
        count: counted.total(),
        sum: counted.sum_seconds(),
        native: Some(NativeHistogram {
            schema: SCHEMA,
            // Less than the least duration that is not 0.
            zero_threshold: 0.5e-9,
            zeros: counted.zeros(),
            buckets: counted.native().collect(),
        }),
    }
}
