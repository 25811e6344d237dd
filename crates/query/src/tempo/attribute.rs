//! Attributes in JSON as protobuf's mapping has them (`opentelemetry.proto.common.v1.AnyValue`): `{"stringValue":"x"}`; 64-bit whole
//! numbers are strings, infinite and NaN doubles too.

use event::{KeyValue, Value};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// Deepest lists and maps that are shown.
const DEPTH_MAX: u32 = 16;

struct Any<'a>(&'a Value, u32);
struct List<'a>(&'a [Value], u32);
struct Pairs<'a>(&'a [KeyValue], u32);
struct Pair<'a>(&'a str, &'a Value, u32);
struct Values<T>(T);

impl Serialize for Any<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let inside = self.1 + 1;
        match self.0 {
            Value::Empty => {}
            Value::String(text) => map.serialize_entry("stringValue", text)?,
            Value::Bool(truth) => map.serialize_entry("boolValue", truth)?,
            Value::Int(number) => map.serialize_entry("intValue", &number.to_string())?,
            Value::Double(number) => map.serialize_entry("doubleValue", &Double(*number))?,
            Value::Bytes(bytes) => map.serialize_entry("bytesValue", &base64(bytes))?,
            Value::Array(_) | Value::Map(_) if self.1 >= DEPTH_MAX => {}
            Value::Array(values) => map.serialize_entry("arrayValue", &Values(List(values, inside)))?,
            Value::Map(pairs) => map.serialize_entry("kvlistValue", &Values(Pairs(pairs, inside)))?,
        }
        map.end()
    }
}

impl<T: Serialize> Serialize for Values<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("values", &self.0)?;
        map.end()
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|value| Any(value, self.1)))
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|pair| Pair(&pair.key, &pair.value, self.1)))
    }
}

impl Serialize for Pair<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("key", self.0)?;
        map.serialize_entry("value", &Any(self.1, self.2))?;
        map.end()
    }
}

/// A double; what JSON has no number for as protobuf's mapping writes it.
pub(crate) struct Double(pub(crate) f64);

impl Serialize for Double {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_nan() {
            serializer.serialize_str("NaN")
        } else if self.0.is_infinite() {
            serializer.serialize_str(if self.0 > 0.0 { "Infinity" } else { "-Infinity" })
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// For `#[serde(serialize_with)]`: attributes of a span.
pub(crate) fn key_values<S: Serializer>(of: &[KeyValue], serializer: S) -> Result<S::Ok, S::Error> {
    Pairs(of, 0).serialize(serializer)
}

/// For `#[serde(serialize_with)]`: labels of a series.
pub(crate) fn labels<S: Serializer>(of: &[(String, Value)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut seq = serializer.serialize_seq(Some(of.len()))?;
    for (name, value) in of {
        seq.serialize_element(&Pair(name, value, 0))?;
    }
    seq.end()
}

/// For `#[serde(serialize_with)]`: a double.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(crate) fn double<S: Serializer>(of: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Double(*of).serialize(serializer)
}

/// For `#[serde(serialize_with)]`: a 64-bit whole number, as text.
pub(crate) fn long<T: ToString, S: Serializer>(of: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&of.to_string())
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            let shown = DIGITS.get(digit).copied().unwrap_or(b'=');
            text.push(char::from(if place > chunk.len() { b'=' } else { shown }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a value of each type. Guarantee: JSON as protobuf maps it.
    #[test]
    fn values() {
        let text = |value: Value| serde_json::to_string(&Any(&value, 0)).unwrap();
        assert_eq!(text(Value::Empty), "{}");
        assert_eq!(text("a\"b".into()), r#"{"stringValue":"a\"b"}"#);
        assert_eq!(text(i64::MIN.into()), r#"{"intValue":"-9223372036854775808"}"#);
        assert_eq!(text(true.into()), r#"{"boolValue":true}"#);
        assert_eq!(text(1.5.into()), r#"{"doubleValue":1.5}"#);
        assert_eq!(text(f64::NAN.into()), r#"{"doubleValue":"NaN"}"#);
        assert_eq!(text(f64::NEG_INFINITY.into()), r#"{"doubleValue":"-Infinity"}"#);
        let list = Value::Array(vec![1.into(), Value::Empty]);
        assert_eq!(text(list), r#"{"arrayValue":{"values":[{"intValue":"1"},{}]}}"#);
        let map = Value::Map(vec![KeyValue {
            key: "k".to_owned(),
            value: "v".into(),
        }]);
        assert_eq!(
            text(map),
            r#"{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}"#
        );
    }

    /// Scenario: the test vectors of RFC 4648. Guarantee: as there.
    #[test]
    fn base64_vectors() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
