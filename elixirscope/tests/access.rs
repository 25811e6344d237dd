//! The program with tokens: who gets in at which door, what is refused and how, and that no value reaches those who may see none.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    reason = "tests"
)]

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{
    KeyValue, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, Value,
};
use testbed::Bed;
use ureq::http::Response;

/// In every place that can hold a value.
const SECRET: &str = "hunter2";
const START_NS: u64 = 1_000_000;

fn bed() -> Bed {
    Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope"))).unwrap()
}

/// Runs the program; its standard output, or its complaint.
fn run(bed: &Bed, args: &[&str]) -> Result<String, String> {
    let output = bed.program(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() {
        Ok(text(output.stdout))
    } else {
        Err(text(output.stderr))
    }
}

fn secret(key: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: SECRET.into(),
    }
}

/// A failed span with the secret in each of its places but those that are shown.
fn span() -> Span {
    let now_ns = host::now().to_unix_us() * 1_000;
    let nested = Value::Map(vec![secret("inner")]);
    Span {
        trace: TraceId(0xabc),
        id: SpanId(1),
        parent: SpanId(0),
        trace_state: format!("vendor={SECRET}"),
        flags: 1,
        name: "GET /orders/:id".to_owned(),
        kind: SpanKind::Server,
        start_ns: now_ns - START_NS,
        end_ns: now_ns,
        status: StatusCode::Error,
        status_message: SECRET.to_owned(),
        attributes: vec![
            secret("user.id"),
            KeyValue {
                key: "cart".to_owned(),
                value: Value::Array(vec![nested, Value::Bytes(SECRET.into())]),
            },
            KeyValue {
                key: "http.route".to_owned(),
                value: "/orders/:id".into(),
            },
        ],
        dropped_attributes: 0,
        events: vec![
            SpanEvent {
                time_ns: now_ns,
                name: "exception".to_owned(),
                attributes: vec![secret("exception.message"), secret("exception.stacktrace")],
                dropped_attributes: 0,
            },
            SpanEvent {
                time_ns: now_ns,
                name: SECRET.to_owned(),
                ..SpanEvent::default()
            },
        ],
        dropped_events: 0,
        links: vec![SpanLink {
            trace: TraceId(1),
            id: SpanId(2),
            trace_state: SECRET.to_owned(),
            attributes: vec![secret("link.note")],
            ..SpanLink::default()
        }],
        dropped_links: 0,
        resource: Arc::new(Resource {
            attributes: vec![
                KeyValue {
                    key: "service.name".to_owned(),
                    value: "shop".into(),
                },
                secret("process.command_line"),
            ],
            schema_url: format!("http://{SECRET}"),
            ..Resource::default()
        }),
        scope: Arc::new(Scope {
            name: "lib".to_owned(),
            attributes: vec![secret("scope.note")],
            ..Scope::default()
        }),
    }
}

/// A member with tokens, and what shows them.
struct House {
    bed: Bed,
    tokens: String,
    otlp: String,
    _up: testbed::Child,
}

impl House {
    fn new() -> Self {
        let bed = bed();
        let tokens = bed.path().join("tokens.toml").to_str().unwrap().to_owned();
        run(
            &bed,
            &[
                "token", "create", "--tokens", &tokens, "--role", "operator", "--name", "first",
            ],
        )
        .unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let otlp = format!("127.0.0.1:{port}");
        let up = bed
            .up(false, &["--tokens", &tokens, "--otlp-http", &otlp])
            .unwrap();
        Self {
            bed,
            tokens,
            otlp,
            _up: up,
        }
    }

    fn token(&self, role: &str) -> String {
        let args = [
            "token",
            "create",
            "--tokens",
            &self.tokens,
            "--role",
            role,
            "--name",
            role,
        ];
        run(&self.bed, &args).unwrap()
    }

