//! The API v3 over HTTP.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{FAILED, Member, ORDER, SECOND};

/// What OTLP's JSON mapping allows in an answer, and nothing else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapper {
    result: TracesData,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TracesData {
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ResourceSpans {
    resource: Attributed,
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributed {
    #[serde(default)]
    attributes: Vec<Pair>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Pair {
    key: String,
    value: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeSpans {
    scope: Value,
    spans: Vec<StrictSpan>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct StrictSpan {
    trace_id: String,
    span_id: String,
    #[serde(default)]
    parent_span_id: String,
    #[serde(default)]
    flags: u32,
    name: String,
    #[serde(default)]
    kind: u32,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    #[serde(default)]
    attributes: Vec<Pair>,
    #[serde(default)]
    events: Vec<Value>,
    #[serde(default)]
    status: Value,
}

/// Service and span of an answer, by time.
fn spans(body: Value) -> Vec<(String, StrictSpan)> {
    let wrapper: Wrapper = serde_json::from_value(body).unwrap();
    let mut found = Vec::new();
    for of_resource in wrapper.result.resource_spans {
        let named = &of_resource.resource.attributes[0];
        assert_eq!(named.key, "service.name");
        let service = named.value["stringValue"].as_str().unwrap().to_owned();
        for of_scope in of_resource.scope_spans {
            assert_eq!(of_scope.scope, json!({"name": "orders", "version": "1.2"}));
            found.extend(of_scope.spans.into_iter().map(|span| (service.clone(), span)));
        }
    }
    found.sort_by(|(_, a), (_, b)| a.start_time_unix_nano.cmp(&b.start_time_unix_nano));
    found
}

/// RFC 3339 of Unix nanoseconds, as a clock shows it that is some hours ahead (days from the civil calendar: H. Hinnant).
fn rfc3339(ns: u64, hours_ahead: u64, zone: &str) -> String {
    let seconds = ns / SECOND + hours_ahead * 3_600;
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let moon = (5 * of_year + 2) / 153;
    let day = of_year - (153 * moon + 2) / 5 + 1;
    let month = if moon < 10 { moon + 3 } else { moon - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second, fraction) = (of_day / 3_600, of_day / 60 % 60, of_day % 60, ns % SECOND);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:09}{zone}")
}

/// Parameters of a search within a range, nanoseconds since the first trace began.
fn within(member: &Member, from_ns: i64, to_ns: i64) -> String {
    let time = |after: i64| rfc3339(member.began_ns.strict_add_signed(after), 0, "Z");
    format!(
        "query.startTimeMin={}&query.startTimeMax={}",
        time(from_ns),
        time(to_ns)
    )
}

const AFTER: i64 = SECOND as i64;

/// Scenario: names of services and operations, by kind too. Guarantee: sorted; a kind that was not said is internal.
#[test]
fn names() {
    let member = Member::with_orders();
    assert_eq!(member.ok("/v3/services"), json!({"services": ["shop", "stock"]}));
    let operation = |name: &str, kind: &str| json!({"name": name, "spanKind": kind});
    for (asked, expected) in [
        (
            "service=shop",
            json!([
                operation("POST /orders", "server"),
                operation("reserve", "client")
            ]),
        ),
        (
            "service=shop&spanKind=client",
            json!([operation("reserve", "client")]),
        ),
        (
            "service=stock&span_kind=internal",
            json!([operation("SELECT", "internal")]),
        ),
        ("service=nobody", json!([])),
    ] {
        let body = member.ok(&format!("/v3/operations?{asked}"));
        assert_eq!(body, json!({"operations": expected}), "{asked}");
    }
}

/// Scenario: a trace by its id, in hexadecimal digits and as base64, with hints of time; one that is not there. Guarantee: OTLP's JSON and
/// nothing else, every value as it was sent; 404 in Jaeger's words.
#[test]
fn a_trace() {
    let member = Member::with_orders();
    let path = format!("/v3/traces/{ORDER}");
    let body = member.ok(&path);
    let found = spans(body.clone());
    let shape: Vec<_> = found
        .iter()
        .map(|(service, span)| (service.as_str(), span.name.as_str(), span.kind))
        .collect();
    assert_eq!(
        shape,
        [
            ("shop", "POST /orders", 2),
            ("shop", "reserve", 3),
            ("stock", "reserve", 2),
            ("stock", "SELECT", 0)
        ]
    );
    let (_, root) = &found[0];
    assert_eq!(
        (
            root.trace_id.as_str(),
            root.span_id.as_str(),
            root.parent_span_id.as_str()
        ),
        ("0a1f00000000000000000000000000b7", "0000000000000001", "")
    );
    assert_eq!(found[3].1.parent_span_id, "0000000000000003");
    assert_eq!(root.start_time_unix_nano, member.began_ns.to_string());
    assert_eq!(
        root.end_time_unix_nano,
        (member.began_ns + SECOND / 10).to_string()
    );
    assert_eq!(root.flags, 0);
    let pairs: Vec<(&str, &Value)> = root
        .attributes
        .iter()
        .map(|pair| (pair.key.as_str(), &pair.value))
        .collect();
    assert_eq!(
        pairs,
        [
            ("http.request.method", &json!({"stringValue": "POST"})),
            ("http.response.status_code", &json!({"intValue": "201"})),
            ("cart.total", &json!({"doubleValue": 12.5})),
            ("gift", &json!({"boolValue": true})),
        ]
    );
    assert_eq!(root.events[0]["name"], "paid");
    assert_eq!(
        root.events[0]["timeUnixNano"],
        (member.began_ns + SECOND / 1_000).to_string()
    );
    let time = rfc3339(member.began_ns, 0, "Z");
    for same in [
        "/v3/traces/Ch8AAAAAAAAAAAAAAAAAtw==".to_owned(),
        "/v3/traces/Ch8AAAAAAAAAAAAAAAAAtw".to_owned(),
        format!("{path}?startTime={time}&end_time={time}&rawTraces=true"),
    ] {
        assert_eq!(member.ok(&same), body, "{same}");
    }
    let none = json!({"error": {"httpCode": 404, "message": "No traces found"}});
    assert_eq!(member.get("/v3/traces/dead", ""), (404, none));
    let (_, failed) = &spans(member.ok(&format!("/v3/traces/{FAILED}")))[0];
    assert_eq!(failed.status, json!({"code": 2, "message": "no stock"}));
}

/// Scenario: searches by service, operation, attributes, duration, time, number of traces, with names old and new, an offset from UTC that was not
/// escaped, and as a posted body. Guarantee: just the traces asked for, whole; none is 404.
#[test]
fn searches() {
    let member = Member::with_orders();
    let all = within(&member, -AFTER, 30 * AFTER);
    let ids = |asked: &str| {
        let (status, body) = member.get(&format!("/v3/traces?{asked}"), "");
        if status == 404 {
            assert_eq!(body["error"]["message"], "No traces found", "{asked}");
            return [false, false];
        }
        assert_eq!(status, 200, "{asked}: {body}");
        let found = spans(body);
        let of = |id: &str| found.iter().filter(|(_, span)| span.trace_id == id).count();
        let (order, failed) = (of(&ORDER.to_string()), of(&FAILED.to_string()));
        assert!(matches!((order, failed), (0 | 4, 0 | 1)), "{asked}: {found:?}");
        [order > 0, failed > 0]
    };
    let (both, order, failed, none) = ([true; 2], [true, false], [false, true], [false; 2]);
    for (asked, expected) in [
        ("", both),
        ("query.serviceName=shop", both),
        ("query.service_name=stock", order),
        ("query.serviceName=pay", none),
        ("query.operationName=SELECT", order),
        // One span must have it all.
        ("query.serviceName=shop&query.operation_name=SELECT", none),
        ("query.attributes={\"http.response.status_code\":\"409\"}", failed),
        ("query.attributes={\"error\":\"true\"}", failed),
        (
            "query.attributes={\"gift\":\"true\",\"http.request.method\":\"POST\"}",
            order,
        ),
        ("query.attributes={\"gift\":\"false\"}", none),
        ("query.durationMin=80ms", order),
        ("query.serviceName=shop&query.durationMax=10ms", failed),
        ("query.duration_min=1s", none),
        ("query.searchDepth=1", failed),
        ("query.num_traces=1", failed),
    ] {
        let asked = asked.replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
        assert_eq!(ids(&format!("{all}&{asked}")), expected, "{asked}");
    }
    assert_eq!(ids(&within(&member, -AFTER, 5 * AFTER)), order);
    assert_eq!(ids(&within(&member, 5 * AFTER, 30 * AFTER)), failed);
    let east = |ns: u64| rfc3339(ns, 2, "+02:00");
    let asked = format!(
        "query.start_time_min={}&query.startTimeMax={}",
        east(member.began_ns - SECOND),
        east(member.began_ns + 5 * SECOND)
    );
    assert_eq!(ids(&asked), order);

    let time = |ns: u64| rfc3339(ns, 0, "Z");
    let body = json!({"query": {
        "serviceName": "shop",
        "startTimeMin": time(member.began_ns - SECOND),
        "startTimeMax": time(member.began_ns + 30 * SECOND),
        "attributes": {"http.response.status_code": "201"},
        "durationMin": "50ms",
        "searchDepth": 5,
    }});
    let (status, found) = member.post("/v3/traces", &body);
    assert_eq!((status, spans(found).len()), (200, 4));
}

/// Scenario: summaries and calls between services. Guarantee: counts as they are, 64-bit numbers as text; none is an empty list; a call counts in
/// the range in which it was answered.
#[test]
fn summaries_and_calls() {
    let member = Member::with_orders();
    let all = within(&member, -AFTER, 30 * AFTER);
    let body = member.ok(&format!("/v3/trace-summaries?{all}&query.serviceName=stock"));
    let service = |name: &str| json!({"name": name, "spanCount": 2, "errorSpanCount": 0});
    let summary = json!({
        "traceId": ORDER.to_string(),
        "rootServiceName": "shop",
        "rootOperationName": "POST /orders",
        "minStartTimeUnixNano": member.began_ns.to_string(),
        "maxEndTimeUnixNano": (member.began_ns + SECOND / 10).to_string(),
        "spanCount": 4,
        "errorSpanCount": 0,
        "orphanSpanCount": 0,
        "services": [service("shop"), service("stock")],
    });
    assert_eq!(body, json!({"summaries": [summary]}));
    let body = member.ok(&format!("/v3/trace-summaries?{all}&query.serviceName=pay"));
    assert_eq!(body, json!({"summaries": []}));

    let calls = |from_ns: u64, to_ns: u64| {
        let (from, to) = (rfc3339(from_ns, 0, "Z"), rfc3339(to_ns, 0, "Z"));
        member.ok(&format!("/v3/dependencies?startTime={from}&end_time={to}"))
    };
    let edge = json!({"parent": "shop", "child": "stock", "callCount": "1"});
    let (began, after) = (member.began_ns, member.began_ns + SECOND);
    assert_eq!(calls(began, after), json!({"dependencies": [edge]}));
    // The span of stock began 15 ms after the trace.
    assert_eq!(calls(began, began + SECOND / 100), json!({"dependencies": []}));
}

/// Scenario: questions that are wrong, each in one way. Guarantee: 400 in Jaeger's envelope with the parameter's name and what was expected.
#[test]
fn refusals() {
    let member = Member::with_orders();
    let all = within(&member, -AFTER, 30 * AFTER);
    for (path, says) in [
        ("/v3/operations".to_owned(), "service: it is required"),
        ("/v3/traces/xyz".to_owned(), "trace_id: 'xyz': expected up to 32"),
        ("/v3/traces/0".to_owned(), "trace_id"),
        ("/v3/traces/ab?startTime=noon".to_owned(), "startTime: expected"),
        (
            "/v3/traces/ab?raw_traces=perhaps".to_owned(),
            "rawTraces: expected true or false",
        ),
        ("/v3/traces".to_owned(), "query.startTimeMin: it is required"),
        (
            "/v3/traces?query.startTimeMin=2026-01-01T00:00:00Z".to_owned(),
            "query.startTimeMax: it is required",
        ),
        (
            "/v3/traces?query.startTimeMin=2026-01-02T00:00:00Z&query.startTimeMax=2026-01-01T00:00:00Z"
                .to_owned(),
            "query.startTimeMax: it is not after query.startTimeMin",
        ),
        (
            format!("/v3/traces?{all}&query.searchDepth=many"),
            "query.searchDepth: expected a whole number, found 'many'",
        ),
        (
            format!("/v3/traces?{all}&query.searchDepth=1501"),
            "query.searchDepth: expected 1 to 1500, found 1501",
        ),
        (
            format!("/v3/traces?{all}&query.durationMin=long"),
            "query.durationMin: expected a duration",
        ),
        (
            format!("/v3/traces?{all}&query.attributes=a"),
            "expected a JSON object",
        ),
        (format!("/v3/traces?{all}&query.rawTraces=2"), "query.rawTraces"),
        (
            format!("/v3/traces?{all}&query.filter=%7B%7D"),
            "query.filter: structured expressions are not supported",
        ),
        (
            "/v3/trace-summaries?query.startTimeMin=x&query.startTimeMax=y".to_owned(),
            "query.startTimeMin: expected",
        ),
        ("/v3/dependencies".to_owned(), "startTime: it is required"),
    ] {
        let (status, body) = member.get(&path, "");
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && message.contains(says), "{path}: {status} {body}");
        assert_eq!(body["error"]["httpCode"], 400, "{path}");
        assert_eq!(body.as_object().unwrap().len(), 1, "{path}");
    }
    for (body, says) in [
        (json!([]), "it has no object 'query'"),
        (
            json!({"query": {"startTimeMin": 7}}),
            "query.startTimeMax: it is required",
        ),
    ] {
        let (status, answer) = member.post("/v3/traces", &body);
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(status == 400 && message.contains(says), "{body}: {answer}");
    }
}
