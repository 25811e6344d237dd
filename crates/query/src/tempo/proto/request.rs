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
    (2, As::Number("start")),
    (3, As::Number("end")),
    (4, As::Text("q")),
];
const TAG_VALUES: Table = &[
    (1, As::Text("tag")),
    (2, As::Text("q")),
    (4, As::Number("start")),
    (5, As::Number("end")),
];
const RANGE: Table = &[
    (1, As::Text("q")),
    (2, As::Number("start")),
    (3, As::Number("end")),
    (4, As::Nanoseconds("step")),
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
}
