//! The server killed under a load of spans over OTLP, again and again: what was acknowledged is there, once; nothing is there that
//! was not sent. `ELIXIRSCOPE_CRASH_CYCLES` says how often, `ELIXIRSCOPE_SEED` where the waits come from; both are printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event::{KeyValue, Micros, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use store::{Store, StoreOptions};
use testbed::Bed;
use wire::otlp::encode_traces;

/// Senders at once, each with a connection and one request under way.
const SENDERS: u64 = 4;
const SPANS: u64 = 40;

/// The spans of one request: traces of five, ids out of its number, so that what is stored can be checked against it.
fn request_spans(request: u64) -> Vec<Span> {
    (0..SPANS)
        .map(|n| Span {
            trace: TraceId(u128::from(request) << 64 | u128::from(n / 5 + 1)),
            id: SpanId(n + 1),
            parent: SpanId(0),
            trace_state: String::new(),
            flags: 0,
            name: format!("request {request}"),
            kind: SpanKind::Internal,
            start_ns: 1_790_000_000_000_000_000 + request * 1000 + n,
            end_ns: 1_790_000_000_000_000_000 + request * 1000 + n + 7,
            status: StatusCode::Unset,
            status_message: String::new(),
            attributes: vec![KeyValue {
                key: "n".to_owned(),
                value: Value::Int(n as i64),
            }],
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            resource: Arc::default(),
            scope: Arc::default(),
        })
        .collect()
}

/// Posts one request; was it acknowledged?
fn post(stream: &mut TcpStream, body: &[u8]) -> std::io::Result<bool> {
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            return Ok(false);
        }
        answer.extend_from_slice(piece.get(..n).unwrap_or_default());
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, rest)) = text.split_once("\r\n\r\n") {
            let length = head.to_ascii_lowercase();
            let length = length
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
            let length: usize = length
                .and_then(|length| length.trim().parse().ok())
                .unwrap_or_default();
            if rest.len() >= length {
                return Ok(head.starts_with("HTTP/1.1 200"));
            }
        }
    }
}

/// Sends until told to stop or the server is gone; requests that were begun and those that were acknowledged.
fn send(port: u16, next: &AtomicU64, stop: &AtomicBool, begun: &Mutex<BTreeMap<u64, bool>>) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    while !stop.load(Ordering::Relaxed) {
        let request = next.fetch_add(1, Ordering::Relaxed);
        let body = encode_traces(&request_spans(request));
        begun.lock().unwrap().insert(request, false);
        match post(&mut stream, &body) {
            Ok(true) => drop(begun.lock().unwrap().insert(request, true)),
            Ok(false) | Err(_) => return,
        }
    }
}

fn open(data: &Path) -> Store {
    let mut options = StoreOptions::new(Arc::new(host::now as fn() -> Micros));
    options.upkeep_interval_ms = 0;
    options.bucket_seconds = NonZeroU32::new(600).unwrap();
    Store::open(&data.join("collector"), options).unwrap()
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Scenario: cycles of start, load and SIGKILL after 200 to 900 ms. Guarantee: all spans of acknowledged requests are stored, each once;
/// of requests without an answer all or none; of others nothing.
#[test]
fn killed_under_load() {
    let cycles = number("ELIXIRSCOPE_CRASH_CYCLES", 4);
    let seed = number("ELIXIRSCOPE_SEED", 1);
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope"))).unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    let next = Arc::new(AtomicU64::new(1));
    let begun = Arc::new(Mutex::new(BTreeMap::new()));
    let mut random = seed;
    for _ in 0..cycles {
        let mut server = bed.up(false, &["--otlp-http", &address]).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let (next, stop, begun) = (Arc::clone(&next), Arc::clone(&stop), Arc::clone(&begun));
                std::thread::spawn(move || send(port, &next, &stop, &begun))
            })
            .collect();
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        std::thread::sleep(Duration::from_millis(200 + (random >> 33) % 700));
        server.kill().unwrap();
        stop.store(true, Ordering::Relaxed);
        for sender in senders {
            sender.join().unwrap();
        }
    }
    let store = open(&bed.path().join("data"));
    // Half of the way sealed, and opened again: both forms are checked.
    for sealed in [false, true] {
        if sealed {
            store.seal_spans(Micros(u64::MAX / 2)).unwrap();
        }
        let (mut acknowledged, mut kept) = (0u64, 0u64);
        for (request, answered) in &*begun.lock().unwrap() {
            let mut found = 0;
            for trace in 1..=SPANS / 5 {
                let spans = store
                    .trace_spans(TraceId(u128::from(*request) << 64 | u128::from(trace)))
                    .unwrap();
                let sent: Vec<Span> = request_spans(*request)
                    .into_iter()
                    .filter(|s| s.trace.0 as u64 == trace)
                    .collect();
                assert!(spans.is_empty() || spans == sent, "request {request}: {spans:?}");
                found += spans.len() as u64;
            }
            assert!(
                found == SPANS || found == 0,
                "request {request}: {found} of {SPANS} spans"
            );
            assert!(
                found == SPANS || !answered,
                "request {request} was acknowledged and is gone"
            );
            acknowledged += u64::from(*answered);
            kept += u64::from(found > 0);
        }
        let stats = store.span_stats();
        assert_eq!(
            stats.open_rows + stats.sealed_rows,
            kept * SPANS,
            "spans that nobody sent"
        );
        println!(
            "cycles {cycles}, seed {seed}, sealed {sealed}: {acknowledged} requests acknowledged, {kept} kept, none lost, none twice"
        );
        assert!(acknowledged > cycles, "hardly any load: {acknowledged}");
    }
}
