//! Searches over stored spans find what the query itself finds over all spans, whatever is sealed and however traces lie.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use collector::StoredSpans;
use event::{
    Bucket, Epoch, Hlc, KeyValue, Micros, Producer, Resource, Seq, Shard, Span, SpanId, SpanKind, StatusCode,
    TraceId, Value,
};
use query::tempo::{SearchRequest, TagRequest, TagScope, TimeRange, search, tag_names, tag_values};
use store::{SpanFrameToStore, Store, StoreOptions};
use traceql::{Query, Trace, parse_field};
use wire::otlp::encode_traces;
use wire::spans::{Cut, Packer, Skim, SpanBuilder};

const QUERIES: &[&str] = &[
    "{}",
    "{ name = \"get\" }",
    "{ name != \"get\" }",
    "{ name =~ \"g.*\" }",
    "{ name !~ \"g.*|put\" }",
    "{ resource.service.name = \"shop\" }",
    "{ resource.service.name = \"shop\" && span.user = \"u1\" }",
    "{ .user = \"u1\" || .user = \"u2\" }",
    "{ .user = \"u1\" } && { span.user = \"u2\" }",
    "{ span.user = \"u1\" } >> { name = \"get\" }",
    "{ span.user = \"u1\" } || { status = error }",
    "{ status = error }",
    "{ status != ok && kind = server }",
    "{ kind = client && duration > 30us }",
    "{ duration <= 10us }",
    "{ duration > 1h }",
    "{ span.n = 3 }",
    "{ span.n > 2 && span.n < 6 }",
    "{ span.n != 3 }",
    "{ span.n >= 2.5 }",
    "{ span.ok = true }",
    "{ span.ok != true }",
    "{ span.user = nil }",
    "{ span.user != nil }",
    "{ span.x = \"nobody\" }",
    "{ span.n = \"3\" }",
    "{ .service.name = \"shop\" && .n = 1 } | count() > 1",
    "{ rootName = \"get\" }",
    "{ span.twice = 1 }",
    "{ !(span.user = \"u1\") }",
];

/// Numbers, one after the other, that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn span(random: &mut Random) -> Span {
    let mut attributes = Vec::new();
    let mut add = |key: &str, value: Value| {
        let key = key.to_owned();
        attributes.push(KeyValue { key, value });
    };
    match random.below(6) {
        0 => {}
        1 => add("user", Value::Int(7)),
        user => add("user", Value::String(format!("u{user}"))),
    }
    if random.below(2) == 0 {
        add("n", Value::Int(random.below(8) as i64));
    } else if random.below(3) == 0 {
        add("n", Value::Double(random.below(16) as f64 / 2.0));
    }
    if random.below(3) == 0 {
        add("ok", Value::Bool(random.below(2) == 0));
    }
    if random.below(9) == 0 {
        add("twice", Value::Int(0));
        add("twice", Value::Int(1));
    }
    let pick = |random: &mut Random, of: &[&str]| of[random.below(of.len() as u64) as usize].to_owned();
    let start_ns = 1_790_000_000_000_000_000 + random.below(60_000_000_000);
    Span {
        trace: TraceId(u128::from(random.below(30) + 1) << 64 | 5),
        id: SpanId(random.below(u64::from(u32::MAX)) + 1),
        parent: SpanId(0),
        trace_state: String::new(),
        flags: 0,
        name: pick(random, &["get", "put", "list"]),
        kind: SpanKind::ALL[random.below(6) as usize],
        start_ns,
        end_ns: start_ns + random.below(60_000),
        status: StatusCode::ALL[random.below(3) as usize],
        status_message: String::new(),
        attributes,
        dropped_attributes: 0,
        events: Vec::new(),
        dropped_events: 0,
        links: Vec::new(),
        dropped_links: 0,
        resource: Arc::new(Resource {
            attributes: vec![KeyValue {
                key: "service.name".to_owned(),
                value: Value::String(pick(random, &["shop", "stock"])),
            }],
            ..Resource::default()
        }),
        scope: Arc::default(),
    }
}

fn store(folder: &std::path::Path) -> Store {
    let mut options = StoreOptions::new(Arc::new(|| Micros(1_000_000_000_000)));
    options.memory_bytes = 32 << 20;
    options.bucket_seconds = NonZeroU32::new(60).unwrap();
    options.upkeep_interval_ms = 0;
    options.retention_seconds = 1 << 40;
    Store::open(folder, options).unwrap()
}

