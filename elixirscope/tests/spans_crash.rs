//! The server killed under a load of spans over OTLP, again and again, while it seals too: what was acknowledged is there, once, also
//! if the client sent it again; nothing is there that was not sent. `ELIXIRSCOPE_CRASH_CYCLES` says how often, `ELIXIRSCOPE_SEED` where
//! the waits come from; both are printed.
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

use event::{KeyValue, Micros, Span, SpanId, SpanKind, TraceId, Value};
use store::{Store, StoreOptions};
use testbed::Bed;
use wire::otlp::encode_traces;

/// Senders at once, each with a connection and one request under way. Those with even numbers send what had no answer again to the
/// next server, the others never do.
const SENDERS: u64 = 4;
/// Spans of a request: so many that a server seals every second or so.
const SPANS: u64 = 1_000;
/// Spans of a trace.
const TRACE_SPANS: u64 = 100;
/// Kills of one data folder; then everything is compared and another begun.
const ROUND_CYCLES: u64 = 20;

/// The spans of one request: ids out of its number, so that what is stored can be checked against it.
fn request_spans(request: u64) -> Vec<Span> {
    (0..SPANS)
        .map(|n| Span {
            trace: TraceId(u128::from(request) << 64 | u128::from(n / TRACE_SPANS + 1)),
            id: SpanId(n + 1),
            name: format!("request {request}"),
            kind: SpanKind::Internal,
            start_ns: 1_790_000_000_000_000_000 + request * 1000 + n,
            end_ns: 1_790_000_000_000_000_000 + request * 1000 + n + 7,
            attributes: vec![KeyValue {
                key: "n".to_owned(),
                value: Value::Int(n as i64),
            }],
            ..Span::blank()
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

/// Requests that were begun, and whether they were acknowledged.
type Begun = Mutex<BTreeMap<u64, bool>>;

/// Sends until told to stop or the server is gone; what had no answer.
fn send(port: u16, next: &AtomicU64, stop: &AtomicBool, begun: &Begun, again: Option<u64>) -> Option<u64> {
    let mut waiting = again;
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return waiting;
    };
    let _ = stream.set_nodelay(true);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    while waiting.is_some() || !stop.load(Ordering::Relaxed) {
        let request = waiting.unwrap_or_else(|| next.fetch_add(1, Ordering::Relaxed));
        let body = encode_traces(&request_spans(request));
        begun.lock().unwrap().entry(request).or_insert(false);
        match post(&mut stream, &body) {
            Ok(true) => drop(begun.lock().unwrap().insert(request, true)),
            Ok(false) | Err(_) => return Some(request),
        }
        waiting = None;
    }
    None
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

/// Starts a server, loads it and, if it is to be killed, kills it after so many milliseconds; what each sender has to send again.
fn cycle(
    bed: &Bed,
    address: &str,
    kill_after: Option<u64>,
    next: &Arc<AtomicU64>,
    begun: &Arc<Begun>,
    again: Vec<Option<u64>>,
) -> Vec<Option<u64>> {
    let port = address
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap();
    let mut server = bed.up(false, &["--otlp-http", address, "--log", "warn"]).unwrap();
    // Without a kill only what waits is sent.
    let stop = Arc::new(AtomicBool::new(kill_after.is_none()));
    let senders: Vec<_> = again
        .into_iter()
        .map(|again| {
            let (next, stop, begun) = (Arc::clone(next), Arc::clone(&stop), Arc::clone(begun));
            std::thread::spawn(move || send(port, &next, &stop, &begun, again))
        })
        .collect();
    if let Some(after) = kill_after {
        std::thread::sleep(Duration::from_millis(after));
        server.kill().unwrap();
        stop.store(true, Ordering::Relaxed);
    }
    let left: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
    if kill_after.is_none() {
        server.stop().unwrap();
        assert!(
            left.iter().all(Option::is_none),
            "a server that is not killed answers"
        );
    }
    left
}

/// What a round came to.
#[derive(Default)]
struct Round {
    acknowledged: u64,
    kept: u64,
    repeated: u64,
    sealed_rows: u64,
}

fn round(cycles: u64, random: &mut u64) -> Round {
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope"))).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (next, begun) = (Arc::new(AtomicU64::new(1)), Arc::new(Begun::default()));
    let mut again = vec![None; SENDERS as usize];
    let mut round = Round::default();
    for _ in 0..cycles {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let after = 200 + (*random >> 33) % 700;
        again = cycle(&bed, &address, Some(after), &next, &begun, again);
        for waiting in again.iter_mut().skip(1).step_by(2) {
            *waiting = None;
        }
        round.repeated += again.iter().flatten().count() as u64;
    }
    cycle(&bed, &address, None, &next, &begun, again);
    let store = open(&bed.path().join("data"));
    round.sealed_rows = store.span_stats().sealed_rows;
    // As it was left, some of it sealed; then all of it sealed: both forms are checked.
    for seal in [false, true] {
        if seal {
            store.seal_spans(Micros(u64::MAX / 2)).unwrap();
        }
        (round.acknowledged, round.kept) = (0, 0);
        for (request, answered) in &*begun.lock().unwrap() {
            let found = compare(&store, *request);
            assert!(
                found == SPANS || found == 0,
                "request {request}: {found} of {SPANS} spans"
            );
            assert!(
                found == SPANS || !answered,
                "request {request} was acknowledged and is gone"
            );
            round.acknowledged += u64::from(*answered);
            round.kept += u64::from(found > 0);
        }
    }
    // A request that was sent again may lie in two runs, of which reading shows one; nothing else may be more than was kept.
    let stats = store.span_stats();
    let rows = stats.open_rows + stats.sealed_rows;
    assert!(
        (round.kept * SPANS..=(round.kept + round.repeated) * SPANS).contains(&rows),
        "{rows} rows of {} requests, {} of them repeated: spans that nobody sent",
        round.kept,
        round.repeated
    );
    round
}

/// Spans of a request that are stored; each trace is there as it was sent or not at all.
fn compare(store: &Store, request: u64) -> u64 {
    let sent = request_spans(request);
    let mut found = 0;
    for of_trace in sent.chunks(TRACE_SPANS as usize) {
        let trace = of_trace.first().unwrap().trace;
        let spans = store.trace_spans(trace).unwrap();
        assert!(
            spans.is_empty() || spans == of_trace,
            "request {request}: {spans:?}"
        );
        found += spans.len() as u64;
    }
    found
}

/// Scenario: cycles of start, load and SIGKILL after 200 to 900 ms; half of the clients send again what had no answer. Guarantee: all spans
/// of acknowledged requests are stored, each once; of requests without an answer all or none; of others nothing.
#[test]
fn killed_under_load() {
    let cycles = number("ELIXIRSCOPE_CRASH_CYCLES", 4);
    let seed = number("ELIXIRSCOPE_SEED", 1);
    let (mut random, mut left, mut all) = (seed, cycles, Round::default());
    while left > 0 {
        let cycles_now = left.min(ROUND_CYCLES);
        left -= cycles_now;
        let round = round(cycles_now, &mut random);
        all.acknowledged += round.acknowledged;
        all.kept += round.kept;
        all.repeated += round.repeated;
        all.sealed_rows += round.sealed_rows;
        println!(
            "kills {}, seed {seed}: {} requests of {SPANS} spans acknowledged ({} of them sent again after a kill), {} kept, \
             {} spans sealed between kills; none lost, none twice, none that nobody sent",
            cycles - left,
            all.acknowledged,
            all.repeated,
            all.kept,
            all.sealed_rows
        );
    }
    assert!(all.acknowledged > cycles, "hardly any load: {}", all.acknowledged);
    assert!(
        all.repeated > 0 || cycles < 4,
        "no kill came between a request and its answer"
    );
}
