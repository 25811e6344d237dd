//! Events: by trace, in lists, what was lost of them, and counts.

use collector::Shards;
use event::{Event, EventId, EventKind, Hlc, Micros, TraceId};
use placement::{MemberId, ShardMap};
use store::{TraceFilter, TraceSummary};

use crate::bed::{Cluster, ids};
use crate::support::{SHARDS, event_at, trace_in};

/// Events of a trace, one a batch, each batch on two of three holders by turns.
fn scatter(
    cluster: &Cluster,
    trace: u128,
    shard: u16,
    batches: std::ops::Range<u64>,
    at: Micros,
) -> Vec<Event> {
    let mut all = Vec::new();
    for seq in batches {
        let time = Micros(at.0 + seq);
        let event = Event {
            id: EventId(seq << 10 | 1),
            ordinal: seq as u32,
            ..event_at(trace, time, seq % 2 + 1)
        };
        for holder in [seq % 3 + 1, (seq + 1) % 3 + 1] {
            cluster
                .member(holder)
                .put(shard, seq, std::slice::from_ref(&event));
        }
        all.push(event);
    }
    all
}

/// Scenario: a trace of nine batches, each on two of three holders; each member is asked. Guarantee: each answers all nine, once and in order,
/// with their nodes, complete; one other member was asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_the_union_of_its_holders() {
    let cluster = Cluster::of_three().await;
    let trace = trace_in(3, 5);
    let all = scatter(&cluster, trace, 3, 1..10, host::now());
    for id in 1..=3 {
        let own = cluster
            .member(id)
            .collector
            .store()
            .trace_rows(TraceId(trace))
            .unwrap();
        assert_eq!(own.events.len(), 6);
        let found = cluster
            .ask(id, move |shards| shards.trace_rows(TraceId(trace)))
            .await
            .unwrap();
        assert_eq!(found.missing, Vec::<String>::new());
        let events: Vec<Event> = found.value.events.into_iter().map(|(_, event)| event).collect();
        assert_eq!(events, all);
        assert_eq!(found.value.nodes.len(), 2);
        let metrics = cluster.member(id).metrics();
        let asked: Vec<&str> = metrics
            .lines()
            .filter(|line| line.starts_with("elixirscope_questions_asked_total"))
            .collect();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(
            asked[0].ends_with(" 1") && asked[0].contains("answered"),
            "{asked:?}"
        );
    }
    cluster.stop().await;
}

/// Scenario: one member alone holds everything. Guarantee: it is complete, and nobody was asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_alone_asks_nobody() {
    let cluster = Cluster::start(1, ShardMap::new(vec![ids(&[1]); SHARDS.get().into()])).await;
    let trace = trace_in(0, 5);
    cluster.member(1).put(0, 1, &[event_at(trace, host::now(), 1)]);
    let found = cluster
        .ask(1, move |shards| shards.trace_rows(TraceId(trace)))
        .await
        .unwrap();
    assert_eq!((found.value.events.len(), found.missing.len()), (1, 0));
    assert!(
        !cluster
            .member(1)
            .metrics()
            .contains("elixirscope_questions_total{")
    );
    cluster.stop().await;
}