/// A number that no batch of this process had.
fn next_seq() -> Seq {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    Seq(LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
}

fn append(store: &Store, spans: &[Span], bucket: u32) {
    let mut builder = SpanBuilder::new(1);
    assert!(
        Skim::new(&encode_traces(spans))
            .fill(&mut builder, usize::MAX)
            .unwrap()
    );
    let cut = Cut {
        producer: Producer(1),
        epoch: Epoch(1),
        hlc: Hlc(1),
        bucket: Bucket(bucket),
    };
    let bytes = builder
        .finish(cut, |_| Shard(0), |_| next_seq(), &mut Packer::default())
        .unwrap();
    store
        .append_spans(vec![SpanFrameToStore::new(bytes).unwrap()])
        .unwrap();
}

type Traces = BTreeMap<TraceId, Vec<Span>>;

/// 240 spans of 30 traces in several frames and buckets, of which some are sealed; and the same as they were made.
fn filled(folder: &std::path::Path, seed: u64) -> (StoredSpans, Traces) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let store = Arc::new(store(folder));
    let mut all = Traces::new();
    for frame in 0..6u32 {
        let spans: Vec<Span> = (0..40).map(|_| span(&mut random)).collect();
        for span in &spans {
            all.entry(span.trace).or_default().push(span.clone());
        }
        append(&store, &spans, 100 + frame / 3);
        if frame % 3 == 1 && !seed.is_multiple_of(3) {
            store.seal_spans(Micros(u64::MAX / 2)).unwrap();
        }
    }
    for spans in all.values_mut() {
        spans.sort_by_key(|span| (span.start_ns, span.id));
    }
    (StoredSpans(store), all)
}

/// Scenario: 40 seeds; 240 spans of 30 traces in several frames and buckets, of which some are sealed; 30 queries. Guarantee: each finds
/// exactly the traces that it finds when it is given all spans of every trace.
#[test]
fn searches_find_what_is_there() {
    for seed in 1..=40u64 {
        let folder = tempfile::tempdir().unwrap();
        let (source, all) = filled(folder.path(), seed);
        for text in QUERIES {
            let query = Query::new(text).unwrap();
            let expected: BTreeSet<String> = all
                .values()
                .filter(|spans| !query.search(&Trace::new(spans)).is_empty())
                .map(|spans| spans[0].trace.to_string())
                .collect();
            let request = SearchRequest {
                query,
                range: TimeRange::ALL,
                limit: 1000,
                spans_per_set: 3,
            };
            let found = search(&source, &request, &|| false).unwrap();
            let found: BTreeSet<String> = found.traces.into_iter().map(|trace| trace.trace_id).collect();
            assert_eq!(found, expected, "seed {seed}, {text}");
        }
    }
}

/// Scenario: the same stores; fields of each kind, filters that columns can show and one that they cannot. Guarantee: the values that
/// the spans have which the filter finds, no more and no fewer; the names that any span has.
#[test]
fn names_and_values_are_those_of_the_spans() {
    let fields = [
        "name",
        "span.user",
        "span.n",
        ".ok",
        "resource.service.name",
        ".service.name",
        "span.twice",
        "span.x",
    ];
    let filters = [
        "",
        "{ resource.service.name = \"shop\" }",
        "{ name = \"get\" && status = error }",
        "{ duration > 30us || kind = server }",
        "{ !(name = \"get\") }",
        "{ name = \"nobody\" }",
    ];
    for seed in 1..=20u64 {
        let folder = tempfile::tempdir().unwrap();
        let (source, all) = filled(folder.path(), seed);
        let request = |filter: &str| TagRequest {
            range: TimeRange::ALL,
            filter: filter.to_owned(),
            limit: 0,
        };
        for (tag, filter) in fields.iter().flat_map(|tag| filters.map(|filter| (*tag, filter))) {
            let (field, query) = (
                parse_field(tag).unwrap(),
                Query::new(if filter.is_empty() { "{}" } else { filter }).unwrap(),
            );
            let mut expected = BTreeSet::new();
            for spans in all.values() {
                let trace = Trace::new(spans);
                for place in query.search(&trace).into_iter().flat_map(|set| set.spans) {
                    trace.values(&field, place, &mut |label| {
                        expected.insert(label.to_string());
                    });
                }
            }
            let found = tag_values(&source, tag, &request(filter), &|| false).unwrap();
            assert_eq!(found.missing, Vec::<String>::new());
            let found: BTreeSet<String> = found.tag_values.into_iter().map(|value| value.value).collect();
            assert_eq!(found, expected, "seed {seed}, {tag} {filter}");
        }
        let found = tag_names(&source, &TagScope::ALL, &request(""), &|| false).unwrap();
        let of = |name: &str| {
            found
                .scopes
                .iter()
                .find(|scope| scope.name == name)
                .map(|scope| scope.tags.clone())
        };
        let keys: BTreeSet<String> = all
            .values()
            .flatten()
            .flat_map(|span| &span.attributes)
            .map(|a| a.key.clone())
            .collect();
        assert_eq!(of("span"), Some(keys.into_iter().collect()));
        assert_eq!(of("resource"), Some(vec!["service.name".to_owned()]));
    }
}
