//! Export of closed buckets: what DuckDB reads is what was sent; storages that fail; restarts in the middle; late data.

#![recursion_limit = "512"]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod duckdb;
mod expect;
mod lake;
mod made;
mod page;
mod s3;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use event::{Bucket, Event, EventKind, Span};
use objects::Objects;
use serde_json::{Value, json};

use lake::{Lake, files, manifest};
use made::Random;
use s3::S3;

fn folder(path: &Path) -> Objects {
    Objects::open(&format!("file://{}", path.display())).unwrap()
}

/// Each span once, in the order of an export.
fn expected(spans: &[Span]) -> Vec<Value> {
    let mut kept: BTreeMap<(u128, u64, u64, String), &Span> = BTreeMap::new();
    for span in spans {
        let text = format!("{span:?}");
        kept.insert((span.trace.0, span.start_ns, span.id.0, text), span);
    }
    kept.into_values().map(expect::span).collect()
}

/// The spans of an export in the order of its rows, times as numbers.
fn exported(lake: &Path) -> Vec<Value> {
    let rows = duckdb::objects(&format!(
        "SELECT to_json(s) FROM (SELECT * EXCLUDE (date, hour, filename, file_row_number) \
         REPLACE (epoch_us(start_time) AS start_time, epoch_us(end_time) AS end_time) \
         FROM read_parquet('{}/spans/**/*.parquet', hive_partitioning = true, filename = true, file_row_number = true) \
         ORDER BY filename, file_row_number) s",
        lake.display()
    ));
    let mut rows = rows;
    rows.iter_mut().for_each(expect::parsed);
    rows
}

/// Scenario: 3,000 spans with attributes of all types, events, links, times of 1970 and 2554, 300 of them sent twice, in five
/// sealed runs; exported to a folder. Guarantee: DuckDB reads each span once, sorted by trace and start, every field as it was
/// sent; the manifest counts them; the partition is the bucket's.
#[test]
fn every_field_of_every_span_comes_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let store = made::open(&data.path().join("store"));
    let mut random = Random(1);
    let spans: Vec<Span> = (0..3_000).map(|_| made::span(&mut random, 400)).collect();
    for some in spans.chunks(600) {
        made::put_spans(&store, some, made::bucket());
    }
    // Who got no answer sends again.
    made::put_spans(&store, &spans[..300], made::bucket());
    let path = data.path().join("lake");
    let lake = Lake::start(&store, folder(&path), &data.path().join("spool"), false);
    lake.wait("buckets_total", 1);
    lake.exporter.stop();
    let (found, expected) = (exported(&path), expected(&spans));
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    let made = manifest(&path, made::bucket().0);
    assert_eq!(
        (made.spans, made.logs, made.events, made.generation),
        (expected.len() as u64, 0, 0, 1)
    );
    assert_eq!(
        (made.from.as_str(), made.to.as_str()),
        ("2026-11-20T13:10:00Z", "2026-11-20T13:20:00Z")
    );
    let sql = format!(
        "SELECT DISTINCT date::VARCHAR, hour FROM read_parquet('{}/spans/**/*.parquet', hive_partitioning = true)",
        path.display()
    );
    assert_eq!(duckdb::ask(&[sql])[0], [[json!("2026-11-20"), json!(13)]]);
    assert_eq!(lake.metric("lag_seconds"), 0);
    assert_eq!(std::fs::read_dir(data.path().join("spool")).unwrap().count(), 0);
}