    fn get(&self, path: &str, authorization: &str) -> (u16, Response<ureq::Body>) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent.get(format!("{}{path}", self.bed.door().url));
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        let response = request.call().unwrap();
        (response.status().as_u16(), response)
    }

    fn text(&self, path: &str, authorization: &str) -> (u16, String) {
        let (status, mut response) = self.get(path, authorization);
        let bytes = response.body_mut().read_to_vec().unwrap();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    fn post(&self, path: &str, kind: &str, authorization: &str, body: &[u8]) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent
            .post(format!("http://{}{path}", self.otlp))
            .header("content-type", kind);
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        let mut response = request.send(body).unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_to_string().unwrap_or_default(),
        )
    }

    /// Until the member has read the file again.
    fn until(&self, authorization: &str, status: u16) {
        let began = Instant::now();
        while self.get("/metrics", authorization).0 != status {
            assert!(began.elapsed() < Duration::from_secs(20), "never {status}");
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Scenario: a member asked to listen on all addresses, at each of its doors, without tokens. Guarantee: it does not start, and says which
/// door, where, and what to do.
#[test]
fn no_door_beyond_the_machine_without_tokens() {
    let bed = bed();
    let data = bed.path().join("data").to_str().unwrap().to_owned();
    for (flag, door) in [
        ("--http", "HTTP"),
        ("--otlp-grpc", "OTLP gRPC"),
        ("--otlp-http", "OTLP HTTP"),
    ] {
        let said = run(&bed, &["up", "--no-agent", "--data", &data, flag, "0.0.0.0:0"]).unwrap_err();
        for part in [door, "0.0.0.0:0", "elixirscope token create", "--tokens"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    let tls = bed.path().to_str().unwrap();
    let said = run(&bed, &["agent", "--tls", tls, "--http", "[::]:0"]).unwrap_err();
    assert!(said.contains("http door") && said.contains("[::]:0"), "{said}");
}

/// Scenario: a token file that others may read, and one with a misspelt key. Guarantee: the member does not start and says why.
#[test]
fn wrong_token_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = bed();
    let path = bed.path().join("tokens.toml");
    let (tokens, data) = (path.to_str().unwrap(), bed.path().join("data"));
    run(
        &bed,
        &[
            "token", "create", "--tokens", tokens, "--role", "viewer", "--name", "a",
        ],
    )
    .unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let up = [
        "up",
        "--no-agent",
        "--no-otlp",
        "--http",
        "127.0.0.1:0",
        "--tokens",
        tokens,
        "--data",
    ];
    let up = [&up[..], &[data.to_str().unwrap()]].concat();
    let said = run(&bed, &up).unwrap_err();
    assert!(said.contains("0644") && said.contains("chmod 600"), "{said}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "[[tokens]]\n").unwrap();
    let said = run(&bed, &up).unwrap_err();
    assert!(said.contains("tokens"), "{said}");
}

/// Scenario: every door with no token, a wrong one, one of another role, the right one, as Bearer and Basic; a token made and one revoked
/// while the member runs. Guarantee: 401, 403 and 200 in the shape of each door; health is open; all is counted.
#[test]
fn who_gets_in() {
    let house = House::new();
    let (viewer, writer) = (bearer(&house.token("viewer")), bearer(&house.token("writer")));
    house.until(&viewer, 200);
    for path in ["/live", "/ready"] {
        assert_eq!(house.get(path, "").0, 200, "{path}");
    }
    let unknown = bearer(&format!("escope_{}", "0".repeat(64)));
    for (path, shape) in [
        ("/metrics", "{\"error\":"),
        ("/api/v1/traces", "{\"error\":"),
        ("/jaeger/api/services", "{\"data\":null,"),
        ("/tempo/api/search?q=%7B%7D", "this "),
        ("/nothing", "{\"error\":"),
    ] {
        let (status, response) = house.get(path, "");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert_eq!(
            (status, challenge),
            (401, "Bearer realm=\"elixirscope\""),
            "{path}"
        );
        let (status, text) = house.text(path, &unknown);
        let (sorted, opened) = (
            text.replace("{\"data\":null,\"errors\"", shape),
            text.starts_with('{'),
        );
        assert!(
            status == 401 && (sorted.starts_with(shape) || opened),
            "{path}: {status} {text}"
        );
        let (status, response) = house.get(path, &writer);
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            status == 403 && challenge.contains("scope=\"viewer-redacted\""),
            "{path}: {challenge}"
        );
        let (status, _) = house.get(path, &viewer);
        assert_eq!(status, if path == "/nothing" { 404 } else { 200 }, "{path}");
    }
    let mut basic = String::new();
    wire::base64::encode(format!("grafana:{}", &viewer[7..]).as_bytes(), &mut basic);
    assert_eq!(house.get("/tempo/api/echo", &format!("Basic {basic}")).0, 200);
    assert_eq!(house.get("/api/v1/audit", &viewer).0, 403);

    let empty = b"{\"resourceSpans\":[]}";
    let post = |token: &str| house.post("/v1/traces", "application/json", token, empty);
    let (status, body) = post("");
    assert!(status == 401 && body.contains("\"code\":16"), "{body}");
    let (status, body) = post(&viewer);
    assert!(status == 403 && body.contains("\"code\":7"), "{body}");
    assert_eq!(post(&writer).0, 200);

    let (_, metrics) = house.text("/metrics", &viewer);
    for line in [
        "elixirscope_access_denied_total{door=\"jaeger\",reason=\"missing\"} 1",
        "elixirscope_access_denied_total{door=\"tempo\",reason=\"unknown\"} 1",
        "elixirscope_access_denied_total{door=\"otlp_http\",reason=\"role\"} 1",
        "elixirscope_access_granted_total{door=\"otlp_http\",role=\"writer\"} 1",
        "elixirscope_access_tokens 3",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    run(
        &house.bed,
        &["token", "revoke", "--tokens", &house.tokens, "viewer"],
    )
    .unwrap();
    house.until(&viewer, 401);
    let listed = run(
        &house.bed,
        &["token", "list", "--tokens", &house.tokens, "--json"],
    )
    .unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let names: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["first", "writer"]);
    let said = run(&house.bed, &["traces"]).unwrap_err();
    assert!(
        said.contains("401") && said.contains("ELIXIRSCOPE_TOKEN"),
        "{said}"
    );
}

/// Scenario: what a member logs, asked by a viewer; changed by a viewer, by an operator to a word that is no level, to another filter for two seconds.
/// Guarantee: all who see may see it, only operators change it; it goes back by itself, and the log says both changes.
#[test]
fn the_log_is_changed_by_operators() {
    let house = House::new();
    let file = |role: &str| {
        let path = house.bed.path().join(role);
        std::fs::write(&path, house.token(role)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (viewer, operator) = (file("viewer"), file("operator"));
    let log = |token: &str, more: &[&str]| run(&house.bed, &[&["log", "--token-file", token], more].concat());
    house.until(&bearer(std::fs::read_to_string(&operator).unwrap().trim()), 200);
    let began = log(&viewer, &[]).unwrap();
    assert!(log(&viewer, &["debug"]).unwrap_err().contains("403"));
    let said = log(&operator, &["loud"]).unwrap_err();
    assert!(said.contains("\"loud\" is no level (off, error,"), "{said}");
    assert!(
        log(&operator, &["debug", "--for", "2d"])
            .unwrap_err()
            .contains("expected 1 to 86400 seconds")
    );
    assert_eq!(log(&viewer, &[]).unwrap(), began);
    let said = log(&operator, &["debug", "--for", "2s"]).unwrap();
    assert!(
        said.starts_with("debug, for ") && said.ends_with(&began),
        "{said}"
    );
    let until = Instant::now() + Duration::from_secs(20);
    while log(&viewer, &[]).unwrap() != began {
        assert!(Instant::now() < until, "it never went back");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Scenario: a span and a log record with a secret in every place that can hold a value, asked for at every door, also by the secret
/// itself. Guarantee: who may see values gets it; who may not gets the structure and never the secret; to ask by a value is refused
/// with its name.
#[test]
fn no_value_for_those_who_may_see_none() {
    let house = House::new();
    let [viewer, redacted, writer] =
        ["viewer", "viewer-redacted", "writer"].map(|role| bearer(&house.token(role)));
    house.until(&viewer, 200);
    let sent = house.post(
        "/v1/traces",
        "application/x-protobuf",
        &writer,
        &wire::otlp::encode_traces(&[span()]),
    );
    assert_eq!(sent.0, 200, "{sent:?}");
    let log = format!(
        "{{\"resourceLogs\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"k\",\"value\":{{\"stringValue\":\"{SECRET}\"}}}}]}},\"scopeLogs\":[{{\"logRecords\":\
         [{{\"timeUnixNano\":\"{}\",\"severityNumber\":9,\"severityText\":\"{SECRET}\",\"body\":{{\"stringValue\":\"{SECRET}\"}},\
         \"attributes\":[{{\"key\":\"user\",\"value\":{{\"stringValue\":\"{SECRET}\"}}}}]}}]}}]}}]}}",
        host::now().to_unix_us() * 1_000
    );
    let sent = house.post("/v1/logs", "application/json", &writer, log.as_bytes());
    assert_eq!(sent.0, 200, "{sent:?}");

    // Asked by what is shown: both get an answer, only one has the secret.
    for (path, has_it) in [
        ("/jaeger/api/traces/abc", true),
        ("/jaeger/api/traces?service=shop", true),
        ("/jaeger/api/services", false),
        ("/jaeger/api/services/shop/operations", false),
        ("/tempo/api/traces/abc", true),
        ("/tempo/api/v2/traces/abc", true),
        (
            "/tempo/api/search?q=%7B%20resource.service.name%20%3D%20%22shop%22%20%7D",
            false,
        ),
        ("/tempo/api/v2/search/tags", false),
        ("/tempo/api/v2/search/tag/resource.service.name/values", false),
        ("/tempo/api/v2/search/tag/event:name/values", true),
        (
            "/tempo/api/metrics/query_range?q=%7B%7D%7Crate()by(resource.service.name)",
            false,
        ),
        (
            "/tempo/api/metrics/query?q=%7B%7D%7Ccompare(%7Bstatus%3Derror%7D)",
            true,
        ),
        ("/api/v1/logs", true),
    ] {
        let (status, full) = house.text(path, &viewer);
        assert_eq!((status, full.contains(SECRET)), (200, has_it), "{path}: {full}");
        let (status, shown) = house.text(path, &redacted);
        assert_eq!(status, 200, "{path}: {shown}");
        assert!(!shown.contains(SECRET), "{path}: {shown}");
        assert!(
            shown.contains("shop") || shown.contains("redacted") || !full.contains("shop"),
            "{path}: {shown}"
        );
    }
    // Asked by what is not: refused, and it says why.
    for (path, names) in [
        (
            "/tempo/api/search?q=%7B%20.user.id%20%3D%20%22hunter2%22%20%7D",
            "user.id",
        ),
        ("/tempo/api/search?q=%7B%7D%7Cselect(span.user.id)", "user.id"),
        (
            "/tempo/api/search?q=%7B%20statusMessage%20%3D~%20%22h.*%22%20%7D",
            "statusMessage",
        ),
        ("/tempo/api/v2/search/tag/span.user.id/values", "user.id"),
        (
            "/tempo/api/metrics/query?q=%7B%7D%7Crate()by(.user.id)",
            "user.id",
        ),
        (
            "/tempo/api/v2/traces/abc?q=%7B.user.id%3D%22hunter2%22%7D",
            "user.id",
        ),
        (
            "/jaeger/api/traces?tags=%7B%22user.id%22%3A%22hunter2%22%7D",
            "user.id",
        ),
    ] {
        assert_eq!(house.get(path, &viewer).0, 200, "{path}");
        let (status, said) = house.text(path, &redacted);
        assert!(
            status == 403 && said.contains(names) && !said.contains(SECRET),
            "{path}: {status} {said}"
        );
    }
}
