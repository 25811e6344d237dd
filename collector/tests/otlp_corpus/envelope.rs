//! What is around a request over HTTP: method, path, content type, length, and requests that are not whole.

use super::house::{Expect, House};
use super::http_client::{Case, JSON, PROTOBUF, Reply, exchange, parse, parse_one, rest, run_all};
use super::requests::good;
use Expect::{Accepted, Refused};
use collector::OtlpLimits;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Guarantee: 404 for other paths, 405 for other methods, 415 for other content types, each with a `Status`.
#[tokio::test(flavor = "multi_thread")]
async fn heads() {
    let house = House::start().await;
    let typed = |name, content_type, expect| Case {
        headers: vec![("content-type", content_type)],
        ..Case::traces(name, good(1), expect)
    };
    let untyped = |name, expect| Case {
        headers: vec![],
        ..Case::traces(name, good(1), expect)
    };
    let method = |method| Case::traces(method, vec![], Refused(405, "only POST")).method(method);
    let path = |path| Case::traces(path, good(1), Refused(404, "only /v1/traces and /v1/logs")).path(path);
    let cases = [
        method("GET"),
        method("PUT"),
        method("PATCH"),
        method("DELETE"),
        method("OPTIONS"),
        method("PROPFIND"),
        path("/v1/metrics"),
        path("/v1development/profiles"),
        path("/"),
        path("/v1/traces/"),
        path("//v1/traces"),
        path("/v1/%74races"),
        Case::traces("a query is ignored", good(1), Accepted(1)).path("/v1/traces?x=1"),
        untyped("no content type", Refused(415, "content type")),
        typed("text", "text/plain", Refused(415, "content type")),
        typed("bytes", "application/octet-stream", Refused(415, "content type")),
        typed(
            "protobuf by another name",
            "application/protobuf",
            Refused(415, "content type"),
        ),
        typed(
            "gRPC in JSON",
            "application/grpc+json",
            Refused(415, "content type"),
        ),
        typed("nonsense", "\u{e9}", Refused(415, "content type")),
        typed(
            "with a parameter",
            "application/x-protobuf; charset=utf-8",
            Accepted(1),
        ),
        typed("in capitals", "Application/X-Protobuf", Accepted(1)),
        Case::json("JSON with a parameter", "{}", Accepted(0)),
    ];
    run_all(&house, &cases).await;
    let refused = method("GET").run(&house).await;
    assert_eq!(refused.header("allow"), Some("POST"));
    let refused = typed("text", "text/plain", Refused(415, "")).run(&house).await;
    assert_eq!(refused.header("accept-encoding"), Some("gzip, zstd"));
    let head = Case::traces("HEAD", vec![], Refused(405, "")).method("HEAD");
    let reply = parse(&exchange(house.http, &head.bytes(true)).await).unwrap();
    assert_eq!((reply.status, reply.body.len()), (405, 0));
    house.stop().await;
}

/// Scenario: bodies beyond the limits, said to be or not. Guarantee: 413 with the limit, without reading what is said to come.
#[tokio::test(flavor = "multi_thread")]
async fn too_large() {
    let limits = OtlpLimits {
        compressed_bytes_max: 1000,
        request_bytes_max: 5000,
        ..OtlpLimits::default()
    };
    let house = House::with(limits).await;
    let (plain, packed) = ("exceeds the limit of 5000", "exceeds the limit of 1000");
    let cases = [
        Case::traces("just enough", super::values::of_size(5000), Accepted(1)),
        Case::traces("one byte more", super::values::of_size(5001), Refused(413, plain)),
        Case::traces("much more", super::values::of_size(3 << 20), Refused(413, plain)),
        Case::traces("compressed", vec![0; 1001], Refused(413, packed)).header("content-encoding", "gzip"),
        Case::json(
            "JSON",
            [b"{}".to_vec(), vec![b' '; 4999]].concat(),
            Refused(413, plain),
        ),
    ];
    for case in &cases {
        case.run(&house).await;
    }
    let chunked = [chunked_head(), chunk(&[0; 3000]), chunk(&[0; 3000]), chunk(b"")].concat();
    assert_eq!(parse(&exchange(house.http, &chunked).await).unwrap().status, 413);
    house.stop().await;
}

fn chunked_head() -> Vec<u8> {
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    head.into_bytes()
}

fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

async fn reply(house: &House, bytes: &[u8]) -> Option<Reply> {
    parse(&exchange(house.http, bytes).await)
}

