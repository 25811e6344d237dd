//! OTLP/JSON.

use super::house::{Expect, House};
use super::http_client::{Case, run_all};
use Expect::{Accepted, Partly, Refused};

/// A request of one span with these fields.
fn span(fields: &str) -> Vec<u8> {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#).into_bytes()
}

const IDS: &str = r#""traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174""#;

/// A request of one span with good ids and these fields.
fn with(fields: &str) -> Vec<u8> {
    span(&format!("{IDS},{fields}"))
}

/// Guarantee: what OTLP/JSON allows is accepted, what its numbers, ids and enums must not be is 400 with the field's name, a
/// span that breaks a rule is rejected alone; answers are JSON.
#[tokio::test(flavor = "multi_thread")]
async fn cases() {
    let house = House::start().await;
    let log = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"},"severityNumber":9}]}]}]}"#;
    let half_log = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"spanId":"01"}]}]}]}"#;
    let deep = format!(r#""x":{}1{}"#, "[".repeat(100_000), "]".repeat(100_000));
    let value = |value: &str| with(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#));
    let deep_value =
        |n: usize| value(&[&r#"{"arrayValue":{"values":["#.repeat(n), "{}", &"]}}".repeat(n)].concat());
    let latin = [&with(r#""name":"caf"#)[..], b"\xe9", br#""}]}]}]}"#].concat();
    let latin = latin.replace_once(b"}]}]}]}");
    let cases = [
        Case::json("an empty object", "{}", Accepted(0)),
        Case::json("white space", " \r\n\t{ } \n", Accepted(0)),
        Case::json("one span", span(IDS), Accepted(1)),
        Case::json(
            "ids in small letters",
            span(
                &IDS.to_lowercase()
                    .replace("traceid", "traceId")
                    .replace("spanid", "spanId"),
            ),
            Accepted(1),
        ),
        Case::json(
            "times as strings and numbers",
            with(r#""startTimeUnixNano":"18446744073709551615","endTimeUnixNano":7"#),
            Accepted(1),
        ),
        Case::json(
            "unknown fields",
            with(r#""tomorrow":{"a":[null,{"b":"\\\""}]}"#),
            Accepted(1),
        ),
        Case::json("unknown fields, deep", with(&deep), Accepted(1)),
        Case::json(
            "fields that are null",
            with(r#""name":null,"status":null,"attributes":null"#),
            Accepted(1),
        ),
        Case::json(
            "names of protobuf are unknown",
            r#"{"resource_spans":[{"scope_spans":5}]}"#,
            Accepted(0),
        ),
        Case::json("not a number", value(r#"{"doubleValue":"NaN"}"#), Accepted(1)),
        Case::json(
            "a number as text",
            value(r#"{"intValue":"-9223372036854775808"}"#),
            Accepted(1),
        ),
        Case::json("bytes", value(r#"{"bytesValue":"AP8="}"#), Accepted(1)),
        Case::json("half a surrogate pair", with(r#""name":"\ud83d!""#), Accepted(1)),
        Case::json("a key twice", with(r#""kind":1,"kind":2"#), Accepted(1)),
        Case::json("values as deep as allowed", deep_value(31), Accepted(1)),
        Case::json("a log record", log.to_vec(), Accepted(1)).path("/v1/logs"),
        Case::json("traces at the door of logs", span(IDS), Accepted(0)).path("/v1/logs"),
        Case::json("values too deep", deep_value(32), Partly(0, 1, "nested too deep")),
        Case::json(
            "values far too deep",
            deep_value(50_000),
            Partly(0, 1, "nested too deep"),
        ),
        Case::json(
            "an id of 15 bytes",
            span(r#""traceId":"0102030405060708090a0b0c0d0e0f","spanId":"EEE19B7EC3C1B174""#),
            Partly(0, 1, "trace id"),
        ),
        Case::json(
            "ids of zeros",
            span(r#""traceId":"00000000000000000000000000000000""#),
            Partly(0, 1, "trace id"),
        ),
        Case::json(
            "half an id in a log record",
            half_log.to_vec(),
            Partly(0, 1, "log records rejected"),
        )
        .path("/v1/logs"),
        Case::json("text in Latin-1", latin, Partly(1, 0, "not UTF-8")),
        Case::json("an unknown kind", with(r#""kind":77"#), Partly(1, 0, "not known")),
        Case::json("nothing", "", Refused(400, "at byte 0: expected an object")),
        Case::json("an array", "[]", Refused(400, "expected an object")),
        Case::json(
            "a byte order mark",
            "\u{feff}{}",
            Refused(400, "expected an object"),
        ),
        Case::json(
            "half an object",
            r#"{"resourceSpans":[{"scopeSp"#,
            Refused(400, "ends in a string"),
        ),
        Case::json("two objects", "{}{}", Refused(400, "after the end")),
        Case::json(
            "a comma too many",
            r#"{"resourceSpans":[],}"#,
            Refused(400, "expected a string"),
        ),
        Case::json(
            "a bare NaN",
            value(r#"{"doubleValue":NaN}"#),
            Refused(400, "doubleValue of AnyValue"),
        ),
        Case::json(
            "an id in base64",
            span(r#""traceId":"W47/95gDgQPSabYzgTxgDA==""#),
            Refused(400, "traceId of Span"),
        ),
        Case::json(
            "an id of half bytes",
            span(r#""spanId":"123""#),
            Refused(400, "spanId of Span"),
        ),
        Case::json(
            "an enum by its name",
            with(r#""kind":"SPAN_KIND_SERVER""#),
            Refused(400, "kind of Span"),
        ),
        Case::json(
            "an integer that is too large",
            value(r#"{"intValue":9223372036854775808}"#),
            Refused(400, "out of range"),
        ),
        Case::json(
            "an integer that is none",
            value(r#"{"intValue":1.5}"#),
            Refused(400, "intValue of AnyValue"),
        ),
        Case::json(
            "a time before 1970",
            with(r#""startTimeUnixNano":-1"#),
            Refused(400, "out of range"),
        ),
        Case::json(
            "a name that is a number",
            with(r#""name":1"#),
            Refused(400, "name of Span: expected a string"),
        ),
        Case::json(
            "attributes as an object",
            with(r#""attributes":{}"#),
            Refused(400, "expected an array"),
        ),
        Case::json(
            "a control character",
            with("\"name\":\"\u{1}\""),
            Refused(400, "control character"),
        ),
        Case::json(
            "an unknown escape",
            with(r#""name":"\x41""#),
            Refused(400, "unknown escape"),
        ),
        Case::json(
            "protobuf",
            super::requests::good(1),
            Refused(400, "expected an object"),
        ),
    ];
    run_all(&house, &cases).await;
    house.stop().await;
}

trait ReplaceOnce {
    fn replace_once(self, part: &[u8]) -> Vec<u8>;
}

impl ReplaceOnce for Vec<u8> {
    /// Without the first occurrence of `part`.
    fn replace_once(mut self, part: &[u8]) -> Vec<u8> {
        let at = self
            .windows(part.len())
            .position(|window| window == part)
            .unwrap();
        self.drain(at..at + part.len());
        self
    }
}
