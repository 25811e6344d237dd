//! Traces of which no member has all: conditions that different parts meet, members that break off in the middle, lists of some shards.

use std::ops::ControlFlow;
use std::sync::Arc;

use event::{Event, EventId, EventKind, KeyValue, Micros, Span, TraceId, Value};
use placement::ShardMap;
use query::tempo::{SpanSource as _, TimeRange, instant};
use store::TraceFilter;
use traceql::metrics::Limits;
use traceql::{Conditions, Query};

use crate::bed::{Cluster, Random, ids};
use crate::spans::span;
use crate::support::{SHARDS, event_at, trace_in};

/// Scenario: of two holders that are asked one has a trace's error and the other its node, among thirty that have one of the two; so of
/// times: one has a part before the range with an error, another one inside of it. Guarantee: a list with both conditions has it, and the
/// limit does not leave it out; complete.
#[tokio::test(flavor = "multi_thread")]
async fn conditions_that_different_members_meet() {
    let cluster = Cluster::of_three().await;
    let now = host::now();
    let event = |trace, seconds: u64, error, node, id: u64| Event {
        id: EventId(id << 10 | 1),
        kind: if error {
            EventKind::Exception
        } else {
            EventKind::Call
        },
        ..event_at(trace, Micros(now.0 - seconds * 1_000_000), node)
    };
    let both = trace_in(3, 5);
    // The oldest of all, so that lists of a few do not have it by chance.
    for (seq, holders) in [(1, [1, 3]), (2, [2, 3])] {
        for holder in holders {
            let of = event(both, 40, seq == 1, seq, seq);
            cluster.member(holder).put(3, seq, &[of]);
        }
    }
    for number in 0..30u64 {
        let trace = trace_in(4, u128::from(number) + 100);
        let with_error = number % 2 == 0;
        let node = if with_error { 1 } else { 2 };
        for member in 1..=3 {
            cluster.member(member).put(
                4,
                number + 1,
                &[event(trace, number, with_error, node, number + 10)],
            );
        }
    }
    let filter = TraceFilter {
        errors: true,
        node: Some("n2@host".to_owned()),
        limit: 3,
        ..TraceFilter::default()
    };
    for id in 1..=2 {
        let question = filter.clone();
        let found = cluster
            .ask(id, move |shards| shards.traces(&question))
            .await
            .unwrap();
        assert_eq!(found.missing, Vec::<String>::new());
        let traces: Vec<u128> = found.value.iter().map(|s| s.trace.0).collect();
        assert_eq!(traces, [both], "asked member {id}");
        assert_eq!((found.value[0].events, found.value[0].errors), (2, 1));
    }
    let apart = trace_in(5, 5);
    for (seq, holders) in [(1, [1, 3]), (2, [2, 3])] {
        for holder in holders {
            let of = event(apart, 57 - 7 * seq, seq == 1, 1, seq + 50);
            cluster.member(holder).put(5, seq, &[of]);
        }
    }
    let question = TraceFilter {
        since: Some(Micros(now.0 - 45_000_000)),
        until: Some(Micros(now.0 - 42_000_000)),
        errors: true,
        limit: 10,
        ..TraceFilter::default()
    };
    let found = cluster
        .ask(1, move |shards| shards.traces(&question))
        .await
        .unwrap();
    let traces: Vec<u128> = found.value.iter().map(|s| s.trace.0).collect();
    assert_eq!((traces, found.missing), (vec![apart], vec![]));
    cluster.stop().await;
}

/// Scenario: of a trace one holder has the span that meets the condition, before the range, and another the span inside of it. Guarantee: a
/// search finds the trace, whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_condition_and_a_range_that_different_members_meet() {
    let cluster = Cluster::of_three().await;
    let at = |id: u64, ns: u64| Span {
        start_ns: span(9, 1).start_ns + ns,
        end_ns: span(9, 1).start_ns + ns + 5,
        ..span(9, id)
    };
    for (holders, one) in [([1, 3], at(1, 0)), ([2, 3], at(2, 10_000_000_000))] {
        for holder in holders {
            cluster.member(holder).put_spans(std::slice::from_ref(&one));
        }
    }
    let start_ns = at(2, 10_000_000_000).start_ns;
    let range = TimeRange {
        start_ns,
        end_ns: start_ns + 1_000_000_000,
    };
    let query = Arc::new(Query::new("{ name = \"operation 1\" }").unwrap());
    for id in 1..=2 {
        let query = Arc::clone(&query);
        let (shown, missing) = cluster
            .ask(id, move |shards| {
                let mut shown = Vec::new();
                let conditions = Conditions::of(query.ast());
                let found = shards.candidates(&conditions, range, &mut |spans| {
                    shown.push(spans.len());
                    ControlFlow::Continue(())
                });
                (shown, found.unwrap().missing)
            })
            .await;
        assert_eq!((shown, missing), (vec![2], vec![]), "asked member {id}");
    }
    cluster.stop().await;
}