/// Scenario: log records and events of BEAM nodes, payloads of several kinds among them. Guarantee: DuckDB reads each, with
/// its identity, node, place in the code where that is known, and what its payload says.
#[test]
fn logs_and_events_come_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let store = made::open(&data.path().join("store"));
    let mut random = Random(2);
    let logs: Vec<_> = (0..200).map(|_| made::log(&mut random)).collect();
    for some in logs.chunks(50) {
        store.append_logs(made::bucket(), some).unwrap();
    }
    let value = [&[2, 0, 5, 0][..], b"total", &[131, 97, 42]].concat();
    let mut events = vec![made::event(&mut random, EventKind::Value, value)];
    events.extend((0..500).map(|_| made::event(&mut random, EventKind::Call, Vec::new())));
    made::put_events(&store, 1, &events, made::bucket());
    store.keep_up(made::now()).unwrap();
    let path = data.path().join("lake");
    let lake = Lake::start(&store, folder(&path), &data.path().join("spool"), false);
    lake.wait("buckets_total", 1);
    let made = manifest(&path, made::bucket().0);
    assert_eq!((made.spans, made.logs, made.events), (0, 200, 501));

    let files = path.display();
    let found = duckdb::objects(&format!(
        "SELECT to_json({{'trace': trace_id, 'ns': time_ns, 'body': body, 'severity': severity, 'a': attributes, \
         'service': service}}) FROM '{files}/logs/**/*.parquet'"
    ));
    let key = |row: &Value| row.to_string();
    let mut found: Vec<String> = found.iter().map(key).collect();
    let shown = |log: &event::LogRecord| {
        let body = match &log.body {
            event::Value::Empty => Value::Null,
            event::Value::Int(number) => json!(number.to_string()),
            other => json!(other.as_str()),
        };
        let trace = (log.trace.0 != 0).then(|| log.trace.to_string());
        json!({"trace": trace, "ns": log.time_ns, "body": body, "severity": log.severity,
               "a": expect::map(&log.attributes), "service": log.resource.service()})
    };
    let mut sent: Vec<String> = logs.iter().map(|log| key(&shown(log))).collect();
    found.sort_unstable();
    sent.sort_unstable();
    assert_eq!(found, sent);

    let mut found = duckdb::objects(&format!(
        "SELECT to_json({{'trace': trace_id, 'id': event_id, 'kind': kind, 'class': class, 'flags': flags, 'error': is_error, \
         'hlc': hlc, 'us': time_us, 'node': node, 'key': node_key, 'creation': node_creation, 'pid': pid, \
         'ordinal': ordinal, 'parent': parent_id, 'module': module_key, 'site': site, 'line': line, \
         'mfa': module || '.' || function || '/' || arity, 'name': payload_name, 'role': payload_role, \
         'text': payload_text, 'bytes': hex(payload), 'producer': producer, 'epoch': epoch, 'shard': shard, 'seq': seq}}) \
         FROM '{files}/events/**/*.parquet'"
    ));
    let shown = |event: &Event| {
        let is_value = event.kind == EventKind::Value;
        let known = event.site.0 < 3;
        let trace = (event.trace.0 != 0).then(|| event.trace.to_string());
        json!({
            "trace": trace, "id": event.id.0, "kind": event.kind.name(), "class": "other", "flags": event.flags.0,
            "error": false, "hlc": event.hlc.0, "us": event.time.to_unix_us(), "node": "shop@host",
            "key": "000000000000001", "creation": 7, "pid": "<0.42.0>", "ordinal": event.ordinal,
            "parent": (event.parent.0 != 0).then_some(event.parent.0), "module": "000000000000009", "site": event.site.0,
            "line": known.then_some(10 * event.site.0), "mfa": known.then_some("Shop.Stock.reserve/2"),
            "name": is_value.then_some("total"), "role": is_value.then_some("variable"),
            "text": is_value.then_some("42"), "bytes": is_value.then_some("02000500746F74616C83612A"),
            "producer": made::PRODUCER.to_string(), "epoch": 3, "shard": 2, "seq": 1,
        })
    };
    let mut sent: Vec<Value> = events.iter().map(shown).collect();
    found.sort_by_key(Value::to_string);
    sent.sort_by_key(Value::to_string);
    for (found, sent) in found.iter().zip(&sent) {
        assert_eq!(found, sent);
    }
    let rows = format!(
        "SELECT count(DISTINCT \"row\"), min(\"row\"), max(\"row\") FROM '{files}/events/**/*.parquet'"
    );
    assert_eq!(duckdb::ask(&[rows])[0], [[json!(501), json!(0), json!(500)]]);
}

