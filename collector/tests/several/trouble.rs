//! Members that are dead, slow, or of another cluster.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use event::TraceId;
use query::tempo::{SpanSource as _, TimeRange};
use traceql::Conditions;

use crate::bed::Cluster;
use crate::spans::{span, whole};
use crate::support::{event_at, trace_in};

/// Scenario: of three holders one dies, then another, then one of them is asked alone. Guarantee: with two of three the answer is complete; with
/// one it has what that one has, and names who is missing and what of.
#[tokio::test(flavor = "multi_thread")]
async fn the_dead_are_named_when_they_are_needed() {
    let cluster = Cluster::of_three().await;
    let trace = trace_in(3, 5);
    let now = host::now();
    for (seq, holders) in [(1, [1, 2]), (2, [2, 3]), (3, [3, 1])] {
        for holder in holders {
            cluster.member(holder).put(3, seq, &[event_at(trace, now, seq)]);
        }
    }
    cluster.member(1).put_spans(&[span(trace, 1)]);
    cluster.member(3).put_spans(&[span(trace, 1), span(trace, 2)]);
    cluster.kill(2).await;
    let found = cluster
        .ask(1, move |shards| shards.trace_rows(TraceId(trace)))
        .await
        .unwrap();
    assert_eq!((found.value.events.len(), found.missing), (3, vec![]));
    let (shown, inspected) = cluster.ask(1, whole(Conditions::ALWAYS)).await;
    assert_eq!(shown.values().map(Vec::len).collect::<Vec<_>>(), [2]);
    assert_eq!(inspected.missing, Vec::<String>::new());
    cluster.kill(3).await;
    let found = cluster
        .ask(1, move |shards| shards.trace_rows(TraceId(trace)))
        .await
        .unwrap();
    assert_eq!(found.value.events.len(), 2);
    let said = found.missing.join("; ");
    assert!(
        said.contains("member 2 at 127.0.0.1:") && said.contains("member 3 at"),
        "{said}"
    );
    assert!(said.contains("shard 3 may lack"), "{said}");
    let (shown, inspected) = cluster.ask(1, whole(Conditions::ALWAYS)).await;
    assert_eq!(shown.values().map(Vec::len).collect::<Vec<_>>(), [1]);
    assert!(
        inspected.missing.join("; ").contains("shards 0-7 may lack"),
        "{inspected:?}"
    );
    assert!(cluster.member(1).metrics().contains("answer=\"incomplete\""));
    cluster.stop().await;
}

/// Scenario: the member that is asked first needs five seconds, and later both others do. Guarantee: the third is asked in its place, soon; the
/// next question does not wait for the slow one at all; of two slow ones the answer waits.
#[tokio::test(flavor = "multi_thread")]
async fn the_slow_are_not_waited_for() {
    let cluster = Cluster::of_three().await;
    let trace = trace_in(3, 5);
    cluster.member(2).put(3, 1, &[event_at(trace, host::now(), 1)]);
    cluster.member(3).put(3, 1, &[event_at(trace, host::now(), 1)]);
    cluster.member(2).delay.store(5_000, Ordering::Relaxed);
    let ask = || cluster.ask(1, move |shards| shards.trace_rows(TraceId(trace)));
    for most in [Duration::from_secs(3), Duration::from_millis(290)] {
        let began = Instant::now();
        let found = ask().await.unwrap();
        assert_eq!((found.value.events.len(), found.missing), (1, vec![]));
        assert!(began.elapsed() < most, "{:?}", began.elapsed());
    }
    // Of another asker, who does not know yet: it asks the first member before the second.
    cluster.member(1).delay.store(5_000, Ordering::Relaxed);
    cluster.member(2).delay.store(0, Ordering::Relaxed);
    cluster.member(2).put_spans(&[span(trace, 1)]);
    let began = Instant::now();
    let (shown, inspected) = cluster.ask(3, whole(Conditions::ALWAYS)).await;
    assert_eq!((shown.len(), inspected.missing), (1, vec![]));
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    cluster.member(1).delay.store(0, Ordering::Relaxed);
    cluster.member(2).delay.store(1_000, Ordering::Relaxed);
    cluster.member(3).delay.store(1_000, Ordering::Relaxed);
    let found = ask().await.unwrap();
    assert_eq!((found.value.events.len(), found.missing), (1, vec![]));
    let (shown, inspected) = cluster.ask(1, whole(Conditions::ALWAYS)).await;
    assert_eq!((shown.len(), inspected.missing), (1, vec![]));
    cluster.stop().await;
}

/// Scenario: a search is broken off after the first trace of three hundred. Guarantee: the others are told to stop, and answer other questions.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_enough_stops_the_others() {
    let cluster = Cluster::of_three().await;
    for member in &cluster.members {
        for trace in 1..=300 {
            if trace % 100 == 0 {
                member.put_spans(&(trace - 99..=trace).map(|t| span(t, 1)).collect::<Vec<_>>());
            }
        }
    }
    for _ in 0..20 {
        let shown = cluster.ask(1, |shards| {
            let mut shown = 0;
            let found = shards.candidates(&Conditions::ALWAYS, TimeRange::ALL, &mut |_| {
                shown += 1;
                std::ops::ControlFlow::Break(())
            });
            assert_eq!(found.unwrap().missing, Vec::<String>::new());
            shown
        });
        assert_eq!(shown.await, 1);
    }
    let (shown, inspected) = cluster.ask(1, whole(Conditions::ALWAYS)).await;
    assert_eq!((shown.len(), inspected.missing), (300, vec![]));
    cluster.stop().await;
}

/// How long a trace of 100 events takes, of one member's store and of three members: `cargo nextest run -p collector -p elixirscope --test
/// several --run-ignored only --no-capture`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn how_long_a_trace_takes() {
    let cluster = Cluster::of_three().await;
    let trace = trace_in(3, 5);
    let now = host::now();
    let events: Vec<event::Event> = (0..100)
        .map(|n| event_at(trace, event::Micros(now.0 + n), 1))
        .collect();
    for member in &cluster.members {
        member.put(3, 1, &events);
        member.put_spans(&(1..=100).map(|id| span(trace, id)).collect::<Vec<_>>());
    }
    let store = cluster.member(1).collector.store();
    let (mut own, mut rows, mut spans) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..300 {
        let began = Instant::now();
        assert_eq!(store.trace_rows(TraceId(trace)).unwrap().events.len(), 100);
        own.push(began.elapsed());
        let began = Instant::now();
        let found = cluster
            .ask(1, move |shards| shards.trace_rows(TraceId(trace)))
            .await;
        assert_eq!(found.unwrap().value.events.len(), 100);
        rows.push(began.elapsed());
        let began = Instant::now();
        let found = cluster
            .ask(1, move |shards| shards.trace(TraceId(trace), TimeRange::ALL))
            .await;
        assert_eq!(found.unwrap().spans.len(), 100);
        spans.push(began.elapsed());
    }
    let shown = |mut of: Vec<Duration>| {
        of.sort();
        format!("median {:?}, 99 of 100 {:?}", of[150], of[297])
    };
    eprintln!("events, own store: {}", shown(own));
    eprintln!("events, of three: {}", shown(rows));
    eprintln!("spans, of three: {}", shown(spans));
    cluster.stop().await;
}
