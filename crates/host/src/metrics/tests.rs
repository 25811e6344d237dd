//! What is counted comes out in all three formats.

use super::*;
use prometheus::{Encoder as _, TextEncoder};
use wire::otlp::proto::Reader;

/// Guarantee: what is counted is in the text; a name is registered once.
#[test]
fn counted_and_shown() {
    let registry = Registry::new();
    let lost = counters(&registry, "elixirscope_test_total", "test", &["reason"]).unwrap();
    lost.with_label_values(&["x"]).inc_by(3);
    assert!(text(&registry).contains("elixirscope_test_total{reason=\"x\"} 3"));
    assert!(counter(&registry, "elixirscope_test_total", "again").is_err());
}

/// Scenario: each kind of metric, labels that must be escaped, a gauge below zero. Guarantee: our text is that of the `prometheus` crate.
#[test]
fn text_as_before() {
    let registry = Registry::new();
    let odd = counters(&registry, "a_total", "a \"help\"\\\n", &["x", "y"]).unwrap();
    odd.with_label_values(&["1\"\\\n2", ""]).inc();
    gauge(&registry, "b", "b").unwrap().set(-3);
    let seconds = histogram(&registry, "c_seconds", "c", vec![0.0005, 1.0, 2.5]).unwrap();
    for value in [0.0001, 1.0, 7.25] {
        seconds.observe(value);
    }
    let mut theirs = Vec::new();
    TextEncoder::new()
        .encode(&registry.gather(), &mut theirs)
        .unwrap();
    assert_eq!(text(&registry), String::from_utf8(theirs).unwrap());
}

struct Fixed(Family);

impl Families for Fixed {
    fn families(&self) -> Vec<Family> {
        vec![self.0.clone()]
    }
}

fn exposition() -> Exposition {
    let registry = Registry::new();
    counter(&registry, "a_total", "a").unwrap().inc();
    counter(&registry, "odd_name", "counts without the suffix")
        .unwrap()
        .inc();
    let bucket = |bound, cumulative, trace_id: &str| BucketValue {
        bound,
        cumulative,
        exemplar: (!trace_id.is_empty()).then(|| ExemplarValue {
            trace_id: trace_id.to_owned(),
            value: 0.75,
            time_ns: 1_700_000_000_012_345_678,
        }),
    };
    let histogram = HistogramValue {
        count: 9,
        sum: 4.5,
        buckets: vec![bucket(1.0, 7, "0a0b"), bucket(f64::INFINITY, 9, "")],
        native: Some(NativeHistogram {
            schema: 3,
            zero_threshold: 1e-9,
            zeros: 1,
            buckets: vec![(-4, 5), (-3, 1), (9, 2)],
        }),
    };
    let family = Family {
        name: "b_seconds".to_owned(),
        help: "b".to_owned(),
        kind: FamilyKind::Histogram,
        series: vec![Series {
            labels: vec![("service".to_owned(), "x".to_owned())],
            value: Value::Histogram(histogram),
        }],
    };
    Exposition::from(registry).with(Arc::new(Fixed(family)))
}

/// Scenario: a counter with the suffix, one without, a histogram with an exemplar. Guarantee: OpenMetrics as its specification says.
#[test]
fn open_metrics() {
    let (content_type, body) = exposition().answer(Some("application/openmetrics-text;version=1.0.0"));
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    let expected = "\
# HELP a a
# TYPE a counter
a_total 1
# HELP odd_name counts without the suffix
# TYPE odd_name unknown
odd_name 1
# HELP b_seconds b
# TYPE b_seconds histogram
b_seconds_bucket{service=\"x\",le=\"1.0\"} 7 # {trace_id=\"0a0b\"} 0.75 1700000000.012
b_seconds_bucket{service=\"x\",le=\"+Inf\"} 9
b_seconds_sum{service=\"x\"} 4.5
b_seconds_count{service=\"x\"} 9
# EOF
";
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

/// All fields of a message by number: varints and doubles as they are, messages as bytes.
fn fields(bytes: &[u8]) -> Vec<(u32, u64, Vec<u8>)> {
    let mut reader = Reader::new(bytes);
    let mut found = Vec::new();
    while let Some(field) = reader.key().unwrap() {
        found.push(match field & 7 {
            0 => (field >> 3, reader.varint().unwrap(), Vec::new()),
            1 => (field >> 3, reader.fixed64().unwrap(), Vec::new()),
            _ => (field >> 3, 0, reader.bytes().unwrap().to_vec()),
        });
    }
    found
}

/// Scenario: the same as protobuf. Guarantee: each family after its length; the native buckets as spans and differences, the exemplar
/// at its bucket and in the list.
#[test]
fn protobuf() {
    let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    let (_, body) = exposition().answer(Some(accept));
    let mut rest = body.as_slice();
    let mut families = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        // Each of them is shorter than 16 KiB: two bytes at most.
        let (length, after) = match (*length, after.split_first()) {
            (low @ 0x80.., Some((high, after))) => (usize::from(low & 0x7f) | usize::from(*high) << 7, after),
            (length, _) => (usize::from(length), after),
        };
        let (family, after) = after.split_at(length);
        families.push(fields(family));
        rest = after;
    }
    assert_eq!(families.len(), 3);
    let of = |all: &[(u32, u64, Vec<u8>)], number: u32| -> Vec<(u64, Vec<u8>)> {
        let found = all.iter().filter(|(field, _, _)| *field == number);
        found.map(|(_, number, bytes)| (*number, bytes.clone())).collect()
    };
    let histogram = families.last().unwrap();
    assert_eq!(of(histogram, 1), [(0, b"b_seconds".to_vec())]);
    assert_eq!(of(histogram, 3), [(4, Vec::new())]);
    let metric = fields(&of(histogram, 4)[0].1);
    let value = fields(&of(&metric, 7)[0].1);
    assert_eq!(of(&value, 1), [(9, Vec::new())]);
    assert_eq!(of(&value, 5), [(6, Vec::new())]);
    assert_eq!(of(&value, 7), [(1, Vec::new())]);
    let zigzag = |n: i64| ((n << 1) ^ (n >> 63)) as u64;
    let spans: Vec<Vec<u64>> = of(&value, 12)
        .iter()
        .map(|(_, span)| fields(span).iter().map(|(_, number, _)| *number).collect())
        .collect();
    assert_eq!(spans, [[zigzag(-4), 2], [zigzag(11), 1]]);
    let deltas: Vec<u64> = of(&value, 13).iter().map(|(delta, _)| *delta).collect();
    assert_eq!(deltas, [zigzag(5), zigzag(-4), zigzag(1)]);
    let bucket = fields(&of(&value, 3)[0].1);
    assert_eq!(of(&bucket, 3)[0].1, of(&value, 16)[0].1);
}
