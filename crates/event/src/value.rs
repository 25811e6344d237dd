//! Values of attributes, as OpenTelemetry has them (`opentelemetry/proto/common/v1/common.proto`, `AnyValue`).

/// A value of any type that OTLP can carry. Kept and returned unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value was given.
    #[default]
    Empty,
    /// Text.
    String(String),
    /// Truth.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// IEEE 754 double.
    Double(f64),
    /// Values in order.
    Array(Vec<Self>),
    /// Keys and values in order; a key may come twice.
    Map(Vec<KeyValue>),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// An attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyValue {
    /// `http.response.status_code`.
    pub key: String,
    /// Its value.
    pub value: Value,
}

/// The first value of a key.
pub fn value_of<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes
        .iter()
        .find(|attribute| attribute.key == key)
        .map(|attribute| &attribute.value)
}

impl Value {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}
impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}
impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}
