//! Log records of several members.

use std::sync::Arc;

use event::{Bucket, LogRecord, SpanId, TraceId, Value};
use store::LogFilter;

use crate::bed::Cluster;
use crate::support::trace_in;

fn record(time_ns: u64, body: &str, trace: u128) -> LogRecord {
    LogRecord {
        time_ns,
        observed_ns: 0,
        severity: 9,
        severity_text: "INFO".to_owned(),
        body: Value::String(body.to_owned()),
        attributes: Vec::new(),
        dropped_attributes: 0,
        flags: 0,
        trace: TraceId(trace),
        span: SpanId(0),
        event_name: String::new(),
        resource: Arc::default(),
        scope: Arc::default(),
    }
}

/// Scenario: nine records, each on two of three members; one record was said twice, and both are on the same members. Guarantee: each as often
/// as it was said, the newest first, all of them or those of a trace, from each member; and from two when the third is gone.
#[tokio::test(flavor = "multi_thread")]
async fn each_as_often_as_it_was_said() {
    let cluster = Cluster::of_three().await;
    let trace = trace_in(3, 5);
    let now = host::now();
    let bucket = Bucket((now.0 / 600_000_000) as u32);
    let mut all = Vec::new();
    for number in 0..9u64 {
        let body = format!("line {number}");
        let one = record(number + 1, &body, if number % 2 == 0 { trace } else { 0 });
        let said = if number == 4 {
            vec![one.clone(), one]
        } else {
            vec![one]
        };
        for holder in [number % 3 + 1, (number + 1) % 3 + 1] {
            let store = cluster.member(holder).collector.store();
            store.append_logs(bucket, &said).unwrap();
        }
        all.extend(said);
    }
    all.reverse();
    for id in 1..=3 {
        let ask = |trace, limit| {
            let filter = LogFilter {
                trace,
                range: (0, u64::MAX),
                severity: 0,
                limit,
            };
            cluster.ask(id, move |shards| shards.logs(&filter))
        };
        let found = ask(None, 100).await.unwrap();
        assert_eq!((&found.value, found.missing.len()), (&all, 0), "member {id}");
        let found = ask(None, 3).await.unwrap();
        assert_eq!(found.value, all[..3]);
        let of_trace: Vec<LogRecord> = all.iter().filter(|r| r.trace.0 != 0).cloned().collect();
        let found = ask(Some(TraceId(trace)), 100).await.unwrap();
        assert_eq!(found.value, of_trace);
    }
    cluster.kill(3).await;
    let filter = LogFilter {
        trace: None,
        range: (0, u64::MAX),
        severity: 0,
        limit: 100,
    };
    let found = cluster.ask(1, move |shards| shards.logs(&filter)).await.unwrap();
    assert_eq!(found.value, all, "each was on two members");
    assert!(found.missing.is_empty(), "{:?}", found.missing);
    cluster.stop().await;
}
