//! Spans: searches over several members find what the query itself finds over all spans, however they lie.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use collector::Shards;
use event::{KeyValue, Micros, Resource, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use query::tempo::{
    Inspected, SearchRequest, SpanSource as _, TagRequest, TagScope, TimeRange, search, tag_names, tag_values,
};
use traceql::{Conditions, Query, Trace};

use crate::bed::{Cluster, Random};

const QUERIES: &[&str] = &[
    "{}",
    "{ name = \"get\" }",
    "{ resource.service.name = \"shop\" && span.user = \"u1\" }",
    "{ .user = \"u1\" } && { span.user = \"u2\" }",
    "{ span.user = \"u1\" } >> { name = \"get\" }",
    "{ span.user = \"u1\" } || { status = error }",
    "{ kind = client && duration > 30us }",
    "{ span.x = \"nobody\" }",
    "{ .service.name = \"shop\" && .n = 1 } | count() > 1",
    "{ rootName = \"get\" }",
    "{ !(span.user = \"u1\") }",
];

/// A span of a trace that began at the same time as its siblings.
pub fn span(trace: u128, id: u64) -> Span {
    Span {
        trace: TraceId(trace),
        id: SpanId(id),
        name: format!("operation {id}"),
        start_ns: 1_790_000_000_000_000_000 + trace as u64,
        end_ns: 1_790_000_000_000_000_000 + trace as u64 + id,
        ..Span::blank()
    }
}

/// Everything that candidates show, by trace.
pub fn whole(
    conditions: Conditions,
) -> impl FnOnce(&Shards) -> (BTreeMap<TraceId, Vec<Span>>, Inspected) + Send + 'static {
    move |shards| {
        let mut shown = BTreeMap::new();
        let inspected = shards.candidates(&conditions, TimeRange::ALL, &mut |spans| {
            let trace = spans[0].trace;
            assert!(shown.insert(trace, spans).is_none(), "{trace} twice");
            ControlFlow::Continue(())
        });
        (shown, inspected.unwrap())
    }
}

fn any_span(random: &mut Random) -> Span {
    let mut attributes = Vec::new();
    let mut add = |key: &str, value: Value| {
        attributes.push(KeyValue {
            key: key.to_owned(),
            value,
        });
    };
    match random.below(6) {
        0 => {}
        1 => add("user", Value::Int(7)),
        user => add("user", Value::String(format!("u{user}"))),
    }
    add("n", Value::Int(random.below(4) as i64));
    let pick = |random: &mut Random, of: &[&str]| of[random.below(of.len() as u64) as usize].to_owned();
    let start_ns = 1_790_000_000_000_000_000 + random.below(60_000_000_000);
    Span {
        trace: TraceId(u128::from(random.below(40) + 1) << 64 | 5),
        id: SpanId(random.below(u64::from(u32::MAX)) + 1),
        name: pick(random, &["get", "put", "list"]),
        kind: SpanKind::ALL[random.below(6) as usize],
        status: StatusCode::ALL[random.below(3) as usize],
        start_ns,
        end_ns: start_ns + random.below(60_000),
        attributes,
        resource: Arc::new(Resource {
            attributes: vec![KeyValue {
                key: "service.name".to_owned(),
                value: Value::String(pick(random, &["shop", "stock"])),
            }],
            ..Resource::default()
        }),
        ..Span::blank()
    }
}

/// 400 spans of 40 traces, each span on two of three members, in frames of 50, some sealed on some members.
fn scatter(cluster: &Cluster, random: &mut Random) -> BTreeMap<TraceId, Vec<Span>> {
    let mut all: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for frame in 0..8 {
        let mut of: [Vec<Span>; 3] = Default::default();
        for _ in 0..50 {
            let span = any_span(random);
            let without = random.below(3) as usize;
            for (_, held) in of.iter_mut().enumerate().filter(|(at, _)| *at != without) {
                held.push(span.clone());
            }
            all.entry(span.trace).or_default().push(span);
        }
        for (member, held) in cluster.members.iter().zip(&of) {
            member.put_spans(held);
            if (frame + member.id) % 3 == 0 {
                member.collector.store().seal_spans(Micros(u64::MAX / 2)).unwrap();
            }
        }
    }
    for spans in all.values_mut() {
        spans.sort_by_key(|span| (span.start_ns, span.id));
    }
    all
}

/// Scenario: five seeds; spans of each trace scattered over three members, each on two. Guarantee: candidates show each trace once with all its
/// spans, the latest start of a batch first; a trace by id has all; each query finds exactly what it finds over all spans; names and values
/// are those of all spans; all are complete, asked of any member.
#[tokio::test(flavor = "multi_thread")]
async fn searches_find_what_is_there() {
    for seed in 1..=5u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let cluster = Cluster::of_three().await;
        let all = Arc::new(scatter(&cluster, &mut random));
        for id in 1..=3 {
            let (shown, inspected) = cluster.ask(id, whole(Conditions::ALWAYS)).await;
            assert_eq!(inspected.missing, Vec::<String>::new());
            assert_eq!(shown, *all, "seed {seed}, member {id}");
            let expected = Arc::clone(&all);
            cluster
                .ask(id, move |shards| {
                    for (trace, spans) in &*expected {
                        let found = shards.trace(*trace, TimeRange::ALL).unwrap();
                        assert_eq!((&found.spans, found.missing.len()), (spans, 0));
                    }
                    queries(shards, &expected);
                    tags(shards, &expected);
                })
                .await;
        }
        cluster.stop().await;
    }
}

fn queries(shards: &Shards, all: &BTreeMap<TraceId, Vec<Span>>) {
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
        let found = search(shards, &request, &|| false).unwrap();
        assert_eq!(found.missing, Vec::<String>::new());
        let found: BTreeSet<String> = found.traces.into_iter().map(|trace| trace.trace_id).collect();
        assert_eq!(found, expected, "{text}");
    }
}

fn tags(shards: &Shards, all: &BTreeMap<TraceId, Vec<Span>>) {
    let request = |filter: &str| TagRequest {
        range: TimeRange::ALL,
        filter: filter.to_owned(),
        limit: 0,
    };
    for (tag, filter) in [
        ("name", ""),
        ("span.user", "{ name = \"get\" && status = error }"),
        ("resource.service.name", "{ duration > 30us || kind = server }"),
        ("span.n", "{ !(name = \"get\") }"),
    ] {
        let field = traceql::parse_field(tag).unwrap();
        let query = Query::new(if filter.is_empty() { "{}" } else { filter }).unwrap();
        let mut expected = BTreeSet::new();
        for spans in all.values() {
            let trace = Trace::new(spans);
            for place in query.search(&trace).into_iter().flat_map(|set| set.spans) {
                trace.values(&field, place, &mut |label| {
                    expected.insert(label.to_string());
                });
            }
        }
        let found = tag_values(shards, tag, &request(filter), &|| false).unwrap();
        assert_eq!(found.missing, Vec::<String>::new());
        let found: BTreeSet<String> = found.tag_values.into_iter().map(|value| value.value).collect();
        assert_eq!(found, expected, "{tag} {filter}");
    }
    let found = tag_names(shards, &TagScope::ALL, &request(""), &|| false).unwrap();
    let of_spans = found.scopes.iter().find(|scope| scope.name == "span").unwrap();
    assert_eq!(of_spans.tags, ["n", "user"]);
}
