//! Log records in the store: what was acknowledged is found, before and after opening again, until its bucket goes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use event::{LogRecord, SpanId, TraceId, Value};
use store::LogFilter;
use support::{BUCKET_SECONDS, SECOND_US, after, bucket_at, open};

fn record(trace: u128, time_ns: u64, severity: u8) -> LogRecord {
    LogRecord {
        time_ns,
        observed_ns: time_ns + 5,
        severity,
        severity_text: "INFO".to_owned(),
        body: Value::String(format!("order {time_ns}")),
        attributes: Vec::new(),
        dropped_attributes: 0,
        flags: 0,
        trace: TraceId(trace),
        span: SpanId(u64::from(trace != 0)),
        event_name: String::new(),
        resource: std::sync::Arc::default(),
        scope: std::sync::Arc::default(),
    }
}

fn filter() -> LogFilter {
    LogFilter {
        trace: None,
        range: (0, u64::MAX),
        severity: 0,
        limit: 100,
    }
}

/// Scenario: records of two traces and of none in two buckets; asked by trace, time, severity and number; opened again; the first
/// bucket dropped. Guarantee: exactly what fits, the newest first; what is dropped is gone and counted.
#[test]
fn found_until_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let first = [record(1, 10, 9), record(2, 20, 17), record(0, 30, 5)];
    store.append_logs(bucket_at(0), &first).unwrap();
    let second = [record(1, 40, 9)];
    store
        .append_logs(bucket_at(BUCKET_SECONDS * SECOND_US), &second)
        .unwrap();
    for _ in 0..2 {
        let times = |filter: LogFilter| -> Vec<u64> {
            store
                .find_logs(&filter)
                .unwrap()
                .iter()
                .map(|record| record.time_ns)
                .collect()
        };
        assert_eq!(times(filter()), [40, 30, 20, 10]);
        assert_eq!(
            times(LogFilter {
                trace: Some(TraceId(1)),
                ..filter()
            }),
            [40, 10]
        );
        assert_eq!(
            times(LogFilter {
                range: (15, 30),
                ..filter()
            }),
            [30, 20]
        );
        assert_eq!(
            times(LogFilter {
                severity: 9,
                ..filter()
            }),
            [40, 20, 10]
        );
        assert_eq!(times(LogFilter { limit: 2, ..filter() }), [40, 30]);
        drop(store);
        store = open(folder.path());
    }
    let all = store
        .find_logs(&LogFilter {
            trace: Some(TraceId(2)),
            ..filter()
        })
        .unwrap();
    assert_eq!(all, [record(2, 20, 17)]);
    store.keep_up(after(600 + BUCKET_SECONDS)).unwrap();
    assert_eq!(store.find_logs(&filter()).unwrap(), second);
    assert_eq!(store.stats().totals.dropped_logs, 3);
}
