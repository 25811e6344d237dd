//! OTLP/JSON as OpenTelemetry's clients write it, and as they should not.

use crate::otlp::schema::{logs, traces};
use crate::otlp::{decode_logs, decode_traces, json_to_protobuf, traces_json};
use event::{Span, SpanId, TraceId, Value};
use proptest::prelude::*;

const EXAMPLE: &str = r#"
{ "resourceSpans": [ {
    "resource": { "attributes": [ { "key": "service.name", "value": { "stringValue": "sh\u00f6p" } } ], "entityRefs": [[{}]] },
    "scopeSpans": [ {
      "scope": { "name": "plug", "version": "1.0", "attributes": [] },
      "spans": [ {
        "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "parentSpanId": "",
        "name": "GET \/orders\ud83d\ude00", "kind": 2, "flags": 257, "trace_state": "not a key of JSON",
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000,
        "droppedAttributesCount": "3",
        "attributes": [
          { "key": "i", "value": { "intValue": "-9223372036854775808" } },
          { "key": "j", "value": { "intValue": 1e3 } },
          { "key": "d", "value": { "doubleValue": -1.5e-7 } },
          { "key": "n", "value": { "doubleValue": "-Infinity" } },
          { "key": "b", "value": { "boolValue": false } },
          { "key": "x", "value": { "bytesValue": "_-8" } },
          { "key": "a", "value": { "arrayValue": { "values": [ {}, { "stringValue": "" } ] } } },
          { "key": "m", "value": { "kvlistValue": { "values": [ { "key": "q", "value": null } ] } } }
        ],
        "events": [ { "timeUnixNano": "7", "name": "e" } ],
        "links": [ { "traceId": "00000000000000000000000000000001", "spanId": "0000000000000002" } ],
        "status": { "code": 2, "message": "no" },
        "unknown": { "deep": [ [ { "x": [ null, true, -0.5E+3, "\\" ] } ] ], "": {} }
      } ]
    } ]
  } ] }
"#;

fn read(json: &str) -> Vec<Span> {
    decode_traces(&json_to_protobuf(&traces::MESSAGE, json.as_bytes()).unwrap())
        .unwrap()
        .records
}

/// Scenario: a request with every type, numbers as strings and bare, unknown keys. Guarantee: each value is what it says.
#[test]
fn example() {
    let spans = read(EXAMPLE);
    let span = &spans[0];
    assert_eq!(span.trace, TraceId(0x5b8e_fff7_9803_8103_d269_b633_813f_c60c));
    assert_eq!((span.id, span.parent), (SpanId(0xeee1_9b7e_c3c1_b174), SpanId(0)));
    assert_eq!((span.name.as_str(), span.flags), ("GET /orders\u{1f600}", 257));
    assert_eq!(
        (span.start_ns, span.end_ns),
        (1_544_712_660_000_000_000, 1_544_712_661_000_000_000)
    );
    assert_eq!((span.dropped_attributes, span.trace_state.as_str()), (3, ""));
    assert_eq!(span.resource.service(), "sh\u{f6}p");
    let values: Vec<&Value> = span.attributes.iter().map(|attribute| &attribute.value).collect();
    assert_eq!(values[..2], [&Value::Int(i64::MIN), &Value::Int(1000)]);
    assert_eq!(
        values[2..4],
        [&Value::Double(-1.5e-7), &Value::Double(f64::NEG_INFINITY)]
    );
    assert_eq!(
        values[4..6],
        [&Value::Bool(false), &Value::Bytes(vec![0xff, 0xef])]
    );
    assert_eq!(
        values[6],
        &Value::Array(vec![Value::Empty, Value::String(String::new())])
    );
    assert!(matches!(values[7], Value::Map(pairs) if pairs[0].key == "q" && pairs[0].value == Value::Empty));
    assert_eq!((span.events[0].time_ns, span.links[0].id), (7, SpanId(2)));
    assert_eq!(
        (span.status, span.status_message.as_str()),
        (event::StatusCode::Error, "no")
    );
    assert_eq!(read(&traces_json(&spans)), spans);
}

/// Guarantee: what we write is what OTLP/JSON asks for: hexadecimal ids, strings for 64-bit numbers, numbers for enums.
#[test]
fn written() {
    let json = traces_json(&read(EXAMPLE));
    for part in [
        r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","flags":257,"name":"GET"#,
        r#""kind":2,"startTimeUnixNano":"1544712660000000000""#,
        r#"{"key":"i","value":{"intValue":"-9223372036854775808"}}"#,
        r#"{"key":"d","value":{"doubleValue":-1.5e-7}}"#,
        r#"{"key":"n","value":{"doubleValue":"-Infinity"}}"#,
        r#"{"key":"b","value":{"boolValue":false}}"#,
        r#"{"key":"x","value":{"bytesValue":"/+8="}}"#,
        r#"{"key":"a","value":{"arrayValue":{"values":[{},{"stringValue":""}]}}}"#,
        r#""status":{"message":"no","code":2}"#,
    ] {
        assert!(json.contains(part), "{part} in {json}");
    }
    assert_eq!(traces_json(&[]), "{}");
}

