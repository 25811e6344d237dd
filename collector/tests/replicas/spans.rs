//! Spans that come over OTLP are held by several members too.

use crate::cluster::{Cluster, map, until, until_or};
use crate::support::SHARDS;
use event::{TraceId, Value};
use placement::{Change, MemberId};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::LogFilter;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends a request of one span, and gives the status of the answer.
async fn post(to: SocketAddr, trace: u128, span: u64) -> u16 {
    let ids = format!(r#""traceId":"{trace:032x}","spanId":"{span:016x}""#);
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{ids},"name":"x"}}]}}]}}]}}"#);
    post_to(to, "traces", &body).await
}

/// Sends a request of one log record.
async fn post_log(to: SocketAddr, trace: u128, said: &str) -> u16 {
    let record = format!(r#""traceId":"{trace:032x}","timeUnixNano":"1","body":{{"stringValue":"{said}"}}"#);
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{record}}}]}}]}}]}}"#);
    post_to(to, "logs", &body).await
}

async fn post_to(to: SocketAddr, what: &str, body: &str) -> u16 {
    let head = format!(
        "POST /v1/{what} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all((head + body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn spans_of(cluster: &Cluster, id: u64, trace: u128) -> usize {
    let store = cluster.nodes[&id].collector.store();
    store.trace_spans(TraceId(trace)).unwrap().len()
}

/// Scenario: spans over OTLP to one of three members; one ends, more come and are sealed at the others; it comes back; then the two others
/// end. Guarantee: each is answered when two have it; who was away is brought what it missed, of sealed spans too; without a second
/// member a request is told to come again, and its spans are not counted as taken.
#[tokio::test(flavor = "multi_thread")]
async fn spans_are_held_by_several() {
    let mut cluster = Cluster::start(3, map(|_| vec![1, 2, 3])).await;
    let door = cluster.nodes[&1].collector.otlp_addrs().unwrap().1;
    for trace in 1..=8 {
        assert_eq!(post(door, trace, 7).await, 200);
    }
    until("all have the spans", || {
        let mut of = (1..=3).flat_map(|id| (1..=8).map(move |trace| (id, trace)));
        of.all(|(id, trace)| spans_of(&cluster, id, trace) == 1)
    })
    .await;
    cluster.stop(3).await;
    for trace in 9..=16 {
        assert_eq!(post(door, trace, 7).await, 200);
    }
    let later = event::Micros(host::now().0 + 800_000_000);
    for id in [1, 2] {
        let store = cluster.nodes[&id].collector.store();
        tokio::task::spawn_blocking(move || store.seal_spans(later))
            .await
            .unwrap()
            .unwrap();
    }
    let hints = "elixirscope_replication{what=\"hints\"}";
    until("hints", || cluster.nodes[&1].metric(hints) > 0).await;
    cluster.start_again(3).await;
    until("it has what it missed", || {
        (9..=16).all(|trace| spans_of(&cluster, 3, trace) == 1)
    })
    .await;
    cluster.stop(2).await;
    cluster.stop(3).await;
    let stored = "elixirscope_spans_stored_total";
    assert_eq!(cluster.nodes[&1].metric(stored), 16);
    let began = tokio::time::Instant::now();
    assert_eq!(post(door, 17, 7).await, 503);
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(cluster.nodes[&1].metric(stored), 16);
}

fn logs_of(cluster: &Cluster, id: u64) -> Vec<Value> {
    let filter = LogFilter {
        trace: None,
        range: (0, u64::MAX),
        severity: 0,
        limit: 100,
    };
    let store = cluster.nodes[&id].collector.store();
    let mut said: Vec<Value> = store
        .find_logs(&filter)
        .unwrap()
        .into_iter()
        .map(|r| r.body)
        .collect();
    said.sort_by_key(|value| format!("{value:?}"));
    said
}

/// Scenario: log records over OTLP to one of three members, in traces and in none; one member ends, more come, it comes back; then the two
/// others end. Guarantee: each record is held by all three once, those that a member missed too; without a second member a request is told
/// to come again.
#[tokio::test(flavor = "multi_thread")]
async fn log_records_are_held_by_several() {
    let mut cluster = Cluster::start(3, map(|_| vec![1, 2, 3])).await;
    let door = cluster.nodes[&1].collector.otlp_addrs().unwrap().1;
    let said = |n: u128| format!("line {n:02}");
    for n in 0..6 {
        assert_eq!(post_log(door, n, &said(n)).await, 200);
    }
    cluster.stop(3).await;
    for n in 6..12 {
        assert_eq!(post_log(door, n, &said(n)).await, 200);
    }
    let hints = "elixirscope_replication{what=\"hints\"}";
    until("hints", || cluster.nodes[&1].metric(hints) > 0).await;
    cluster.start_again(3).await;
    let all: Vec<Value> = (0..12).map(|n| Value::String(said(n))).collect();
    until("all have all records, each once", || {
        (1..=3).all(|id| logs_of(&cluster, id) == all)
    })
    .await;
    cluster.stop(2).await;
    cluster.stop(3).await;
    assert_eq!(post_log(door, 12, "alone").await, 503);
}

/// Scenario: a shard of a bucket with a trace of 3,000 spans and 300 small ones, of two lives of a collector, sealed, more than a page takes; the
/// shard moves to another member, which starts again when some pages came. Guarantee: it goes page by page, in several answers; the move ends
/// by itself, begun anew or not; the new holder has all spans and the same digest.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_many_pages_moves() {
    let mut cluster = Cluster::start(2, map(|_| vec![1])).await;
    let shard = placement::shard_of(TraceId(1), SHARDS);
    let small: Vec<u128> = (2..)
        .filter(|trace| placement::shard_of(TraceId(*trace), SHARDS) == shard)
        .take(300)
        .collect();
    for (life, traces) in small.chunks(150).enumerate() {
        let span = |(trace, span): (u128, usize)| {
            format!(
                r#"{{"traceId":"{trace:032x}","spanId":"{span:016x}","name":"{:x}"}}"#,
                span * 7_919
            )
        };
        let large = (life * 1_500..(life + 1) * 1_500).map(|id| (1, id + 1));
        let all: Vec<String> = large
            .chain(traces.iter().map(|trace| (*trace, 1)))
            .map(span)
            .collect();
        let body = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#,
            all.join(",")
        );
        let door = cluster.nodes[&1].collector.otlp_addrs().unwrap().1;
        assert_eq!(post_to(door, "traces", &body).await, 200);
        cluster.stop(1).await;
        cluster.start_again(1).await;
    }
    let store = cluster.nodes[&1].collector.store();
    store.limit_pages(2 << 10);
    let later = event::Micros(host::now().0 + 800_000_000);
    tokio::task::spawn_blocking(move || store.seal_spans(later))
        .await
        .unwrap()
        .unwrap();
    cluster.change(|view| {
        let next = Change::Begin(vec![MemberId(2)]);
        Arc::make_mut(&mut view.map).change(shard, next).unwrap();
    });
    assert!(cluster.nodes[&1].collector.store().span_stats().runs > 0);
    let parts = "elixirscope_replication_totals{what=\"parts\"}";
    let some = || cluster.nodes[&2].metric(parts) > 2;
    until_or("some parts", || cluster.counts(), some).await;
    cluster.stop(2).await;
    cluster.start_again(2).await;
    let moved = || {
        let map = Arc::clone(&cluster.view.borrow().map);
        let holders = map.holders(shard).unwrap();
        holders.next.is_none() && holders.now == [MemberId(2)]
    };
    until_or("the shard moved", || cluster.counts(), moved).await;
    assert_eq!(spans_of(&cluster, 2, 1), 3_000);
    assert!(small.iter().all(|trace| spans_of(&cluster, 2, *trace) == 1));
    let bucket = event::Bucket((host::now().0 / 600_000_000) as u32);
    for bucket in [bucket, event::Bucket(bucket.0 - 1)] {
        let digests = cluster.digests(bucket);
        assert_eq!(digests[&1].get(&shard), digests[&2].get(&shard));
    }
}