/// Scenario: thirty traces in all shards, some batches on two of three holders, so that no member has the whole of most; a list of ten, of all,
/// of those with errors, of those of a node. Guarantee: the summaries are those of all events, newest first, from each member.
#[tokio::test(flavor = "multi_thread")]
async fn lists_count_each_event_once() {
    let cluster = Cluster::of_three().await;
    let now = host::now();
    let mut expected: Vec<TraceSummary> = Vec::new();
    let mut seqs = vec![1u64; SHARDS.get().into()];
    for number in 0..30u64 {
        let shard = (number % u64::from(SHARDS.get())) as u16;
        let trace = trace_in(shard, u128::from(number) + 100);
        let mut summary = TraceSummary::empty(TraceId(trace));
        for part in 0..=number % 4 {
            let seq = seqs[usize::from(shard)];
            seqs[usize::from(shard)] += 1;
            let error = number % 5 == 0 && part == 1;
            let event = Event {
                id: EventId((number * 8 + part) << 10 | 1),
                kind: if error {
                    EventKind::Exception
                } else {
                    EventKind::Call
                },
                ..event_at(
                    trace,
                    Micros(now.0 - number * 1_000 + part * 2_500),
                    number % 3 + 1,
                )
            };
            for holder in [seq % 3 + 1, (seq + 1) % 3 + 1] {
                cluster
                    .member(holder)
                    .put(shard, seq, std::slice::from_ref(&event));
            }
            summary.add(&event);
        }
        expected.push(summary);
    }
    expected.sort_by_key(|s| std::cmp::Reverse((s.hlc_min, s.trace)));
    let filter = |limit, errors, node: Option<&str>| TraceFilter {
        since: Some(Micros(now.0 - 60_000_000)),
        limit,
        errors,
        node: node.map(ToOwned::to_owned),
        ..TraceFilter::default()
    };
    let questions = [
        filter(10, false, None),
        filter(100, false, None),
        filter(100, true, None),
        filter(100, false, Some("n2@host")),
    ];
    for id in 1..=3 {
        for question in questions.clone() {
            let on_node =
                |s: &&TraceSummary| question.node.is_none() || s.nodes.iter().any(|node| node.0 == 2);
            let expected: Vec<TraceSummary> = expected
                .iter()
                .filter(|s| !question.errors || s.errors > 0)
                .filter(on_node)
                .take(question.limit)
                .cloned()
                .collect();
            assert!(!expected.is_empty());
            let asked = question.clone();
            let found = cluster
                .ask(id, move |shards| shards.traces(&asked))
                .await
                .unwrap();
            assert_eq!(found.missing, Vec::<String>::new());
            let found: Vec<TraceSummary> = found
                .value
                .into_iter()
                .map(|summary| TraceSummary {
                    content: 0,
                    ..summary
                })
                .collect();
            assert_eq!(found, expected, "member {id}, {question:?}");
        }
    }
    cluster.stop().await;
}

/// Scenario: events of loss and a gap, each on two of three holders; nodes. Guarantee: each once.
#[tokio::test(flavor = "multi_thread")]
async fn losses_and_nodes_are_counted_once() {
    let cluster = Cluster::of_three().await;
    let now = host::now();
    for (seq, holders) in [(1, [1, 2]), (2, [2, 3]), (3, [3, 1])] {
        let loss = Event {
            id: EventId(seq << 10 | 1),
            hlc: Hlc::from_micros(now),
            time: now,
            ..Event::blank(EventKind::Loss, event::NodeKey(seq))
        };
        for holder in holders {
            cluster.member(holder).put(2, seq, std::slice::from_ref(&loss));
        }
    }
    cluster.member(2).give_up(2, 9, 11);
    cluster.member(3).give_up(2, 9, 11);
    for id in 1..=3 {
        let (since, until) = (Micros(now.0 - 1_000_000), Micros(now.0 + 1_000_000));
        let found = cluster
            .ask(id, move |shards| shards.losses(since, until))
            .await
            .unwrap();
        assert_eq!(found.missing, Vec::<String>::new());
        assert_eq!(
            (found.value.events.len(), found.value.gaps.len()),
            (3, 1),
            "member {id}"
        );
        let nodes = cluster.ask(id, Shards::nodes).await.unwrap();
        let names: Vec<&str> = nodes.value.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["n1@host", "n2@host", "n3@host"]);
    }
    let audits = cluster.ask(2, Shards::audits).await.unwrap();
    assert_eq!(audits.missing, Vec::<String>::new());
    let counts: Vec<(MemberId, u64, u64)> = audits
        .value
        .iter()
        .map(|(member, audit)| (*member, audit.losses, audit.given_up_batches))
        .collect();
    assert_eq!(
        counts,
        [(MemberId(2), 2, 3), (MemberId(1), 2, 0), (MemberId(3), 2, 3)]
    );
    cluster.stop().await;
}
