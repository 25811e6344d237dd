//! The program against a small OTLP server that behaves as told: takes everything, puts off, takes part, refuses, stalls,
//! forgets what it acknowledged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// What the server answers to its n-th `POST`, with the stored items counted by it.
type Behaviour = fn(n: u64) -> Reply;

struct Reply {
    stores: u64,
    status: &'static str,
    headers: &'static str,
    body: &'static [u8],
    after: Duration,
}

const TAKEN: Reply = Reply {
    stores: 100,
    status: "200 OK",
    headers: "",
    body: b"",
    after: Duration::ZERO,
};

/// `partial_success { rejected_spans: 7 }`.
const PARTIAL: &[u8] = &[0x0a, 0x02, 0x08, 0x07];

fn serve(behaviour: Behaviour) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (posts, stored) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (posts, stored) = (Arc::clone(&posts), Arc::clone(&stored));
            thread::spawn(move || while answer(&stream, behaviour, &posts, &stored).is_some() {});
        }
    });
    port
}

fn answer(mut stream: &TcpStream, behaviour: Behaviour, posts: &AtomicU64, stored: &AtomicU64) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut post) = (String::new(), 0, None);
    while reader.read_line(&mut line).ok()? > 0 && line != "\r\n" {
        post.get_or_insert_with(|| line.starts_with("POST"));
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if post? {
        let reply = behaviour(posts.fetch_add(1, Ordering::SeqCst));
        stored.fetch_add(reply.stores, Ordering::SeqCst);
        thread::sleep(reply.after);
        if reply.status.is_empty() {
            return None;
        }
        let head = format!(
            "HTTP/1.1 {}\r\n{}content-length: {}\r\n\r\n",
            reply.status,
            reply.headers,
            reply.body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(reply.body).ok()
    } else {
        let text = format!("spans_stored {}\n", stored.load(Ordering::SeqCst));
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        stream.write_all(head.as_bytes()).ok()
    }
}

/// Runs the program in requests of 100 spans; its report and its exit code.
fn load(behaviour: Behaviour, args: &[&str]) -> (Value, i32) {
    let port = serve(behaviour);
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args([
            "otlp",
            "--json",
            "--batch",
            "100",
            "--warmup",
            "0",
            "--stored-metric",
            "spans_stored",
        ])
        .arg(format!("--endpoint=http://127.0.0.1:{port}/v1/traces"))
        .arg(format!("--metrics=http://127.0.0.1:{port}/metrics"))
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text} {said}"));
    (report, output.status.code().unwrap())
}

fn count(report: &Value, name: &str) -> u64 {
    report["counts"][name].as_u64().unwrap()
}

/// Scenario: a server that takes everything, 2,000 spans a second for two seconds over four connections. Guarantee: 40 requests,
/// those apart that a busy machine could not begin; stored = sent, exit code 0, plot and log are written.
#[test]
fn all_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (svg, log) = (dir.path().join("a.svg"), dir.path().join("a.hgrm"));
    let files = [
        format!("--svg={}", svg.display()),
        format!("--hgrm={}", log.display()),
    ];
    let (report, code) = load(|_| TAKEN, &["--rate=2000", "--seconds=2", &files[0], &files[1]]);
    let sent = count(&report, "sent");
    assert_eq!(
        (sent + report["behind"].as_u64().unwrap(), code),
        (4_000, 0),
        "{report}"
    );
    assert_eq!(
        (report["stored"].as_u64(), report["conserved"].as_bool()),
        (Some(sent), Some(true))
    );
    assert_eq!(report["latency_ms"]["count"].as_u64(), Some(sent / 100));
    let svg = std::fs::read_to_string(svg).unwrap();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.lines().filter(|l| !l.starts_with('#')).count() >= 2, "{log}");
}

/// Scenario: every third answer is 429, every fifth 503 with Retry-After: 1. Guarantee: each is tried again after that time, nothing
/// is lost, the waits show in the latency.
#[test]
fn what_is_put_off_is_sent_again() {
    let behaviour: Behaviour = |n| match n {
        n if n % 5 == 4 => Reply {
            stores: 0,
            status: "503 Busy",
            headers: "retry-after: 1\r\n",
            ..TAKEN
        },
        n if n % 3 == 2 => Reply {
            stores: 0,
            status: "429 Slow down",
            ..TAKEN
        },
        _ => TAKEN,
    };
    let (report, code) = load(behaviour, &["--count=1000"]);
    assert_eq!(
        (count(&report, "sent"), count(&report, "acked"), code),
        (1_000, 1_000, 0),
        "{report}"
    );
    assert!(count(&report, "throttled") >= 4);
    assert!(
        report["latency_ms"]["max"].as_f64().unwrap() >= 1_000.0,
        "{report}"
    );
}