/// Scenario: spans in five runs that nothing merges, some of them in two; events whose batches came twice; log records.
/// Guarantee: DuckDB reads, trace by trace, the spans, events and records that questions are answered with, in all fields that
/// both have, and as many of each as the manifest says.
#[test]
fn duckdb_reads_what_answers_say() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let store = made::open(&data.path().join("store"));
    let mut random = Random(11);
    let mut spans: Vec<Span> = Vec::new();
    for run in 0..5u128 {
        let mut own: Vec<Span> = (0..300).map(|_| made::span(&mut random, 100)).collect();
        for span in &mut own {
            span.trace.0 |= run << 8;
        }
        own.extend_from_slice(&spans[spans.len().saturating_sub(4)..]);
        made::put_spans(&store, &own, made::bucket());
        spans.extend(own);
    }
    assert_eq!(
        (store.span_stats().runs, store.stats().totals.span_merges),
        (5, 0)
    );
    let events: Vec<Event> = (0..400)
        .map(|_| made::event(&mut random, EventKind::Call, Vec::new()))
        .collect();
    for (seq, some) in [
        (1, 0..100),
        (2, 100..300),
        (1, 0..100),
        (3, 300..400),
        (2, 100..300),
    ] {
        made::put_events(&store, seq, &events[some], made::bucket());
        store.keep_up(made::now()).unwrap();
    }
    let logs: Vec<_> = (0..90).map(|_| made::log(&mut random)).collect();
    store.append_logs(made::bucket(), &logs).unwrap();
    let path = data.path().join("lake");
    let lake = Lake::start(&store, folder(&path), &data.path().join("spool"), false);
    lake.wait("buckets_total", 1);
    lake.exporter.stop();

    let traces: std::collections::BTreeSet<_> = spans.iter().map(|span| span.trace).collect();
    let told = |trace| store.trace_spans(trace).unwrap();
    let answers: Vec<Span> = traces.into_iter().flat_map(told).collect();
    assert!(answers.len() < spans.len());
    let mut found = exported(&path);
    let mut told = expected(&answers);
    assert_eq!((found.len(), told.len()), (answers.len(), answers.len()));
    found.sort_by_key(Value::to_string);
    told.sort_by_key(Value::to_string);
    for (found, told) in found.iter().zip(&told) {
        assert_eq!(found, told);
    }

    let files = path.display();
    let mut found = duckdb::objects(&format!(
        "SELECT to_json({{'trace': trace_id, 'id': event_id, 'hlc': hlc, 'us': time_us, 'kind': kind, 'seq': seq, 'row': \"row\", \
         'site': site}}) FROM '{files}/events/**/*.parquet' WHERE trace_id IS NOT NULL"
    ));
    let traces: std::collections::BTreeSet<_> = events.iter().map(|event| event.trace).collect();
    let rows = traces
        .into_iter()
        .flat_map(|trace| store.trace_rows(trace).unwrap().events);
    let row = |(identity, event): (event::EventIdentity, Event)| {
        json!({"trace": event.trace.to_string(), "id": event.id.0, "hlc": event.hlc.0, "us": event.time.to_unix_us(),
               "kind": event.kind.name(), "seq": identity.seq.0, "row": identity.row, "site": event.site.0})
    };
    let mut told: Vec<Value> = rows.map(row).collect();
    found.sort_by_key(Value::to_string);
    told.sort_by_key(Value::to_string);
    assert!(!told.is_empty());
    assert_eq!(found, told);

    let filter = store::LogFilter {
        range: (0, u64::MAX),
        trace: None,
        severity: 0,
        limit: 1_000,
    };
    let shown = |log: &event::LogRecord| json!({"ns": log.time_ns, "severity": log.severity, "a": expect::map(&log.attributes)});
    let mut told: Vec<Value> = store.find_logs(&filter).unwrap().iter().map(shown).collect();
    let mut found = duckdb::objects(&format!(
        "SELECT to_json({{'ns': time_ns, 'severity': severity, 'a': attributes}}) FROM '{files}/logs/**/*.parquet'"
    ));
    found.sort_by_key(Value::to_string);
    told.sort_by_key(Value::to_string);
    assert_eq!(found, told);
    let made = manifest(&path, made::bucket().0);
    assert_eq!(
        (made.spans, made.events, made.logs, made.unreadable),
        (answers.len() as u64, 400, 90, 0)
    );
}

