//! Who may ask the API v3 for what.

use std::path::Path;
use std::time::Duration;

use event::{Span, SpanKind, Value};
use serde_json::json;
use testbed::{Bed, wait_for};

use super::{Member, ORDER, orders, pair};

const SECRET: &str = "hunter2";

/// A token of a role, made by the program.
fn token(bed: &Bed, tokens: &str, role: &str) -> String {
    let args = [
        "token", "create", "--tokens", tokens, "--role", role, "--name", role,
    ];
    let output = bed.program(&args).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Scenario: a member with tokens, a span with a secret; each question with no token, a wrong one, one that may only send, one that sees no
/// values, one that sees all. Guarantee: 401 and 403 in the shape of the door; the secret goes only to who may see it,
/// and to ask by it is refused with its name.
#[test]
fn who_sees_what() {
    let bed = Bed::new(Path::new(env!("CARGO_BIN_EXE_elixirscope"))).unwrap();
    let tokens = bed.path().join("tokens.toml").to_str().unwrap().to_owned();
    let of = |role: &str| token(&bed, &tokens, role);
    let (viewer, redacted, writer) = (of("viewer"), of("viewer-redacted"), of("writer"));
    let member = Member::in_bed(bed, &["--tokens", &tokens]);
    let span = Span {
        kind: SpanKind::Server,
        attributes: vec![pair("user.id", SECRET), pair("tries", Value::Int(2))],
        ..orders(member.began_ns).remove(0)
    };
    wait_for("the spans", Duration::from_secs(10), || {
        Ok((member.send(&writer, std::slice::from_ref(&span)).0 == 200).then_some(()))
    })
    .unwrap();

    let unknown = format!("escope_{}", "0".repeat(64));
    let trace = format!("/v3/traces/{ORDER}");
    let times = "query.startTimeMin=1970-01-02T00:00:00Z&query.startTimeMax=2200-01-01T00:00:00Z";
    let search = format!("/v3/traces?{times}");
    for path in ["/v3/services", &trace, &search, "/v3/nothing"] {
        for (given, status) in [("", 401), (unknown.as_str(), 401), (writer.as_str(), 403)] {
            let (got, body) = member.get(path, given);
            assert_eq!(
                (got, &body["error"]["httpCode"]),
                (status, &json!(status)),
                "{path}"
            );
            assert!(body["error"]["message"].is_string(), "{body}");
        }
    }
    for path in [&trace, &search] {
        let (status, body) = member.get(path, &viewer);
        assert!(
            status == 200 && body.to_string().contains(SECRET),
            "{path}: {body}"
        );
        let (status, body) = member.get(path, &redacted);
        let text = body.to_string();
        assert!(
            status == 200 && text.contains("POST /orders") && !text.contains(SECRET),
            "{path}: {text}"
        );
    }
    let by_value = format!("{search}&query.attributes=%7B%22user.id%22%3A%22{SECRET}%22%7D");
    assert_eq!(member.get(&by_value, &viewer).0, 200);
    let (status, body) = member.get(&by_value, &redacted);
    let said = body["error"]["message"].as_str().unwrap();
    assert!(
        status == 403 && said.contains("user.id") && !said.contains(SECRET),
        "{body}"
    );
}
