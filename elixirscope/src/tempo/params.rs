//! Parameters of a request, by name. Of a name that comes twice the first counts.

use query::tempo::TempoError;

/// Names and values as they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    /// A value, if it is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// A truth: `true`, `1`, `false`, `0`.
    pub(crate) fn truth(&self, name: &'static str, default: bool) -> Result<bool, TempoError> {
        match self.get(name) {
            None => Ok(default),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => Err(TempoError::Parameter {
                name,
                why: format!("expected true or false, found `{other}`"),
            }),
        }
    }
}
