//! Requests over OTLP that are more at once than there is memory for: what the process holds follows `--memory-mib`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use event::{Span, SpanId, TraceId};
use testbed::Bed;
use wire::otlp::encode_traces;

/// `--memory-mib` of the server: an eighth of it, 16 MiB at least, is for requests.
const MEMORY_MIB: u64 = 64;
/// What the process takes beside it, at most: the program, lanes, sealing, buffers of connections (`docs/spans.md`, "Bounds", and what is not bounded there).
const BESIDE_MIB: u64 = 128;
const CONNECTIONS: u64 = 120;
const BODY_BYTES: usize = 2 << 20;

/// A request of about [`BODY_BYTES`]; its traces are its own.
fn body(request: u64) -> Vec<u8> {
    // Text that does not compress much.
    let mut state = request + 1;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state
    };
    let mut span = |n: u64| Span {
        trace: TraceId(u128::from(request + 1) << 64 | u128::from(n / 20 + 1)),
        id: SpanId(n + 1),
        name: (0..30).fold(String::new(), |mut name, _| {
            write!(name, "{:016x}", next()).unwrap();
            name
        }),
        start_ns: 1_790_000_000_000_000_000 + n,
        end_ns: 1_790_000_000_000_000_000 + 2 * n,
        ..Span::blank()
    };
    let mut body = Vec::new();
    let mut n = 0;
    while body.len() < BODY_BYTES {
        let some: Vec<Span> = (n..n + 100).map(&mut span).collect();
        n += 100;
        // Messages one after the other are one message.
        body.extend(encode_traces(&some));
    }
    body
}

/// Status, and whether it says when to come again.
fn answer(stream: &TcpStream) -> (u16, bool) {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    let (mut again, mut length) = (false, 0);
    loop {
        line.clear();
        lines.read_line(&mut line).unwrap();
        let header = line.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        again |= header.starts_with("retry-after: ");
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    lines.read_exact(&mut vec![0; length]).unwrap();
    (status, again)
}

/// Sends a request, its last byte only when `go` lets it; the answer.
fn post(port: u16, body: &[u8], go: impl FnOnce()) -> (u16, bool) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let (last, most) = body.split_last().unwrap();
    // Who was refused already may have been hung up on; the answer is there to be read.
    let sent = stream.write_all(most);
    go();
    if sent.is_ok() {
        let _ = stream.write_all(&[*last]);
    }
    answer(&stream)
}

fn peak_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap();
    kib >> 10
}

/// Scenario: 120 requests of 2 MiB each come at once, and none ends before all have come, at a server with `--memory-mib 64`; then those
/// that were refused are sent again, one after the other. Guarantee: some are refused, each told when to come again; the others are
/// taken; until then the process never held more than its memory and what is documented beside it; in the end all are taken.
#[test]
fn requests_are_held_within_the_memory() {
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope"))).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let memory = MEMORY_MIB.to_string();
    let more = ["--memory-mib", &memory, "--otlp-http", &address.to_string()];
    let mut server = bed.up(false, &more).unwrap();
    let all_came = Arc::new(Barrier::new(CONNECTIONS as usize));
    let sent: Vec<_> = (0..CONNECTIONS)
        .map(|request| {
            let all_came = Arc::clone(&all_came);
            std::thread::spawn(move || {
                let body = body(request);
                post(address.port(), &body, || {
                    all_came.wait();
                })
            })
        })
        .collect();
    let answers: Vec<_> = sent.into_iter().map(|sent| sent.join().unwrap()).collect();
    let held = peak_mib(server.pid());
    println!("{held} MiB at most while all came");
    assert!(held <= MEMORY_MIB + BESIDE_MIB, "{held} MiB");
    let refused = || (0..).zip(&answers).filter(|(_, answer)| answer.0 != 200);
    assert!(refused().all(|(_, answer)| *answer == (503, true)), "{answers:?}");
    let refusals = refused().count() as u64;
    assert!(
        (CONNECTIONS / 2..CONNECTIONS).contains(&refusals),
        "{refusals} refused"
    );
    for (request, _) in refused() {
        let body = body(request);
        let taken = (0..100).any(|_| {
            let (status, again) = post(address.port(), &body, || ());
            if again {
                std::thread::sleep(Duration::from_millis(100));
            }
            status == 200
        });
        assert!(taken, "request {request}");
    }
    println!("{} MiB at most in the end", peak_mib(server.pid()));
    server.stop().unwrap();
}
