//! OpenTelemetry's own exporters for Python against the real doors: every protocol and compression that they have.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]

mod python;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use collector::{Intake, OtlpConfig, OtlpLimits, OtlpServer, Receipt, Refusal};
use event::{KeyValue, LogRecord, Span, SpanId, SpanKind, StatusCode, TraceId, Value, value_of};
use host::access::Access;
use host::{CancellationToken, Registry};
use parking_lot::Mutex;
use wire::otlp::{Notes, decode_logs, decode_traces};

/// The program that makes 500 spans and a log record, and prints the spans.
const PROGRAM: &str = include_str!("client.py");

/// Keeps what comes; refuses the first requests.
#[derive(Debug, Default)]
struct Keeping {
    refusals: Mutex<Vec<Refusal>>,
    spans: Mutex<Vec<Span>>,
    logs: Mutex<Vec<LogRecord>>,
}

impl Keeping {
    fn refuse(&self) -> Result<(), Refusal> {
        self.refusals.lock().pop().map_or(Ok(()), Err)
    }
}

impl Intake for Keeping {
    async fn traces(&self, request: Bytes) -> Result<Receipt, Refusal> {
        self.refuse()?;
        let decoded = decode_traces(&request).map_err(|error| Refusal::Malformed(error.to_string()))?;
        assert_eq!(decoded.notes, Notes::default());
        let accepted = decoded.records.len() as u64;
        self.spans.lock().extend(decoded.records);
        Ok(Receipt {
            accepted,
            ..Receipt::default()
        })
    }
    async fn logs(&self, request: Bytes) -> Result<Receipt, Refusal> {
        self.refuse()?;
        let decoded = decode_logs(&request).map_err(|error| Refusal::Malformed(error.to_string()))?;
        assert_eq!(decoded.notes, Notes::default());
        let accepted = decoded.records.len() as u64;
        self.logs.lock().extend(decoded.records);
        Ok(Receipt {
            accepted,
            ..Receipt::default()
        })
    }
}

/// Runs the program against the doors; what it printed, and what came.
async fn exported(protocol: &str, compression: &str, refusals: Vec<Refusal>) -> (String, Arc<Keeping>) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = OtlpConfig {
        grpc: any,
        http: any,
        limits: OtlpLimits::default(),
    };
    let server = OtlpServer::bind(config, Access::open(), &Registry::new())
        .await
        .unwrap();
    let addr = if protocol == "grpc" {
        server.grpc_addr()
    } else {
        server.http_addr()
    };
    let (intake, stop) = (Arc::new(Keeping::default()), CancellationToken::new());
    *intake.refusals.lock() = refusals;
    let serving = tokio::spawn(server.serve(Arc::clone(&intake), stop.clone()));
    let arguments = [
        protocol.to_owned(),
        format!("http://{addr}"),
        compression.to_owned(),
    ];
    let program = move || {
        let mut client = Command::new(python::python());
        client
            .args(["-W", "ignore", "-c", PROGRAM])
            .args(arguments)
            .output()
            .expect("python starts")
    };
    let output = tokio::task::spawn_blocking(program).await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    stop.cancel();
    serving.await.unwrap();
    (String::from_utf8(output.stdout).unwrap(), intake)
}

fn line(span: &Span) -> String {
    format!(
        "{} {} {} {} {} {}",
        span.trace, span.id, span.parent, span.start_ns, span.end_ns, span.name
    )
}

