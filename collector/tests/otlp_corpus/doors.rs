//! The doors under pressure: budgets, connections, closing, and what they count.

use super::house::{Expect, House};
use super::http_client::{Case, exchange, parse, rest};
use super::requests::{good, one};
use Expect::{Accepted, Partly, Refused};
use collector::{OtlpLimits, Refusal};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use wire::otlp::schema::span;

/// Scenario: the intake refuses. Guarantee: the statuses of OTLP/HTTP, in the content type of the request, `Retry-After` in
/// whole seconds where it is known.
#[tokio::test(flavor = "multi_thread")]
async fn refused_by_the_intake() {
    let house = House::start().await;
    let cases = [
        (
            Refusal::Busy { retry_after_ms: 2500 },
            503,
            "send again later",
            Some("3"),
        ),
        (
            Refusal::Busy { retry_after_ms: 0 },
            503,
            "send again later",
            Some("1"),
        ),
        (
            Refusal::Unavailable("the disk is full".into()),
            503,
            "the disk is full",
            None,
        ),
        (
            Refusal::TooLarge { bytes: 9, max: 8 },
            413,
            "exceeds the limit of 8",
            None,
        ),
        (Refusal::Malformed("no".into()), 400, "no", None),
    ];
    for (refusal, status, why, retry) in cases {
        *house.intake.refuse.lock() = Some(refusal);
        for case in [
            Case::traces("protobuf", good(1), Refused(status, why)),
            Case::json("JSON", "{}", Refused(status, why)).path("/v1/logs"),
        ] {
            let reply = case.run(&house).await;
            assert_eq!(reply.header("retry-after"), retry, "{why}");
        }
    }
    let busy = Refusal::Busy { retry_after_ms: 2500 };
    *house.intake.refuse.lock() = Some(busy);
    let reply = Case::json("JSON", "{}", Refused(503, "google.rpc.RetryInfo"))
        .run(&house)
        .await;
    assert!(
        String::from_utf8(reply.body)
            .unwrap()
            .contains(r#""retryDelay":"2.500s""#)
    );
    house.stop().await;
}

/// Scenario: three requests that have not ended hold nearly all bytes that may be held. Guarantee: a fourth hears 503 and
/// when to come again; when they have left, it is accepted.
#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once() {
    let limits = OtlpLimits {
        compressed_bytes_max: 1000,
        request_bytes_max: 1000,
        in_flight_bytes_max: 3000,
        ..OtlpLimits::default()
    };
    let house = House::with(limits).await;
    let mut holding = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(house.http).await.unwrap();
        let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 1000\r\n\r\n";
        stream
            .write_all(&[head.as_bytes(), &[0; 900]].concat())
            .await
            .unwrap();
        holding.push(stream);
    }
    while !house.metrics().contains("elixirscope_otlp_in_flight_bytes 2700") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let body = super::values::of_size(900);
    let busy = Case::traces("fourth", body.clone(), Refused(503, "too many bytes"))
        .run(&house)
        .await;
    assert_eq!(busy.header("retry-after"), Some("1"));
    drop(holding);
    house.idle().await;
    Case::traces("fourth, again", body, Accepted(1)).run(&house).await;
    house.stop().await;
}

/// Scenario: more connections than may be. Guarantee: the one too many ends at once and is counted; a place that is given back is
/// taken.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_connections() {
    let house = House::with(OtlpLimits {
        connections_max: 2,
        ..OtlpLimits::default()
    })
    .await;
    let held = [
        TcpStream::connect(house.http).await.unwrap(),
        TcpStream::connect(house.grpc).await.unwrap(),
    ];
    while !house.metrics().contains("elixirscope_otlp_connections 2") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut third = TcpStream::connect(house.http).await.unwrap();
    assert_eq!(rest(&mut third).await, b"");
    assert!(
        house
            .metrics()
            .contains("elixirscope_otlp_connections_refused_total 1")
    );
    drop(held);
    while !house.metrics().contains("elixirscope_otlp_connections 0") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Case::traces("then", good(1), Accepted(1)).run(&house).await;
    house.stop().await;
}

/// Scenario: the doors close while a request is under way. Guarantee: it is answered, the connection ends, nobody else gets in.
#[tokio::test(flavor = "multi_thread")]
async fn closing() {
    let house = House::start().await;
    *house.intake.hold.lock() = Some(Duration::from_millis(300));
    let http = house.http;
    let request = Case::traces("late", good(5), Accepted(5)).bytes(false);
    let late = tokio::spawn(async move { exchange(http, &request).await });
    while house.metrics().contains("elixirscope_otlp_in_flight_bytes 0") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    house.begin_stop();
    assert_eq!(parse(&late.await.unwrap()).unwrap().status, 200);
    assert_eq!(*house.intake.last_accepted.lock(), Some(5));
    house.stop().await;
    assert!(TcpStream::connect(http).await.is_err());
}

/// Scenario: the doors close while a client is in the middle of a request and stays there. Guarantee: they wait as long as they were
/// told, then give up on it and everything it held.
#[tokio::test(flavor = "multi_thread")]
async fn closing_on_half_a_request() {
    let limits = OtlpLimits {
        shutdown_timeout: Duration::from_millis(200),
        ..OtlpLimits::default()
    };
    let house = House::with(limits).await;
    let whole = Case::traces("half", good(100), Accepted(100)).bytes(false);
    let mut stream = TcpStream::connect(house.http).await.unwrap();
    stream.write_all(&whole[..whole.len() - 1]).await.unwrap();
    while house.metrics().contains("elixirscope_otlp_in_flight_bytes 0") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let began = Instant::now();
    house.stop().await;
    assert!((200..5000).contains(&began.elapsed().as_millis()));
    assert!(parse(&rest(&mut stream).await).is_none());
}

/// Guarantee: requests by door and code, bytes as they came and unpacked, spans by what became of them.
#[tokio::test(flavor = "multi_thread")]
async fn counted() {
    let house = House::start().await;
    let body = [good(5), one(|w| w.bytes(span::NAME, b"x"))].concat();
    let size = body.len();
    Case::traces("five of six", body, Partly(5, 1, "trace id"))
        .run(&house)
        .await;
    Case::traces("nowhere", good(1), Refused(404, ""))
        .path("/x")
        .run(&house)
        .await;
    Case::json("nothing", "{}", Accepted(0))
        .path("/v1/logs")
        .run(&house)
        .await;
    let metrics = house.metrics();
    for line in [
        "elixirscope_otlp_requests_total{code=\"200\",door=\"http\"} 2".to_owned(),
        "elixirscope_otlp_requests_total{code=\"404\",door=\"http\"} 1".to_owned(),
        "elixirscope_otlp_records_total{outcome=\"accepted\",signal=\"traces\"} 5".to_owned(),
        "elixirscope_otlp_records_total{outcome=\"rejected\",signal=\"traces\"} 1".to_owned(),
        format!("elixirscope_otlp_bytes_total{{door=\"http\"}} {}", size + 2),
        format!("elixirscope_otlp_unpacked_bytes_total{{signal=\"traces\"}} {size}"),
    ] {
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    house.stop().await;
}
