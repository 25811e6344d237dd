//! OTLP/gRPC: framing, compression, codes.

use super::compression::{gzip, zstd};
use super::house::{Expect, House, partial, status};
use super::http_client::{PROTOBUF, parse};
use super::requests::{good, good_logs, one};
use Expect::{Accepted, Partly, Refused};
use bytes::Bytes;
use collector::{OtlpLimits, Refusal};
use h2::client::{ResponseFuture, SendRequest};
use hyper::{HeaderMap, Request, Response};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use wire::base64;
use wire::otlp::schema::span;

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// A message with its prefix.
fn framed(flag: u8, message: &[u8]) -> Vec<u8> {
    [&[flag][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

struct Call {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    encoding: Option<&'static str>,
    token: Option<String>,
    body: Vec<u8>,
    expect: Expect,
}

impl Call {
    fn new(name: &'static str, body: Vec<u8>, expect: Expect) -> Self {
        Self {
            name,
            method: "POST",
            path: TRACES,
            encoding: None,
            token: None,
            body,
            expect,
        }
    }
    fn encoding(self, encoding: &'static str) -> Self {
        Self {
            encoding: Some(encoding),
            ..self
        }
    }
    fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }
}

/// A connection; its driver ends with it.
async fn connect(addr: SocketAddr) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(addr).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    client.ready().await.unwrap()
}

async fn send(
    client: &mut SendRequest<Bytes>,
    call: &Call,
    end: bool,
) -> (ResponseFuture, h2::SendStream<Bytes>) {
    let mut request = Request::builder()
        .method(call.method)
        .uri(format!("http://otlp{}", call.path))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(token) = &call.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(encoding) = call.encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let mut ready = client.clone().ready().await.unwrap();
    let (response, mut body) = ready.send_request(request.body(()).unwrap(), false).unwrap();
    // A call that is refused early does not take all of its body.
    let _ = body.send_data(Bytes::from(call.body.clone()), end);
    (response, body)
}

/// Head, body, and trailers or, without a body, the head's.
async fn receive(response: ResponseFuture) -> (Response<()>, Vec<u8>, HeaderMap) {
    let (parts, mut body) = response.await.unwrap().into_parts();
    let mut data = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk.unwrap();
        body.flow_control().release_capacity(chunk.len()).unwrap();
        data.extend_from_slice(&chunk);
    }
    let trailers = body
        .trailers()
        .await
        .unwrap()
        .unwrap_or_else(|| parts.headers.clone());
    (Response::from_parts(parts, ()), data, trailers)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn run(client: &mut SendRequest<Bytes>, house: &House, call: &Call) -> HeaderMap {
    let name = call.name;
    *house.intake.last_accepted.lock() = None;
    let (response, _) = send(client, call, true).await;
    let (head, data, trailers) = receive(response).await;
    assert_eq!(
        (head.status().as_u16(), text(head.headers(), "content-type")),
        (200, "application/grpc"),
        "{name}"
    );
    assert_eq!(text(head.headers(), "grpc-accept-encoding"), "identity,gzip,zstd");
    let said = (
        text(&trailers, "grpc-status").parse::<u16>().unwrap(),
        text(&trailers, "grpc-message"),
    );
    if let Refused(code, why) = call.expect {
        assert_eq!(said.0, code, "{name}: {}", said.1);
        assert!(said.1.contains(why), "{name}: {why:?} in {:?}", said.1);
        assert!(data.is_empty(), "{name}");
        return trailers;
    }
    assert_eq!(said, (0, ""), "{name}");
    let message = data.strip_prefix(&[0u8][..]).unwrap();
    let (length, message) = message.split_first_chunk::<4>().unwrap();
    assert_eq!(u32::from_be_bytes(*length) as usize, message.len(), "{name}");
    let (kept, partly) = (*house.intake.last_accepted.lock(), partial(message));
    match (&call.expect, partly) {
        (Accepted(count), None) => assert_eq!(kept, Some(*count), "{name}"),
        (Partly(count, rejected, why), Some((found, text))) => {
            assert_eq!((kept, found), (Some(*count), *rejected), "{name}");
            assert!(text.contains(why), "{name}: {text:?}");
        }
        (wanted, found) => panic!("{name}: {found:?} instead of {wanted:?}"),
    }
    trailers
}

/// A call with a token or without.
pub(super) async fn with_token(house: &House, token: Option<&str>, expect: Expect) -> HeaderMap {
    let call = Call {
        token: token.map(str::to_owned),
        ..Call::new("with a token", framed(0, &good(1)), expect)
    };
    run(&mut connect(house.grpc).await, house, &call).await
}

/// What `grpc-status-details-bin` holds.
fn details(trailers: &HeaderMap) -> (u64, String, String) {
    status(&base64::decode(text(trailers, "grpc-status-details-bin").as_bytes()).unwrap())
}

const INVALID: u16 = 3;
const EXHAUSTED: u16 = 8;
const UNIMPLEMENTED: u16 = 12;
const INTERNAL: u16 = 13;
const UNAVAILABLE: u16 = 14;

/// Scenario: calls that are right and wrong, one after another in one connection. Guarantee: each has its code.
#[tokio::test(flavor = "multi_thread")]
async fn calls() {
    let house = House::start().await;
    let zero = one(|w| w.bytes(span::TRACE_ID, &[0; 16]));
    let mut long = framed(0, &good(1));
    long[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
    let mut short = framed(0, &good(1));
    short.pop();
    let bomb = gzip(&vec![0; 80 << 20]);
    let calls = [
        Call::new("traces", framed(0, &good(7)), Accepted(7)),
        Call::new("logs", framed(0, &good_logs(4)), Accepted(4)).path(LOGS),
        Call::new("nothing", framed(0, b""), Accepted(0)),
        Call::new("many", framed(0, &good(100_000)), Accepted(100_000)),
        Call::new("gzip", framed(1, &gzip(&good(7))), Accepted(7)).encoding("gzip"),
        Call::new("zstd", framed(1, &zstd(&good(7))), Accepted(7)).encoding("zstd"),
        Call::new("gzip, not used", framed(0, &good(7)), Accepted(7)).encoding("gzip"),
        Call::new("identity", framed(0, &good(7)), Accepted(7)).encoding("identity"),
        Call::new(
            "in part",
            framed(0, &[good(2), zero].concat()),
            Partly(2, 1, "trace id"),
        ),
        Call::new("an unknown method", vec![], Refused(UNIMPLEMENTED, "not known")).path("/a.B/C"),
        Call::new("metrics", vec![], Refused(UNIMPLEMENTED, "not known"))
            .path("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
        Call::new(
            "a path of HTTP",
            framed(0, &good(1)),
            Refused(UNIMPLEMENTED, "not known"),
        )
        .path("/v1/traces"),
        Call::new("no message", vec![], Refused(INTERNAL, "no gRPC message")),
        Call::new(
            "half a prefix",
            vec![0, 0, 0],
            Refused(INTERNAL, "no gRPC message"),
        ),
        Call::new(
            "a message that ends early",
            short,
            Refused(INTERNAL, "ends after"),
        ),
        Call::new("a length of 4 GiB", long, Refused(INTERNAL, "4294967295 bytes")),
        Call::new(
            "two messages",
            framed(0, &good(1)).repeat(2),
            Refused(UNIMPLEMENTED, "one message"),
        ),
        Call::new(
            "an unknown flag",
            framed(2, &good(1)),
            Refused(INTERNAL, "flags 0x02"),
        ),
        Call::new(
            "protobuf without a prefix",
            good(1),
            Refused(INTERNAL, "gRPC message"),
        ),
        Call::new(
            "compressed, not said how",
            framed(1, &gzip(&good(1))),
            Refused(INTERNAL, "does not say how"),
        ),
        Call::new(
            "an unknown method of compression",
            framed(1, &good(1)),
            Refused(UNIMPLEMENTED, "grpc-encoding"),
        )
        .encoding("snappy"),
        Call::new("gzip that is none", framed(1, &good(1)), Refused(INTERNAL, "")).encoding("gzip"),
        Call::new(
            "a bomb",
            framed(1, &bomb),
            Refused(EXHAUSTED, "limit of 67108864"),
        )
        .encoding("gzip"),
        Call::new(
            "noise",
            framed(0, &b"\xde\xad".repeat(50)),
            Refused(INVALID, "at byte"),
        ),
        Call::new("JSON", framed(0, b"{}"), Refused(INVALID, "")),
    ];
    let mut client = connect(house.grpc).await;
    for call in &calls {
        let trailers = run(&mut client, &house, call).await;
        match call.expect {
            Refused(INVALID, _) => assert!(
                details(&trailers).2.ends_with("google.rpc.BadRequest"),
                "{}",
                call.name
            ),
            // Without `RetryInfo` a client does not send it again.
            _ => assert!(trailers.get("grpc-status-details-bin").is_none(), "{}", call.name),
        }
    }
    // Either door is open on either port.
    let mut client = connect(house.http).await;
    run(
        &mut client,
        &house,
        &Call::new("on the other port", framed(0, &good(2)), Accepted(2)),
    )
    .await;
    house.stop().await;
}

/// Scenario: calls that are no gRPC, or larger than a limit, and one that is broken off. Guarantee: the statuses of HTTP that
/// gRPC asks for; `RESOURCE_EXHAUSTED` that is not to be sent again; nothing stays held.
#[tokio::test(flavor = "multi_thread")]
async fn around() {
    let limits = OtlpLimits {
        compressed_bytes_max: 1000,
        request_bytes_max: 5000,
        ..OtlpLimits::default()
    };
    let house = House::with(limits).await;
    let mut client = connect(house.grpc).await;
    for (name, size, encoding, why) in [
        ("plain", 6000, None, "limit of 5005"),
        ("compressed", 1200, Some("gzip"), "limit of 1005"),
    ] {
        let call = Call {
            encoding,
            ..Call::new(name, framed(0, &vec![0; size]), Refused(EXHAUSTED, why))
        };
        let trailers = run(&mut client, &house, &call).await;
        assert!(trailers.get("grpc-status-details-bin").is_none(), "{name}");
    }
    let get = Call {
        method: "GET",
        ..Call::new("GET", vec![], Accepted(0))
    };
    let (response, _) = send(&mut client, &get, true).await;
    assert_eq!(response.await.unwrap().status().as_u16(), 405);
    let old = format!(
        "POST {TRACES} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let raw = super::http_client::exchange(house.grpc, old.as_bytes()).await;
    assert_eq!(parse(&raw).unwrap().status, 505);
    let half = Call::new("half", framed(0, &good(10))[..100].to_vec(), Accepted(0));
    let (response, mut body) = send(&mut client, &half, false).await;
    body.send_reset(h2::Reason::CANCEL);
    assert!(response.await.is_err());
    let abandoned = send(&mut client, &half, false).await;
    while house.metrics().contains("elixirscope_otlp_in_flight_bytes 0") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop((abandoned, client));
    house.idle().await;
    let mut client = connect(house.grpc).await;
    run(
        &mut client,
        &house,
        &Call::new("afterwards", framed(0, &good(2)), Accepted(2)),
    )
    .await;
    assert!(!house.metrics().contains(PROTOBUF));
    house.stop().await;
}

/// Scenario: the intake is busy, has failed, finds a request too large. Guarantee: the codes of OTLP, `RetryInfo` where a client
/// shall come again at a time that is known.
#[tokio::test(flavor = "multi_thread")]
async fn refused_by_the_intake() {
    let house = House::start().await;
    let mut client = connect(house.grpc).await;
    let cases = [
        (
            Refusal::Busy { retry_after_ms: 2500 },
            UNAVAILABLE,
            "google.rpc.RetryInfo",
        ),
        (Refusal::Unavailable("the disk is full".into()), UNAVAILABLE, ""),
        (Refusal::TooLarge { bytes: 9, max: 8 }, EXHAUSTED, ""),
        (
            Refusal::Malformed("100% w\u{f6}rong".into()),
            INVALID,
            "google.rpc.BadRequest",
        ),
    ];
    for (refusal, code, detail) in cases {
        *house.intake.refuse.lock() = Some(refusal);
        let call = Call::new("refused", framed(0, &good(1)), Refused(code, ""));
        let trailers = run(&mut client, &house, &call).await;
        match detail {
            "" => assert!(trailers.get("grpc-status-details-bin").is_none()),
            detail => {
                let (told, message, found) = details(&trailers);
                assert_eq!(told, u64::from(code));
                assert!(found.ends_with(detail));
                let percent = text(&trailers, "grpc-message");
                assert!(percent == message || percent == "100%25 w%C3%B6rong", "{percent}");
            }
        }
    }
    let metrics = house.metrics();
    assert!(
        metrics.contains("elixirscope_otlp_requests_total{code=\"unavailable\",door=\"grpc\"} 2"),
        "{metrics}"
    );
    house.stop().await;
}
