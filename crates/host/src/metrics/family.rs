//! Families of metrics as all formats have them: what the registry gathers, and what has exemplars and native histograms, which
//! the registry does not know.

use prometheus::proto::{Metric, MetricFamily, MetricType};

/// What is shown beside a registry: asked at each scrape.
pub trait Families: Send + Sync {
    /// All of them, names unlike those of the registry.
    fn families(&self) -> Vec<Family>;
}

/// Series of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Name; of a counter with `_total`.
    pub name: String,
    /// What it is, for people.
    pub help: String,
    /// What its values are.
    pub kind: FamilyKind,
    /// Its series.
    pub series: Vec<Series>,
}

/// What the values of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyKind {
    /// Never less than before.
    Counter,
    /// Anything.
    Gauge,
    /// [`Value::Histogram`].
    Histogram,
    /// Not said.
    Untyped,
}

/// A series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// What it is now.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter or gauge.
    Number(f64),
    /// Of a histogram.
    Histogram(HistogramValue),
}

/// A histogram: over classic buckets, and perhaps over native ones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramValue {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// By upper bound, ascending; that without a bound may be left out.
    pub buckets: Vec<BucketValue>,
    /// The same by exponential buckets.
    pub native: Option<NativeHistogram>,
}

/// A classic bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct BucketValue {
    /// Upper bound, included.
    pub bound: f64,
    /// So many are not above it.
    pub cumulative: u64,
    /// One of them.
    pub exemplar: Option<ExemplarValue>,
}

/// Exponential buckets of Prometheus: the bound of index `i` is `2^(i / 2^schema)`.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeHistogram {
    /// Resolution.
    pub schema: i8,
    /// What is not above this is in no bucket but `zeros`.
    pub zero_threshold: f64,
    /// How many those are.
    pub zeros: u64,
    /// Index and count, ascending by index, none empty.
    pub buckets: Vec<(i32, u64)>,
}

/// One value of those that were counted, and where to look.
#[derive(Clone, Debug, PartialEq)]
pub struct ExemplarValue {
    /// The trace.
    pub trace_id: String,
    /// The value.
    pub value: f64,
    /// When, Unix nanoseconds.
    pub time_ns: u64,
}

impl Family {
    /// What the registry gathered. Summaries, which nobody here makes, are left out.
    pub(super) fn gathered(family: &MetricFamily) -> Option<Self> {
        let kind = match family.get_field_type() {
            MetricType::COUNTER => FamilyKind::Counter,
            MetricType::GAUGE => FamilyKind::Gauge,
            MetricType::HISTOGRAM => FamilyKind::Histogram,
            MetricType::UNTYPED => FamilyKind::Untyped,
            MetricType::SUMMARY => return None,
        };
        let series = family.get_metric().iter().map(|metric| Series {
            labels: metric
                .get_label()
                .iter()
                .map(|label| (label.name().to_owned(), label.value().to_owned()))
                .collect(),
            value: value(kind, metric),
        });
        Some(Self {
            name: family.name().to_owned(),
            help: family.help().to_owned(),
            kind,
            series: series.collect(),
        })
    }
}

fn value(kind: FamilyKind, metric: &Metric) -> Value {
    match kind {
        FamilyKind::Counter => Value::Number(metric.get_counter().get_value()),
        FamilyKind::Gauge | FamilyKind::Untyped => Value::Number(metric.get_gauge().get_value()),
        FamilyKind::Histogram => {
            let given = metric.get_histogram();
            let buckets = given.get_bucket().iter().map(|bucket| BucketValue {
                bound: bucket.upper_bound(),
                cumulative: bucket.cumulative_count(),
                exemplar: None,
            });
            Value::Histogram(HistogramValue {
                count: given.get_sample_count(),
                sum: given.get_sample_sum(),
                buckets: buckets.collect(),
                native: None,
            })
        }
    }
}
