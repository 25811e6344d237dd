//! Parameters of the legacy API.

use super::Failure;

/// Times below are milliseconds, those from here on microseconds: Grafana sends the first where Jaeger documents the second.
const MICROSECONDS_MIN: u64 = 100_000_000_000_000;

/// Parameters as they came.
pub(super) struct Given(pub(super) Vec<(String, String)>);

impl Given {
    /// The last of a name that is not empty.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        let of_name = self
            .0
            .iter()
            .rev()
            .find(|(key, value)| key == name && !value.is_empty());
        of_name.map(|(_, value)| value.as_str())
    }

    /// All of a name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A whole number.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| Failure::wrong(name, text, "a whole number"))
        };
        self.last(name).map(parse).transpose()
    }

    /// A duration as Go writes it.
    pub(super) fn duration(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        let parse = |text: &str| {
            traceql::duration_ns(text)
                .ok_or_else(|| Failure::wrong(name, text, "a duration: 1.5s, 20ms, 1h30m"))
        };
        self.last(name).map(parse).transpose()
    }

    /// Nanoseconds of a time in milli- or microseconds.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<u64>, Failure> {
        Ok(self.number(name)?.map(|time| {
            let unit = if time < MICROSECONDS_MIN { 1_000_000 } else { 1_000 };
            time.saturating_mul(unit)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a time in milliseconds and one in microseconds. Guarantee: both are the same instant.
    #[test]
    fn times_by_magnitude() {
        let given = |time: &str| Given(vec![("start".to_owned(), time.to_owned())]);
        assert_eq!(
            given("1790000000000").time("start").ok().flatten(),
            Some(1_790_000_000_000_000_000)
        );
        assert_eq!(
            given("1790000000000000").time("start").ok().flatten(),
            Some(1_790_000_000_000_000_000)
        );
    }
}
