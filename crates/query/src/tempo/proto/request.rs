//! Requests of `tempopb.StreamingQuerier` as the parameters of the HTTP API, so that both doors ask alike. Fields that are not
//! read here are skipped.

use wire::otlp::proto::{LENGTH, ProtoError, Reader, VARINT, key};

/// Names and values.
pub type Pairs = Vec<(String, String)>;

/// How a field becomes a parameter.
#[derive(Clone, Copy)]
enum As {
    /// Text.
    Text(&'static str),
    /// A whole number; 0 = not there.
    Number(&'static str),
    /// Nanoseconds, as a duration.
    Nanoseconds(&'static str),
    /// Milliseconds, as a duration.
    Milliseconds(&'static str),
    /// An entry of a map of tags.
    Tag,
}

/// Key and value of an entry of a map.
const KEY: u32 = key(1, LENGTH);
const VALUE: u32 = key(2, LENGTH);

/// A table of fields: number, and what it becomes.
type Table = &'static [(u32, As)];

const SEARCH: Table = &[
    (1, As::Tag),
    (2, As::Milliseconds("minDuration")),
    (3, As::Milliseconds("maxDuration")),
    (4, As::Number("limit")),
    (5, As::Number("start")),
    (6, As::Number("end")),
    (8, As::Text("q")),
    (9, As::Number("spss")),
];
const TAGS: Table = &[
    (1, As::Text("scope")),
    (2, As::Text("q")),
    (3, As::Number("start")),
    (4, As::Number("end")),
    (5, As::Number("limit")),
];
const TAG_VALUES: Table = &[
    (1, As::Text("tag")),
    (2, As::Text("q")),
    (4, As::Number("start")),
    (5, As::Number("end")),
    (6, As::Number("limit")),
];
const RANGE: Table = &[
    (1, As::Text("q")),
    (2, As::Number("start")),
    (3, As::Number("end")),
    (4, As::Nanoseconds("step")),
    (16, As::Number("exemplars")),
];
const INSTANT: Table = &[
    (1, As::Text("q")),
    (2, As::Number("start")),
    (3, As::Number("end")),
];

/// A method of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `Search`
    Search,
    /// `SearchTagsV2`
    TagNames,
    /// `SearchTagValuesV2`
    TagValues,
    /// `MetricsQueryRange`
    Range,
    /// `MetricsQueryInstant`
    Instant,
}

impl Call {
    /// The one that a path names.
    pub fn of(method: &str) -> Option<Self> {
        Some(match method {
            "Search" => Self::Search,
            "SearchTagsV2" => Self::TagNames,
            "SearchTagValuesV2" => Self::TagValues,
            "MetricsQueryRange" => Self::Range,
            "MetricsQueryInstant" => Self::Instant,
            _ => return None,
        })
    }

    /// The parameters of a request.
    pub fn parameters(self, message: &[u8]) -> Result<Pairs, ProtoError> {
        let table = match self {
            Self::Search => SEARCH,
            Self::TagNames => TAGS,
            Self::TagValues => TAG_VALUES,
            Self::Range => RANGE,
            Self::Instant => INSTANT,
        };
        parameters(table, message)
    }
}

fn parameters(table: Table, message: &[u8]) -> Result<Pairs, ProtoError> {
    let mut reader = Reader::new(message);
    let (mut pairs, mut tags) = (Pairs::new(), String::new());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    while let Some(found) = reader.key()? {
        let field = table.iter().find(|(number, _)| *number == found >> 3);
        let mut put = |name: &str, value: String| pairs.push((name.to_owned(), value));
        match (field.map(|(_, field)| *field), found & 7) {
            (Some(As::Text(name)), LENGTH) => put(name, text(reader.bytes()?)),
            (Some(As::Tag), LENGTH) => {
                let mut entry = reader.message()?;
                let (mut name, mut value) = (String::new(), String::new());
                while let Some(part) = entry.key()? {
                    match part {
                        KEY => name = text(entry.bytes()?),
                        VALUE => value = text(entry.bytes()?),
                        other => entry.skip(other)?,
                    }
                }
                let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
                tags.push_str(&[&name, "=\"", &escaped, "\" "].concat());
            }
            (Some(As::Number(name)), VARINT) => match reader.varint()? {
                0 => {}
                number => put(name, number.to_string()),
            },
            (Some(As::Nanoseconds(name)), VARINT) => match reader.varint()? {
                0 => {}
                number => put(name, format!("{number}ns")),
            },
            (Some(As::Milliseconds(name)), VARINT) => match reader.varint()? {
                0 => {}
                number => put(name, format!("{number}ms")),
            },
            _ => reader.skip(found)?,
        }
    }
    if !tags.is_empty() {
        pairs.push(("tags".to_owned(), tags));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use wire::otlp::proto::Writer;

    use super::*;

    /// Scenario: requests as bytes, with fields that are not known. Guarantee: the parameters of the HTTP API; broken bytes are an error.
    #[test]
    fn requests() {
        let mut w = Writer::new();
        w.bytes(key(8, LENGTH), b"{}");
        w.varint(key(4, VARINT), 5);
        w.varint(key(77, VARINT), 5);
        w.varint(key(2, VARINT), 100);
        w.message(key(1, LENGTH), |w| {
            w.bytes(key(1, LENGTH), b"a");
            w.bytes(key(2, LENGTH), b"b \"c\"");
        });
        let bytes = w.into_bytes();
        let found = Call::Search.parameters(&bytes).unwrap();
        let expected = [
            ("q", "{}"),
            ("limit", "5"),
            ("minDuration", "100ms"),
            ("tags", "a=\"b \\\"c\\\"\" "),
        ];
        assert_eq!(
            found,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert!(Call::Search.parameters(&bytes[..bytes.len() - 1]).is_err());
        let mut w = Writer::new();
        w.varint(key(4, VARINT), 15_000_000_000);
        let found = Call::Range.parameters(&w.into_bytes()).unwrap();
        assert_eq!(found, [("step".to_owned(), "15000000000ns".to_owned())]);
        assert_eq!(Call::of("Search"), Some(Call::Search));
        assert_eq!(Call::of("Pusher"), None);
    }

    /// Scenario: requests as a client writes them, byte by byte: field numbers and types of `pkg/tempopb/tempo.proto` of Tempo (August 2026).
    /// Guarantee: each byte means what it means there.
    #[test]
    fn requests_by_hand() {
        let found = |call: Call, bytes: &[u8]| {
            let pairs = call.parameters(bytes).unwrap();
            let pairs = pairs.into_iter().map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        };
        // Tags {a: b}, MinDurationMs 1, MaxDurationMs 2, Limit 3, start 4, end 5, Query {}, SpansPerSpanSet 6.
        let search = b"\x0a\x06\x0a\x01a\x12\x01b\x10\x01\x18\x02\x20\x03\x28\x04\x30\x05\x42\x02{}\x48\x06";
        let expected = "minDuration=1ms maxDuration=2ms limit=3 start=4 end=5 q={} spss=6 tags=a=\"b\" ";
        assert_eq!(found(Call::Search, search), expected);
        // scope span, query {}, start 3, end 4, maxTagsPerScope 5, staleValuesThreshold 6.
        let tags = b"\x0a\x04span\x12\x02{}\x18\x03\x20\x04\x28\x05\x30\x06";
        assert_eq!(
            found(Call::TagNames, tags),
            "scope=span q={} start=3 end=4 limit=5"
        );
        // tagName .a, query {}, start 4, end 5, maxTagValues 6.
        let values = b"\x0a\x02.a\x12\x02{}\x20\x04\x28\x05\x30\x06";
        assert_eq!(
            found(Call::TagValues, values),
            "tag=.a q={} start=4 end=5 limit=6"
        );
        // query {}, start 2, end 300 (two bytes), step 4, queryMode all, exemplars 7 (field 16: a key of two bytes), maxSeries 8.
        let range = b"\x0a\x02{}\x10\x02\x18\xac\x02\x20\x04\x3a\x03all\x80\x01\x07\x88\x01\x08";
        assert_eq!(
            found(Call::Range, range),
            "q={} start=2 end=300 step=4ns exemplars=7"
        );
        assert_eq!(
            found(Call::Instant, b"\x0a\x02{}\x10\x02\x18\x03"),
            "q={} start=2 end=3"
        );
    }
}