/// Scenario: the same bucket is exported twice to two folders, in one go and after a restart. Guarantee: the same names with the
/// same bytes; what was exported is not exported again after a restart; another folder is another export.
#[test]
fn the_same_bucket_makes_the_same_bytes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let (one, other) = (data.path().join("one"), data.path().join("other"));
    {
        let store = made::open(&data.path().join("store"));
        let mut random = Random(3);
        for bucket in 0..3 {
            let spans: Vec<Span> = (0..500).map(|_| made::span(&mut random, 90)).collect();
            made::put_spans(&store, &spans, Bucket(made::bucket().0 + bucket));
        }
        let lake = Lake::start(&store, folder(&one), &data.path().join("spool"), false);
        lake.wait("buckets_total", 3);
        lake.exporter.stop();
    }
    let store = made::open(&data.path().join("store"));
    let lake = Lake::start(&store, folder(&other), &data.path().join("spool"), false);
    lake.wait("buckets_total", 3);
    lake.exporter.stop();
    assert_eq!(files(&one), files(&other));
    // The note is of the other folder now: there nothing is left to do.
    let again = Lake::start(&store, folder(&other), &data.path().join("spool"), false);
    made::put_spans(
        &store,
        &[made::span(&mut Random(9), 3)],
        Bucket(made::bucket().0 + 9),
    );
    again.wait("buckets_total", 1);
    assert_eq!(again.metric("buckets_total"), 1);
}

/// Scenario: a bucket is exported; the process ends after the manifest and before the store has its note. Guarantee: it is exported
/// again under other names, so that nobody who reads what the manifest names finds half of something else; then those go.
#[test]
fn what_a_manifest_names_is_not_written_over() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let store = made::open(&data.path().join("store"));
    let mut random = Random(12);
    let spans: Vec<Span> = (0..300).map(|_| made::span(&mut random, 90)).collect();
    made::put_spans(&store, &spans, made::bucket());
    let path = data.path().join("lake");
    for generation in 1..4 {
        let lake = Lake::start(&store, folder(&path), &data.path().join("spool"), false);
        lake.wait("buckets_total", 1);
        lake.exporter.stop();
        let made = manifest(&path, made::bucket().0);
        assert_eq!((made.generation, made.spans), (generation, 300));
        assert!(
            made.files[0]
                .name
                .contains(&format!("-c0000000c-m1-g{generation}-"))
        );
        store.set_export(made::bucket(), b"lost").unwrap();
    }
    assert_eq!(exported(&path), expected(&spans));
}