/// What came is what was made: every span, once, with all that it carries.
fn check(printed: &str, intake: &Keeping) {
    let spans = intake.spans.lock();
    let made: BTreeSet<&str> = printed.lines().collect();
    let came: BTreeMap<String, &Span> = spans.iter().map(|span| (line(span), span)).collect();
    assert_eq!((spans.len(), came.len()), (500, 500));
    assert!(made.iter().copied().eq(came.keys().map(String::as_str)));
    for span in spans.iter() {
        assert_eq!(span.resource.service(), "shop");
        assert_eq!(
            value_of(&span.resource.attributes, "replica"),
            Some(&Value::Int(3))
        );
        assert_eq!(
            (span.scope.name.as_str(), span.scope.version.as_str()),
            ("shop.orders", "1.2")
        );
        assert_eq!(span.scope.schema_url, "https://opentelemetry.io/schemas/1.30.0");
        match span.kind {
            SpanKind::Server => assert_eq!(span.parent, SpanId(0)),
            SpanKind::Client => client(span),
            other => panic!("{other}"),
        }
    }
    let logs = intake.logs.lock();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].body, Value::String("order 123 failed".into()));
    assert_eq!((logs[0].severity, logs[0].severity_text.as_str()), (17, "ERROR"));
    assert_eq!(value_of(&logs[0].attributes, "order"), Some(&Value::Int(123)));
    let first = spans.iter().find(|span| span.name == "GET /orders/0").unwrap();
    assert_eq!((logs[0].trace, logs[0].span), (first.trace, first.id));
}

fn client(span: &Span) {
    let value = |key| value_of(&span.attributes, key).unwrap();
    assert_eq!(value("text"), &Value::String("h\u{f6}f".into()));
    assert_eq!(value("truth"), &Value::Bool(true));
    assert_eq!(value("number"), &Value::Int(-7));
    assert_eq!(value("ratio"), &Value::Double(0.25));
    assert_eq!(value("many"), &Value::Array(vec![Value::Int(1), Value::Int(2)]));
    assert_eq!(value("texts"), &Value::Array(vec!["a".into(), "b".into()]));
    assert_eq!(
        (span.status, span.status_message.as_str()),
        (StatusCode::Error, "no rows")
    );
    let event = &span.events[0];
    assert_eq!(
        (event.name.as_str(), event.time_ns),
        ("retried", 1_760_000_000_123_456_789)
    );
    let link = &span.links[0];
    assert_eq!((link.trace, link.id), (span.trace, span.parent));
    assert!(link.trace != TraceId(0));
    assert_eq!(
        link.attributes,
        [KeyValue {
            key: "why".into(),
            value: "caused".into()
        }]
    );
}

/// Guarantee: over HTTP, plain, every span arrives once, unchanged; so does the log record.
#[tokio::test(flavor = "multi_thread")]
async fn http() {
    let (printed, intake) = exported("http", "none", vec![]).await;
    check(&printed, &intake);
}

/// Guarantee: over HTTP in gzip.
#[tokio::test(flavor = "multi_thread")]
async fn http_gzip() {
    let (printed, intake) = exported("http", "gzip", vec![]).await;
    check(&printed, &intake);
}

/// Guarantee: over gRPC, plain.
#[tokio::test(flavor = "multi_thread")]
async fn grpc() {
    let (printed, intake) = exported("grpc", "none", vec![]).await;
    check(&printed, &intake);
}

/// Guarantee: over gRPC in gzip.
#[tokio::test(flavor = "multi_thread")]
async fn grpc_gzip() {
    let (printed, intake) = exported("grpc", "gzip", vec![]).await;
    check(&printed, &intake);
}

/// Scenario: the first requests are told to come again. Guarantee: the exporters understand that, over both doors, and nothing
/// is missing or twice.
#[tokio::test(flavor = "multi_thread")]
async fn comes_again() {
    for protocol in ["http", "grpc"] {
        let refusals = vec![
            Refusal::Busy { retry_after_ms: 100 },
            Refusal::Unavailable("starting".into()),
        ];
        let (printed, intake) = exported(protocol, "none", refusals).await;
        assert!(intake.refusals.lock().is_empty());
        check(&printed, &intake);
    }
}

/// Where the exporters are installed: below the target folder.
fn target() -> PathBuf {
    // The target folder has `deps/`, where programs like this one lie.
    let own = std::env::current_exe().expect("this program has a place");
    own.ancestors().nth(2).expect("a target folder").to_owned()
}