/// Scenario: text that is not OTLP/JSON. Guarantee: refused, with the place and what was expected.
#[test]
fn refused() {
    let wrong = [
        ("", "JSON at byte 0: expected an object"),
        ("[]", "JSON at byte 0: expected an object"),
        ("{} x", "JSON at byte 3: text after the end of the document"),
        (
            "{\"resourceSpans\":[{},]}",
            "JSON at byte 21, in resourceSpans of TracesData: expected an object",
        ),
        (
            "{\"resourceSpans\":{}}",
            "JSON at byte 17, in resourceSpans of TracesData: expected an array",
        ),
        (
            "{\"a\":1",
            "JSON at byte 6: expected a comma or the end of the object or array",
        ),
        ("{\"a\" 1}", "JSON at byte 5: expected a colon"),
        ("{\"a\":01}", "JSON at byte 7: expected a number"),
        ("{\"a\":1.}", "JSON at byte 7: expected digits after the point"),
        ("{\"a\":tru}", "JSON at byte 5: expected a value"),
        ("{\"a\":\"\\x\"}", "JSON at byte 7: unknown escape in a string"),
        (
            "{\"a\":\"\\u12\"}",
            "JSON at byte 10: expected four hexadecimal digits",
        ),
        ("{\"a\":\"\n\"}", "JSON at byte 6: control character in a string"),
        ("{\"a\":\"", "JSON at byte 6: the text ends in a string"),
        ("{\"a\":[}]}", "JSON at byte 6: expected a value"),
        (
            "{\"a\":{\"b\":1]}",
            "JSON at byte 11: expected a comma or the end of the object or array",
        ),
    ];
    for (json, message) in wrong {
        let error = json_to_protobuf(&traces::MESSAGE, json.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{json}");
    }
    let fields = [
        (
            r#""traceId":"xyz""#,
            "in traceId of Span: expected pairs of hexadecimal digits",
        ),
        (
            r#""spanId":"abc""#,
            "in spanId of Span: expected pairs of hexadecimal digits",
        ),
        (
            r#""kind":"SPAN_KIND_SERVER""#,
            "in kind of Span: expected a number",
        ),
        (r#""kind":1.5"#, "in kind of Span: expected an integer"),
        (r#""name":5"#, "in name of Span: expected a string"),
        (r#""flags":-1"#, "in flags of Span: integer out of range"),
        (
            r#""startTimeUnixNano":"18446744073709551616""#,
            "in startTimeUnixNano of Span: integer out of range",
        ),
        (
            r#""startTimeUnixNano":"soon""#,
            "in startTimeUnixNano of Span: expected an integer",
        ),
        (
            r#""attributes":[{"value":{"boolValue":1}}]"#,
            "in boolValue of AnyValue: expected true or false",
        ),
        (
            r#""attributes":[{"value":{"bytesValue":"a"}}]"#,
            "in bytesValue of AnyValue: expected base64",
        ),
        (
            r#""attributes":[{"value":{"doubleValue":"nan"}}]"#,
            "in doubleValue of AnyValue: expected a number",
        ),
        (
            r#""attributes":[null]"#,
            "in attributes of Span: expected an object",
        ),
    ];
    for (field, message) in fields {
        let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{field}}}]}}]}}]}}"#);
        let error = json_to_protobuf(&traces::MESSAGE, json.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.ends_with(message), "{field}: {error}");
    }
}

/// Scenario: JSON that is nested deeper than any stack is. Guarantee: unknown fields are skipped, a value that is too deep
/// rejects its span alone.
#[test]
fn deep() {
    let many = 200_000;
    let unknown = format!("{{\"unknown\":{}{}}}", "[".repeat(many), "]".repeat(many));
    assert_eq!(read(&unknown), []);
    let open = "{\"arrayValue\":{\"values\":[".repeat(many);
    let close = "]}}".repeat(many);
    let span = format!(
        r#"{{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","attributes":[{{"value":{open}{close}}}]}}"#
    );
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span}]}}]}}]}}"#);
    let decoded = decode_traces(&json_to_protobuf(&traces::MESSAGE, json.as_bytes()).unwrap()).unwrap();
    assert_eq!((decoded.records.len(), decoded.notes.rejected_total()), (0, 1));
}

/// Scenario: a string with bytes that are not UTF-8, and half a surrogate pair. Guarantee: repaired; the first is counted.
#[test]
fn not_text() {
    let json = b"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityText\":\"\\ud800x\",\
                 \"body\":{\"stringValue\":\"a\xffb\"}}]}]}]}";
    let decoded = decode_logs(&json_to_protobuf(&logs::MESSAGE, json).unwrap()).unwrap();
    assert_eq!(decoded.records[0].severity_text, "\u{fffd}x");
    assert_eq!(decoded.records[0].body, Value::String("a\u{fffd}b".into()));
    assert_eq!(decoded.notes.repaired_strings, 1);
}

proptest! {
    /// Guarantee: any text gives protobuf or an error; so does an example with a byte changed, and that protobuf is read.
    #[test]
    fn total(text in any::<Vec<u8>>(), at in 0..EXAMPLE.len(), byte in any::<u8>()) {
        let _ = json_to_protobuf(&traces::MESSAGE, &text);
        let mut changed = EXAMPLE.as_bytes().to_vec();
        changed[at] = byte;
        if let Ok(bytes) = json_to_protobuf(&traces::MESSAGE, &changed) {
            prop_assert!(decode_traces(&bytes).is_ok());
        }
    }
}
