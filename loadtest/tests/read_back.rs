//! The program against a small store that speaks OTLP and Tempo's trace by id: are differences found, and only differences?
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
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// What the store does to a trace (a request of one trace) that it returns; `None` = it is not there.
type Change = fn(number: usize, body: Vec<u8>) -> Option<Vec<u8>>;

#[derive(Default)]
struct Store {
    requests: Vec<Vec<u8>>,
    change: Option<Change>,
}

impl Store {
    /// `TraceByIDResponse { trace }`, sent in one chunk.
    fn trace(&self, id: &[u8]) -> Option<Vec<u8>> {
        let holds = |body: &Vec<u8>| body.windows(id.len()).any(|w| w == id);
        let number = self.requests.iter().position(holds)?;
        let body = (self.change?)(number, self.requests[number].clone())?;
        let mut answer = vec![0x0a, body.len() as u8 | 0x80, (body.len() >> 7) as u8];
        assert!((128..16_384).contains(&body.len()), "a length of two bytes");
        answer.extend(body);
        Some(answer)
    }
}

fn serve(change: Change) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let store = Arc::new(Mutex::new(Store {
        requests: Vec::new(),
        change: Some(change),
    }));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let store = Arc::clone(&store);
            thread::spawn(move || while answer(&stream, &store).is_some() {});
        }
    });
    port
}

fn answer(mut stream: &TcpStream, store: &Mutex<Store>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line).ok()? > 0 && line != "\r\n" {
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
        line.clear();
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if let Some(id) = path.strip_prefix("/tempo/api/v2/traces/") {
        assert!(head.contains("accept: application/protobuf"), "{head}");
        let id: Vec<u8> = (0..16)
            .map(|i| u8::from_str_radix(&id[2 * i..2 * i + 2], 16).unwrap())
            .collect();
        let Some(found) = store.lock().unwrap().trace(&id) else {
            return stream
                .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                .ok();
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n",
            found.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(&found).ok()?;
        stream.write_all(b"\r\n0\r\n\r\n").ok()
    } else {
        store.lock().unwrap().requests.push(body);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .ok()
    }
}

/// 100 traces, a request each; all are asked for, some twice. The report and the exit code.
fn load(change: Change) -> (Value, i32) {
    let port = serve(change);
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args([
            "otlp",
            "--json",
            "--batch=20",
            "--rate=1000",
            "--seconds=100",
            "--warmup=0",
            "--count=2000",
        ])
        .args(["--verify=300", "--query-rate=50", "--stored-seconds=3"])
        .arg(format!("--endpoint=http://127.0.0.1:{port}/v1/traces"))
        .arg(format!("--query=http://127.0.0.1:{port}/tempo/api/v2/traces/"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text} {said}"));
    (report, output.status.code().unwrap())
}

/// Scenario: a store that returns what it was sent. Guarantee: every trace is equal, span by span; `--count` ended the load.
#[test]
fn what_comes_back_as_it_was_sent_is_equal() {
    let (report, code) = load(|_, body| Some(body));
    let verify = &report["verify"];
    assert_eq!(
        (verify["asked"].as_u64(), verify["equal"].as_u64(), code),
        (Some(300), Some(300), 0),
        "{report}"
    );
    assert_eq!(report["counts"]["sent"], 2_000);
    assert!(
        report["query"]["failed"] == 0 && report["query"]["part"] == 0,
        "{report}"
    );
}

/// Scenario: a store that changes one letter of one attribute's key in every fifth trace. Guarantee: it is found, and said which.
#[test]
fn one_changed_letter_is_found() {
    let change: Change = |number, mut body| {
        if number.is_multiple_of(5) {
            let at = body.windows(9).position(|w| w == b"code.line").unwrap();
            body[at] = b'C';
        }
        Some(body)
    };
    let (report, code) = load(change);
    let different = report["verify"]["different"].as_u64().unwrap();
    assert!((20..120).contains(&different) && code == 1, "{report}");
    assert!(
        report["verify"]["said"].as_str().unwrap().contains("Code.line"),
        "{report}"
    );
}

/// Scenario: a store that acknowledged and has not kept every tenth trace. Guarantee: they are missing, exit code 1.
#[test]
fn what_was_dropped_after_its_acknowledgement_is_missing() {
    let (report, code) = load(|number, body| (number % 10 != 3).then_some(body));
    let missing = report["verify"]["missing"].as_u64().unwrap();
    assert!((5..80).contains(&missing) && code == 1, "{report}");
}