/// The rows of an export to S3, which DuckDB's Python package reads through boto3's client (its own needs a download).
fn copied(s3: &S3, bucket: &str, to: &Path) {
    let program = r#"
import os, sys, boto3
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="x")
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=sys.argv[2]):
    for entry in page.get("Contents", []):
        path = os.path.join(sys.argv[3], entry["Key"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        s3.download_file(sys.argv[2], entry["Key"], path)
"#;
    let python = testbed::python("export", &duckdb::RELEASES).unwrap();
    let output = std::process::Command::new(python)
        .args(["-c", program, &s3.endpoint(), bucket])
        .arg(to)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Scenario: S3 behind real HTTP. The bucket is missing; then requests fail with 500; then answers are slow. Spans come in
/// meanwhile. Guarantee: failures are counted and tried again; taking in does not wait; in the end all is there once, as sent.
#[test]
fn a_storage_that_fails_gets_all_in_the_end() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let store = made::open(&data.path().join("store"));
    let mut random = Random(4);
    let mut spans: Vec<Span> = (0..800).map(|_| made::span(&mut random, 90)).collect();
    made::put_spans(&store, &spans, made::bucket());
    let s3 = S3::start();
    let lake = Lake::start(&store, s3.objects("traces"), &data.path().join("spool"), false);
    lake.wait("failures_total", 1);
    assert_eq!(lake.metric("buckets_total"), 0);
    s3.does(s3::FAILS);
    s3.make_directly("traces");
    let before = lake.metric("failures_total");
    lake.wait("failures_total", before + 1);
    assert!(s3.failed.load(Ordering::SeqCst) > 0);
    let more: Vec<Span> = (0..800).map(|_| made::span(&mut random, 90)).collect();
    let began = std::time::Instant::now();
    made::put_spans(&store, &more, Bucket(made::bucket().0 + 1));
    assert!(began.elapsed() < Duration::from_secs(20));
    spans.extend(more);
    s3.does(s3::SLOW);
    lake.wait("buckets_total", 2);
    s3.does(s3::WELL);
    let path = data.path().join("copy");
    copied(&s3, "traces", &path);
    let path = path.join("lake");
    let mut found = exported(&path);
    let mut sent = expected(&spans);
    found.sort_by_key(Value::to_string);
    sent.sort_by_key(Value::to_string);
    assert!(found == sent, "{} rows, {} sent", found.len(), sent.len());
    manifest(&path, made::bucket().0);
    manifest(&path, made::bucket().0 + 1);
}

/// Scenario: the process is killed while a file is on its way, which hangs; it comes again. Guarantee: no manifest before, all
/// once after, nothing left in the folder for files that are being written.
#[test]
fn what_was_killed_is_done_again() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let s3 = S3::start();
    s3.make_directly("traces");
    let mut random = Random(5);
    let spans: Vec<Span> = (0..700).map(|_| made::span(&mut random, 90)).collect();
    {
        let store = made::open(&data.path().join("store"));
        made::put_spans(&store, &spans, made::bucket());
        let log = made::log(&mut Random(6));
        store.append_logs(made::bucket(), &[log]).unwrap();
    }
    s3.does(s3::HANGS);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["a_process_that_will_be_killed", "--exact", "--nocapture"])
        .env("EXPORT_TEST_DATA", data.path())
        .envs(s3.environment())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while s3.failed.load(Ordering::SeqCst) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "the process ended by itself");
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    s3.does(s3::WELL);
    let half = data.path().join("half");
    copied(&s3, "traces", &half);
    let names: Vec<String> = files(&half).into_keys().collect();
    assert!(
        matches!(&*names, [spans] if spans.starts_with("lake/spans/")),
        "{names:?}"
    );

    let store = made::open(&data.path().join("store"));
    let spool = data.path().join("spool");
    let lake = Lake::start(&store, s3.objects("traces"), &spool, false);
    lake.wait("buckets_total", 1);
    lake.exporter.stop();
    let path = data.path().join("copy");
    copied(&s3, "traces", &path);
    let path = path.join("lake");
    assert_eq!(exported(&path), expected(&spans));
    assert_eq!(manifest(&path, made::bucket().0).logs, 1);
    assert_eq!(std::fs::read_dir(&spool).unwrap().count(), 0);
    // What was there already was written over with the same bytes.
    for (name, bytes) in files(&half) {
        assert!(files(&data.path().join("copy"))[&name] == bytes, "{name}");
    }
}

/// Scenario: the other half of the test above; by itself it does nothing. Guarantee: it exports until it is killed.
#[test]
fn a_process_that_will_be_killed() {
    let Some(data) = std::env::var_os("EXPORT_TEST_DATA").map(std::path::PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let store = made::open(&data.join("store"));
    let objects = Objects::open("s3://traces/lake").unwrap();
    let lake = Lake::start(&store, objects, &data.join("spool"), false);
    lake.wait("buckets_total", 1);
}

/// Scenario: a bucket was exported; then more spans and a batch of events come into it. Guarantee: it is exported again as
/// the next generation, with all, and the files of the first are gone.
#[test]
fn late_data_makes_a_new_generation() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let store = made::open(&data.path().join("store"));
    let mut random = Random(7);
    let spans: Vec<Span> = (0..600).map(|_| made::span(&mut random, 90)).collect();
    made::put_spans(&store, &spans[..400], made::bucket());
    let path = data.path().join("lake");
    let lake = Lake::start(&store, folder(&path), &data.path().join("spool"), false);
    lake.wait("buckets_total", 1);
    assert_eq!(manifest(&path, made::bucket().0).generation, 1);
    made::put_spans(&store, &spans[400..], made::bucket());
    let events: Vec<_> = (0..9)
        .map(|_| made::event(&mut random, EventKind::Call, Vec::new()))
        .collect();
    made::put_events(&store, 1, &events, made::bucket());
    store.keep_up(made::now()).unwrap();
    lake.wait("again_total", 1);
    // It may have looked between the two.
    lake.wait("rows_total{table=\"events\"}", 9);
    lake.exporter.stop();
    let made = manifest(&path, made::bucket().0);
    assert!(made.generation >= 2);
    assert_eq!((made.spans, made.events), (600, 9));
    assert_eq!(exported(&path), expected(&spans));
}

