//! The legacy API: what Grafana's data source sends.

use serde_json::json;

use super::{FAILED, Member, ORDER, SECOND};

/// Scenario: dependencies over ranges that hold the one call between services, end before it, and begin after it; of one service; a wrong number.
/// Guarantee: what is counted is of the asked range, in Jaeger's envelope.
#[test]
fn dependencies_of_a_range() {
    let member = Member::with_orders();
    let began_ms = member.began_ns / 1_000_000;
    let calls = |end_ms: u64, back_ms: u64, more: &str| {
        member.ok(&format!("/dependencies?endTs={end_ms}&lookback={back_ms}{more}"))
    };
    let edge = json!({"parent": "shop", "child": "stock", "callCount": 1});
    let one = json!({"data": [edge], "total": 1, "limit": 0, "offset": 0, "errors": null});
    let none = json!({"data": [], "total": 0, "limit": 0, "offset": 0, "errors": null});
    assert_eq!(calls(began_ms + 30_000, 60_000, ""), one);
    assert_eq!(calls(began_ms + 5, 60_000, ""), none);
    assert_eq!(calls(began_ms + 30_000, 29_000, ""), none);
    assert_eq!(calls(began_ms + 30_000, 60_000, "&service=stock"), one);
    assert_eq!(calls(began_ms + 30_000, 60_000, "&service=pay"), none);
    assert_eq!(member.ok("/dependencies"), one, "until now, a day back");
    let (status, body) = member.get("/dependencies?endTs=now", "");
    let said = body["errors"][0]["msg"].as_str().unwrap();
    assert!(status == 400 && said.contains("endTs: 'now'"), "{body}");
}

/// Scenario: what Grafana's data source asks for, as it writes it. Guarantee: names, operations by kind, a search, a trace in both forms of its id.
#[test]
fn what_grafana_asks() {
    let member = Member::with_orders();
    assert_eq!(member.ok("/services")["data"], json!(["shop", "stock"]));
    assert_eq!(
        member.ok("/services/shop/operations")["data"],
        json!(["POST /orders", "reserve"])
    );
    let client = json!([{"name": "reserve", "spanKind": "client"}]);
    assert_eq!(
        member.ok("/operations?service=shop&spanKind=client")["data"],
        client
    );
    let (from_us, to_us) = (
        (member.began_ns - SECOND) / 1_000,
        (member.began_ns + 30 * SECOND) / 1_000,
    );
    let found = member.ok(&format!(
        "/traces?service=shop&tags=%7B%22error%22%3A%22true%22%7D&limit=20&start={from_us}&end={to_us}"
    ));
    assert_eq!(
        (&found["total"], &found["data"][0]["traceID"]),
        (&json!(1), &json!(FAILED.to_string()))
    );
    let trace = member.ok(&format!("/traces/{ORDER}"));
    assert_eq!(trace["data"][0]["spans"].as_array().unwrap().len(), 4);
    assert_eq!(member.ok("/traces/Ch8AAAAAAAAAAAAAAAAAtw=="), trace);
}
