//! Attributes as JSON, in OTLP's own form (`opentelemetry.proto.common.v1.KeyValue` in protobuf's JSON mapping):
//! `[{"key":"a","value":{"intValue":"1"}}]`. It keeps what a map of texts does not: types, and keys that come twice.

use std::fmt::Write as _;

use event::{KeyValue, Value};

/// Deepest lists and maps that are written; what is taken in is no deeper than 32.
const DEPTH_MAX: u32 = 40;

/// Attributes as a list.
pub(crate) fn attributes(out: &mut String, pairs: &[KeyValue]) {
    list(out, pairs, |out, pair| pair_of(out, pair, 0));
}

fn list<T>(out: &mut String, items: &[T], mut one: impl FnMut(&mut String, &T)) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        one(out, item);
    }
    out.push(']');
}

fn pair_of(out: &mut String, pair: &KeyValue, depth: u32) {
    out.push_str("{\"key\":");
    string(out, &pair.key);
    out.push_str(",\"value\":");
    typed(out, &pair.value, depth);
    out.push('}');
}

/// A value with its type: `{"stringValue":"x"}`.
pub(crate) fn typed(out: &mut String, value: &Value, depth: u32) {
    match value {
        Value::Empty => out.push_str("{}"),
        Value::String(text) => {
            out.push_str("{\"stringValue\":");
            string(out, text);
            out.push('}');
        }
        Value::Bool(truth) => drop(write!(out, "{{\"boolValue\":{truth}}}")),
        Value::Int(number) => drop(write!(out, "{{\"intValue\":\"{number}\"}}")),
        Value::Double(number) => {
            out.push_str("{\"doubleValue\":");
            double(out, *number);
            out.push('}');
        }
        Value::Bytes(bytes) => {
            out.push_str("{\"bytesValue\":\"");
            base64(out, bytes);
            out.push_str("\"}");
        }
        Value::Array(_) | Value::Map(_) if depth >= DEPTH_MAX => out.push_str("{}"),
        Value::Array(values) => {
            out.push_str("{\"arrayValue\":{\"values\":");
            list(out, values, |out, value| typed(out, value, depth + 1));
            out.push_str("}}");
        }
        Value::Map(pairs) => {
            out.push_str("{\"kvlistValue\":{\"values\":");
            list(out, pairs, |out, pair| pair_of(out, pair, depth + 1));
            out.push_str("}}");
        }
    }
}

/// A value as people write it: texts as they are, bytes in base64, lists and maps as plain JSON.
pub(crate) fn plain(out: &mut String, value: &Value) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Bytes(bytes) => base64(out, bytes),
        Value::Empty => {}
        Value::Double(number) if number.is_nan() => out.push_str("NaN"),
        Value::Double(number) if number.is_infinite() => {
            out.push_str(if *number > 0.0 { "Infinity" } else { "-Infinity" });
        }
        other => nested(out, other, 0),
    }
}

fn nested(out: &mut String, value: &Value, depth: u32) {
    match value {
        Value::Empty => out.push_str("null"),
        Value::String(text) => string(out, text),
        Value::Bool(truth) => drop(write!(out, "{truth}")),
        Value::Int(number) => drop(write!(out, "{number}")),
        Value::Double(number) => double(out, *number),
        Value::Bytes(bytes) => {
            out.push('"');
            base64(out, bytes);
            out.push('"');
        }
        Value::Array(_) | Value::Map(_) if depth >= DEPTH_MAX => out.push_str("null"),
        Value::Array(values) => list(out, values, |out, value| nested(out, value, depth + 1)),
        Value::Map(pairs) => {
            out.push('{');
            for (at, pair) in pairs.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                string(out, &pair.key);
                out.push(':');
                nested(out, &pair.value, depth + 1);
            }
            out.push('}');
        }
    }
}

/// Doubles that JSON has no number for are texts, as protobuf's mapping says.
fn double(out: &mut String, number: f64) {
    if number.is_finite() {
        let _ = write!(out, "{number:?}");
    } else if number.is_nan() {
        out.push_str("\"NaN\"");
    } else {
        out.push_str(if number > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        });
    }
}

fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => drop(write!(out, "\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// RFC 4648, section 4.
fn base64(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let mut three = [0u8; 3];
        for (to, from) in three.iter_mut().zip(group) {
            *to = *from;
        }
        let number = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for at in 0..4 {
            let digit = DIGITS.get((number >> (18 - 6 * at)) as usize & 63).copied();
            let shown = (at as usize <= group.len()).then_some(digit).flatten();
            out.push(char::from(shown.unwrap_or(b'=')));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &Value) -> (String, String) {
        let (mut with, mut without) = (String::new(), String::new());
        typed(&mut with, value, 0);
        plain(&mut without, value);
        (with, without)
    }

    /// Scenario: each type of value, and what needs escaping. Guarantee: OTLP's form keeps the type, the plain form is what
    /// people write; base64 is that of RFC 4648, section 10.
    #[test]
    fn each_type_has_its_form() {
        let cases: [(Value, &str, &str); 10] = [
            (Value::Empty, "{}", ""),
            (
                "a\"\\\n\u{1}b".into(),
                r#"{"stringValue":"a\"\\\n\u0001b"}"#,
                "a\"\\\n\u{1}b",
            ),
            (
                i64::MIN.into(),
                r#"{"intValue":"-9223372036854775808"}"#,
                "-9223372036854775808",
            ),
            (1.0.into(), r#"{"doubleValue":1.0}"#, "1.0"),
            (f64::NAN.into(), r#"{"doubleValue":"NaN"}"#, "NaN"),
            (
                f64::NEG_INFINITY.into(),
                r#"{"doubleValue":"-Infinity"}"#,
                "-Infinity",
            ),
            (true.into(), r#"{"boolValue":true}"#, "true"),
            (
                Value::Bytes(b"fooba".to_vec()),
                r#"{"bytesValue":"Zm9vYmE="}"#,
                "Zm9vYmE=",
            ),
            (
                Value::Array(vec![1i64.into(), "x".into(), Value::Empty]),
                r#"{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"x"},{}]}}"#,
                r#"[1,"x",null]"#,
            ),
            (
                Value::Map(vec![KeyValue {
                    key: "k".to_owned(),
                    value: Value::Bytes(b"f".to_vec()),
                }]),
                r#"{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"Zg=="}}]}}"#,
                r#"{"k":"Zg=="}"#,
            ),
        ];
        for (value, with, without) in cases {
            assert_eq!(json(&value), (with.to_owned(), without.to_owned()));
        }
    }

    /// Scenario: lists a thousand deep. Guarantee: they are cut, not followed to the end of the stack.
    #[test]
    fn depth_is_bound() {
        let mut value = Value::Empty;
        for _ in 0..1_000 {
            value = Value::Array(vec![value]);
        }
        let (with, _) = json(&value);
        assert_eq!(with.matches("arrayValue").count(), DEPTH_MAX as usize);
    }
}