/// Scenario: the storage does not answer while buckets grow too old; then it does. Guarantee: they are kept, exported, and dropped
/// then; above the disk's bound, or if retention is told not to wait, they are dropped and counted as missed.
#[test]
fn retention_waits_for_the_export() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let nowhere = || {
        let to = [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
        ];
        let to = to.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Objects::open_with("s3://nowhere", to).unwrap()
    };
    for (holds, disk_bytes_max) in [(false, 0), (true, 0), (true, 1)] {
        let data = tempfile::tempdir().unwrap();
        let options = |options: &mut store::StoreOptions| {
            options.retention_seconds = 3_600;
            options.hold_all = holds;
            options.disk_bytes_max = disk_bytes_max;
        };
        let store = made::open_with(&data.path().join("store"), options);
        let mut random = Random(8);
        for bucket in 0..2 {
            let spans: Vec<Span> = (0..50).map(|_| made::span(&mut random, 9)).collect();
            made::put_spans(&store, &spans, Bucket(made::bucket().0 + bucket));
        }
        let lake = Lake::start(&store, nowhere(), &data.path().join("spool"), holds);
        lake.wait("waiting_buckets", 2);
        lake.wait("failures_total", 1);
        store.keep_up(made::now()).unwrap();
        let is_kept = |bucket: u32| store.floor() <= Bucket(made::bucket().0 + bucket);
        match (holds, disk_bytes_max) {
            (false, _) => assert!(!is_kept(1)),
            (true, 0) => assert!(is_kept(0)),
            (true, _) => assert!(!is_kept(0) && is_kept(1)),
        }
        if !holds {
            lake.wait("missed_buckets_total", 2);
        }
        lake.exporter.stop();
        if holds && disk_bytes_max == 0 {
            let lake = Lake::start(
                &store,
                folder(&data.path().join("lake")),
                &data.path().join("spool"),
                true,
            );
            lake.wait("buckets_total", 2);
            // At its next look it lets them go.
            let end = std::time::Instant::now() + Duration::from_mins(1);
            while is_kept(1) && std::time::Instant::now() < end {
                store.keep_up(made::now()).unwrap();
                thread::sleep(Duration::from_millis(20));
            }
            assert!(!is_kept(1));
        }
    }
}

/// Scenario: every statement of `docs/export.md` that is for DuckDB, over an export of spans and events and over static tables.
/// Guarantee: each runs; counts, groups and the join of what ran with what the code graph knows are those of what was sent.
#[test]
fn the_statements_of_the_page_hold() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let data = tempfile::tempdir().unwrap();
    let store = made::open(&data.path().join("store"));
    let mut random = Random(10);
    let spans: Vec<Span> = (0..900).map(|_| made::span(&mut random, 90)).collect();
    made::put_spans(&store, &spans, made::bucket());
    let events: Vec<Event> = (0..300)
        .map(|_| made::event(&mut random, EventKind::Call, Vec::new()))
        .collect();
    made::put_events(&store, 1, &events, made::bucket());
    store.keep_up(made::now()).unwrap();
    let path = data.path().join("lake");
    let lake = Lake::start(&store, folder(&path), &data.path().join("spool"), false);
    lake.wait("buckets_total", 1);
    lake.exporter.stop();
    let answers = page::answers(&path, data.path());
    let [by_manifest, by_service, by_status, by_function] = &*answers else {
        panic!("{} statements", answers.len());
    };
    // A SET before it has no rows.
    assert_eq!(by_manifest.last().unwrap(), &[json!(900)]);
    let count =
        |rows: &[Vec<Value>], at: usize| rows.iter().map(|row| row[at].as_u64().unwrap()).sum::<u64>();
    assert_eq!(count(by_service, 2), 900);
    assert_eq!(by_service.len(), 9);
    let is_5xx = |span: &&Span| {
        expect::span(span)["http_status"]
            .as_i64()
            .is_some_and(|status| status >= 500)
    };
    assert_eq!(count(by_status, 2), spans.iter().filter(is_5xx).count() as u64);
    let known = events.iter().filter(|event| event.site.0 < 3).count();
    assert_eq!(by_function, &page::called(known));
}
