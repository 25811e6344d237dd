//! The binary format: `io.prometheus.client.MetricFamily`, one message after its length each (`metrics.proto` of
//! prometheus/client_model). The only one that has native histograms.

use wire::otlp::proto::{FIXED64, LENGTH, VARINT, Writer, key};

use super::family::{ExemplarValue, Family, FamilyKind, HistogramValue, NativeHistogram, Series, Value};

/// Appends a family.
pub(super) fn family(family: &Family, out: &mut Writer) {
    let mut message = Writer::new();
    message.bytes_always(key(1, LENGTH), family.name.as_bytes());
    message.bytes(key(2, LENGTH), family.help.as_bytes());
    let code = match family.kind {
        FamilyKind::Counter => 0,
        FamilyKind::Gauge => 1,
        FamilyKind::Untyped => 3,
        FamilyKind::Histogram => 4,
    };
    message.varint_always(key(3, VARINT), code);
    for series in &family.series {
        message.message(key(4, LENGTH), |w| metric(family.kind, series, w));
    }
    out.raw_varint(message.as_bytes().len() as u64);
    out.raw(message.as_bytes());
}

/// `Metric`.
fn metric(kind: FamilyKind, series: &Series, w: &mut Writer) {
    for (name, value) in &series.labels {
        w.message(key(1, LENGTH), |w| label(name, value, w));
    }
    match &series.value {
        Value::Number(number) => {
            let field = match kind {
                FamilyKind::Counter => 3,
                FamilyKind::Gauge | FamilyKind::Histogram => 2,
                FamilyKind::Untyped => 5,
            };
            w.message(key(field, LENGTH), |w| double(1, *number, w));
        }
        Value::Histogram(value) => w.message(key(7, LENGTH), |w| histogram(value, w)),
    }
}

fn label(name: &str, value: &str, w: &mut Writer) {
    w.bytes_always(key(1, LENGTH), name.as_bytes());
    w.bytes_always(key(2, LENGTH), value.as_bytes());
}

fn double(field: u32, number: f64, w: &mut Writer) {
    w.fixed64_always(key(field, FIXED64), number.to_bits());
}

fn histogram(histogram: &HistogramValue, w: &mut Writer) {
    w.varint_always(key(1, VARINT), histogram.count);
    double(2, histogram.sum, w);
    for bucket in &histogram.buckets {
        w.message(key(3, LENGTH), |w| {
            w.varint_always(key(1, VARINT), bucket.cumulative);
            double(2, bucket.bound, w);
            if let Some(one) = &bucket.exemplar {
                w.message(key(3, LENGTH), |w| exemplar(one, w));
            }
        });
    }
    if let Some(buckets) = &histogram.native {
        native(buckets, w);
        // By time: a server takes exemplars of one series in this order.
        let mut all: Vec<&ExemplarValue> = histogram
            .buckets
            .iter()
            .filter_map(|b| b.exemplar.as_ref())
            .collect();
        all.sort_by_key(|one| one.time_ns);
        for one in all {
            w.message(key(16, LENGTH), |w| exemplar(one, w));
        }
    }
}

/// Buckets as spans of adjacent ones, and differences of their counts.
fn native(buckets: &NativeHistogram, w: &mut Writer) {
    w.varint_always(key(5, VARINT), zigzag(buckets.schema.into()));
    double(6, buckets.zero_threshold, w);
    w.varint_always(key(7, VARINT), buckets.zeros);
    let mut spans: Vec<(i32, u32)> = Vec::new();
    let mut next = 0;
    for (index, _) in &buckets.buckets {
        match spans.last_mut() {
            Some((_, length)) if *index == next => *length += 1,
            _ => spans.push((index - next, 1)),
        }
        next = index + 1;
    }
    for (offset, length) in spans {
        w.message(key(12, LENGTH), |w| {
            w.varint_always(key(1, VARINT), zigzag(offset.into()));
            w.varint_always(key(2, VARINT), length.into());
        });
    }
    let mut before = 0i64;
    for (_, count) in &buckets.buckets {
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        w.varint_always(key(13, VARINT), zigzag(count - before));
        before = count;
    }
}

fn exemplar(exemplar: &ExemplarValue, w: &mut Writer) {
    w.message(key(1, LENGTH), |w| label("trace_id", &exemplar.trace_id, w));
    double(2, exemplar.value, w);
    w.message(key(3, LENGTH), |w| {
        w.varint(key(1, VARINT), exemplar.time_ns / 1_000_000_000);
        w.varint(key(2, VARINT), exemplar.time_ns % 1_000_000_000);
    });
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}