/// Spans of traces of which each lies on two of three holders, and no holder has all; long, so that no answer is here before it is read.
fn scatter_spans(cluster: &Cluster, traces: u128) {
    let mut random = Random(7);
    let mut text = || -> String {
        (0..2_000)
            .map(|_| char::from(b'0' + random.below(75) as u8))
            .collect()
    };
    let mut of: [Vec<Span>; 3] = Default::default();
    for trace in 1..=traces {
        for id in 1..=2 {
            let mut one = span(trace, id);
            one.attributes.push(KeyValue {
                key: "text".to_owned(),
                value: Value::String(text()),
            });
            let first = (trace as usize + id as usize) % 3;
            for holder in [first, (first + 1) % 3] {
                of[holder].push(one.clone());
            }
        }
    }
    for (spans, id) in of.iter().zip(1..) {
        for some in spans.chunks(100) {
            cluster.member(id).put_spans(some);
        }
    }
}

/// Scenario: a search of 1,500 traces, of which each span lies on two of three members; after the first one the other member that was asked
/// breaks off. Guarantee: the third is asked in its place: all traces, each once and whole, the answer complete. Then the third breaks off in the
/// middle too: what came came whole or the answer says who is missing.
#[tokio::test(flavor = "multi_thread")]
async fn who_breaks_off_in_the_middle_is_replaced() {
    let cluster = Arc::new(Cluster::of_three().await);
    scatter_spans(&cluster, 1_500);
    for victim in [2, 3] {
        let of = Arc::clone(&cluster);
        let (shown, missing) = cluster
            .ask(1, move |shards| {
                let mut shown = Vec::new();
                let found = shards.candidates(&Conditions::ALWAYS, TimeRange::ALL, &mut |spans| {
                    if shown.is_empty() {
                        tokio::runtime::Handle::current().block_on(of.kill(victim));
                    }
                    shown.push((spans[0].trace, spans.len()));
                    ControlFlow::Continue(())
                });
                (shown, found.unwrap().missing)
            })
            .await;
        let mut once: Vec<TraceId> = shown.iter().map(|(trace, _)| *trace).collect();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), shown.len(), "each once");
        let parts = shown.iter().filter(|(_, spans)| *spans < 2).count();
        let said = missing.join("; ");
        if victim == 2 {
            assert_eq!((shown.len(), parts, said.as_str()), (1_500, 0, ""));
        } else {
            assert!(
                said.contains("member 2 at") && said.contains("member 3 at"),
                "{said}"
            );
            assert!(said.contains("shards 0-7 may lack"), "{said}");
        }
    }
    Arc::into_inner(cluster).unwrap().stop().await;
}

/// Scenario: five members, each shard on three of them; the asked member's neighbours keep forty traces each of shards that they are not asked
/// for, newer than all others; a list of eight, and a metric over all spans. Guarantee: the list is that of all, complete, from each member; a
/// span that three members keep is counted once.
#[tokio::test(flavor = "multi_thread")]
async fn who_holds_more_than_it_is_asked_for() {
    let holders = |shard: u64| ids(&[shard % 5 + 1, (shard + 1) % 5 + 1, (shard + 2) % 5 + 1]);
    let map = ShardMap::new((0..u64::from(SHARDS.get())).map(holders).collect());
    let cluster = Cluster::start(5, map.clone()).await;
    let now = host::now();
    let mut expected = Vec::new();
    for shard in 0..SHARDS.get() {
        for number in 0..40u64 {
            let trace = trace_in(shard, u128::from(number) * 16 + u128::from(shard) + 1_000);
            // The shards' traces one after the other in time: the newest forty of all are in one shard.
            let at = Micros(now.0 - u64::from(shard) * 1_000_000 - number * 1_000);
            for holder in &map.holders(event::Shard(shard)).unwrap().now {
                let event = Event {
                    id: EventId(number << 10 | 1),
                    ..event_at(trace, at, 1)
                };
                cluster.member(holder.0).put(shard, number + 1, &[event]);
            }
            expected.push((at, trace));
        }
    }
    expected.sort_by_key(|(at, _)| std::cmp::Reverse(at.0));
    for limit in [8, 100] {
        for id in 1..=5 {
            let question = TraceFilter {
                limit,
                ..TraceFilter::default()
            };
            let found = cluster
                .ask(id, move |shards| shards.traces(&question))
                .await
                .unwrap();
            assert_eq!(found.missing, Vec::<String>::new());
            let traces: Vec<u128> = found.value.iter().map(|s| s.trace.0).collect();
            let expected: Vec<u128> = expected.iter().take(limit).map(|(_, trace)| *trace).collect();
            assert_eq!(traces, expected, "asked member {id} for {limit}");
        }
    }
    for member in &cluster.members {
        member.put_spans(&(1..=30).map(|trace| span(trace, 1)).collect::<Vec<_>>());
    }
    for id in 1..=5 {
        let (counts, missing) = cluster
            .ask(id, move |shards| {
                let query = Query::new("{} | count_over_time()").unwrap();
                let start_ns = span(1, 1).start_ns;
                let range = TimeRange {
                    start_ns,
                    end_ns: start_ns + 1_000_000,
                };
                let found = instant(shards, &query, range, Limits::default(), &|| false).unwrap();
                let counts: Vec<f64> = found.series.iter().map(|series| series.value).collect();
                (counts, found.missing)
            })
            .await;
        assert_eq!((counts, missing), (vec![30.0], vec![]));
    }
    cluster.stop().await;
}