/// Scenario: bodies in chunks, one byte each too, and heads that are no HTTP. Guarantee: the first are read as any other; the
/// second are 400 or 431, or nothing but the end of the connection.
#[tokio::test(flavor = "multi_thread")]
async fn framing() {
    let house = House::start().await;
    let whole = good(3);
    let bytewise: Vec<u8> = whole.iter().flat_map(|byte| chunk(&[*byte])).collect();
    for chunks in [chunk(&whole), bytewise] {
        *house.intake.last_accepted.lock() = None;
        let request = [chunked_head(), chunks, chunk(b"")].concat();
        assert_eq!(reply(&house, &request).await.unwrap().status, 200);
        assert_eq!(*house.intake.last_accepted.lock(), Some(3));
    }
    let line = "POST /v1/traces HTTP/1.1\r\nhost: x\r\n";
    let typed = format!("{line}content-type: {PROTOBUF}\r\n");
    let wrong: [(&str, Vec<u8>, u16); 9] = [
        ("no HTTP", b"hello\r\n\r\n".to_vec(), 400),
        ("noise", b"\xff\x00\x16\x03".repeat(64), 400),
        (
            "TLS",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 0123456789012345678901234567890\r\n\r\n".to_vec(),
            400,
        ),
        (
            "a length that is none",
            format!("{typed}content-length: many\r\n\r\n").into(),
            400,
        ),
        (
            "a length below zero",
            format!("{typed}content-length: -1\r\n\r\n").into(),
            400,
        ),
        (
            "two lengths",
            format!("{typed}content-length: 1\r\ncontent-length: 2\r\n\r\nab").into(),
            400,
        ),
        (
            "a chunk that is none",
            [chunked_head(), b"xyz\r\n".to_vec()].concat(),
            400,
        ),
        (
            "a head of a megabyte",
            format!("{line}x: {}\r\n\r\n", "y".repeat(1 << 20)).into(),
            431,
        ),
        (
            "a thousand headers",
            format!("{line}{}\r\n", "x: y\r\n".repeat(1000)).into(),
            431,
        ),
    ];
    for (name, bytes, status) in wrong {
        // The kernel may lose an answer when what was sent was not read.
        if let Some(reply) = reply(&house, &bytes).await {
            assert_eq!(reply.status, status, "{name}");
        }
    }
    let expecting = Case::traces("100-continue", good(1), Accepted(1)).header("expect", "100-continue");
    let raw = exchange(house.http, &expecting.bytes(true)).await;
    let (interim, raw) = parse_one(&raw).unwrap();
    assert_eq!((interim.status, parse(raw).unwrap().status), (100, 200));
    run_all(&house, &[]).await;
    house.stop().await;
}

/// Scenario: half requests: the client leaves, or says nothing more. Guarantee: nothing is kept, nothing stays held; who is
/// silent hears 408, or, before a request, nothing but the end.
#[tokio::test(flavor = "multi_thread")]
async fn halves() {
    let limits = OtlpLimits {
        body_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(600),
        ..OtlpLimits::default()
    };
    let house = House::with(limits).await;
    let whole = Case::traces("half", good(100), Accepted(100)).bytes(true);
    for end in [10, 60, 150, whole.len() - 1] {
        let mut stream = TcpStream::connect(house.http).await.unwrap();
        stream.write_all(&whole[..end]).await.unwrap();
        drop(stream);
    }
    for end in [150, whole.len() - 1] {
        let mut stream = TcpStream::connect(house.http).await.unwrap();
        stream.write_all(&whole[..end]).await.unwrap();
        let reply = parse(&rest(&mut stream).await).expect("an answer");
        assert_eq!(reply.status, 408);
        assert!(super::house::status(&reply.body).1.contains("300 ms"));
    }
    // Nothing, half a head, half a preface of HTTP/2: on both ports.
    for addr in [house.http, house.grpc] {
        for said in [
            &b""[..],
            b"POST /v1/tra",
            b"PRI * HTTP/2.0\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ] {
            let began = Instant::now();
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(said).await.unwrap();
            let heard = rest(&mut stream).await;
            assert!(parse(&heard).is_none_or(|reply| reply.status == 408), "{said:?}");
            assert!(began.elapsed() < Duration::from_secs(10), "{said:?}");
        }
    }
    assert_eq!(*house.intake.last_accepted.lock(), None);
    house.idle().await;
    house.stop().await;
}

/// Scenario: requests one after another, and at once, in one connection. Guarantee: answered in order, a refused one does not
/// end the connection.
#[tokio::test(flavor = "multi_thread")]
async fn one_connection() {
    let house = House::start().await;
    let requests = [
        Case::traces("good", good(2), Accepted(2)),
        Case::traces("nowhere", good(2), Refused(404, "")).path("/x"),
        Case::traces("noise", b"\xde\xad".to_vec(), Refused(400, "")),
        Case::json("JSON", "{}", Accepted(0)),
        Case::traces("other", good(2), Refused(415, "")).header("content-encoding", "br"),
        Case::traces("good again", good(2), Accepted(2)),
    ];
    let mut bytes: Vec<u8> = requests[..5].iter().flat_map(|case| case.bytes(false)).collect();
    bytes.extend(requests[5].bytes(true));
    let raw = exchange(house.http, &bytes).await;
    let (mut raw, mut statuses, mut types) = (&raw[..], Vec::new(), Vec::new());
    while let Some((reply, rest)) = parse_one(raw) {
        statuses.push(reply.status);
        types.push(reply.header("content-type").unwrap().to_owned());
        raw = rest;
    }
    assert_eq!(statuses, [200, 404, 400, 200, 415, 200]);
    assert_eq!(types, [PROTOBUF, PROTOBUF, PROTOBUF, JSON, PROTOBUF, PROTOBUF]);
    house.stop().await;
}