/// Scenario: seven spans of each request are rejected. Guarantee: they are counted apart, and exit code 1 says that not all is stored.
#[test]
fn partial_success_is_no_success() {
    let behaviour: Behaviour = |_| Reply {
        stores: 93,
        body: PARTIAL,
        ..TAKEN
    };
    let (report, code) = load(behaviour, &["--count=1000"]);
    assert_eq!(
        (count(&report, "acked"), count(&report, "rejected"), code),
        (930, 70, 1),
        "{report}"
    );
}

/// Scenario: 400 to every other request, connections that break at every fourth. Guarantee: refused spans are not sent again, broken
/// requests are.
#[test]
fn refused_and_broken() {
    let behaviour: Behaviour = |n| match n % 4 {
        0 => Reply {
            stores: 0,
            status: "400 Bad Request",
            ..TAKEN
        },
        1 => Reply {
            stores: 0,
            status: "",
            ..TAKEN
        },
        _ => TAKEN,
    };
    let (report, code) = load(behaviour, &["--count=1000", "--connections=1"]);
    let (sent, acked) = (count(&report, "sent"), count(&report, "acked"));
    assert_eq!(
        (sent, acked + count(&report, "refused"), code),
        (1_000, 1_000, 1),
        "{report}"
    );
    assert!(count(&report, "broken") >= 3 && acked >= 600, "{report}");
}

/// Scenario: a server that answers 200 and stores one request in ten less. Guarantee: the load finds it out.
#[test]
fn an_acknowledgement_is_no_stored_span() {
    let behaviour: Behaviour = |n| Reply {
        stores: if n % 10 == 0 { 0 } else { 100 },
        ..TAKEN
    };
    let began = Instant::now();
    let (report, code) = load(
        behaviour,
        &["--count=1000", "--connections=1", "--stored-seconds=2"],
    );
    assert_eq!(
        (count(&report, "acked"), report["stored"].as_u64(), code),
        (1_000, Some(900), 1),
        "{report}"
    );
    assert!(
        began.elapsed() >= Duration::from_secs(3),
        "it must wait for a store that is slow to count"
    );
}

/// Scenario: one connection, a server that stalls once for a second, 50 requests a second. Guarantee: not one but about fifty
/// requests are late: latency counts from when a request was due.
#[test]
fn a_stall_is_seen_by_all_that_was_due() {
    let behaviour: Behaviour = |n| Reply {
        after: Duration::from_millis(if n == 20 { 1_000 } else { 0 }),
        ..TAKEN
    };
    let (report, _) = load(behaviour, &["--rate=5000", "--seconds=2", "--connections=1"]);
    let latency = &report["latency_ms"];
    assert!(latency["max"].as_f64().unwrap() >= 1_000.0, "{report}");
    assert!(
        latency["p90"].as_f64().unwrap() >= 500.0,
        "a quarter of what was due waited longer: {report}"
    );
}

/// Scenario: traces spread over connections and time. Guarantee: every span is sent once, the parts too.
#[test]
fn spread_traces_are_whole() {
    let (report, code) = load(|_| TAKEN, &["--rate=3000", "--seconds=2", "--spread"]);
    let sent = count(&report, "sent");
    // Parts have 105, 105 and 90 spans; the server counts 100 each.
    assert_eq!(
        (sent % 300, sent / 3, code),
        (0, count(&report, "requests") * 100 / 3, 0),
        "{report}"
    );
}

/// Scenario: a server that takes 10 ms a request, one connection. Guarantee: the search ends, at no more than the 100 requests a
/// second that are possible; a busy machine may find less.
#[test]
fn the_greatest_rate_is_found() {
    let behaviour: Behaviour = |_| Reply {
        after: Duration::from_millis(10),
        ..TAKEN
    };
    let args = [
        "--find-max",
        "--seconds=1",
        "--step-seconds=2",
        "--connections=1",
        "--p99-max-ms=2000",
    ];
    let (report, code) = load(behaviour, &args);
    let found = report["rate_asked"].as_f64().unwrap();
    assert!((500.0..10_500.0).contains(&found) && code == 0, "{report}");
    let steps = report["find_max"].as_array().unwrap();
    assert!(
        steps.iter().any(|s| s["holds"] == false) && steps.iter().any(|s| s["holds"] == true),
        "{report}"
    );
}
