//! Parameters of the API v3 as HTTP has them.

use std::collections::BTreeMap;

use query::jaeger::tags_of;
use query::jaeger::v3::Asked;
use query::tempo::{TempoError, params};
use serde_json::Value;

use super::Failure;

/// Parameters as they came; each has its name in JSON and the older one of the message.
pub(super) struct Given(pub(super) Vec<(String, String)>);

impl Given {
    pub(super) fn get(&self, names: [&'static str; 2]) -> Option<&str> {
        let named = |(key, value): &&(String, String)| names.contains(&key.as_str()) && !value.is_empty();
        self.0.iter().find(named).map(|(_, value)| value.as_str())
    }

    pub(super) fn time(&self, names: [&'static str; 2]) -> Result<Option<u64>, TempoError> {
        let time = |text| params::time(names[0], text);
        self.get(names).map(time).transpose()
    }

    fn duration(&self, names: [&'static str; 2]) -> Result<Option<u64>, TempoError> {
        let duration = |text| params::duration(names[0], text);
        self.get(names).map(duration).transpose()
    }

    /// A truth as Go reads it. Whether spans are raw changes nothing here, but a wrong word is refused.
    pub(super) fn truth(&self, names: [&'static str; 2]) -> Result<(), Failure> {
        const TRUTHS: [&str; 12] = [
            "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
        ];
        match self.get(names) {
            Some(text) if !TRUTHS.contains(&text) => {
                let name = names[0];
                Err(Failure::wrong(format!(
                    "invalid {name}: expected true or false, found '{text}'"
                )))
            }
            _ => Ok(()),
        }
    }

    /// A search.
    pub(super) fn asked(&self) -> Result<Asked, Failure> {
        let text = |names| self.get(names).unwrap_or_default().to_owned();
        let attributes = match self.get(["query.attributes"; 2]) {
            Some(text) => tags_of(text).map_err(|error| Failure::wrong(error.to_string()))?,
            None => BTreeMap::new(),
        };
        let depth = self
            .get(["query.searchDepth", "query.search_depth"])
            .or_else(|| self.get(["query.numTraces", "query.num_traces"]));
        let depth = depth.map(|text| {
            let wrong = |_| {
                Failure::wrong(format!(
                    "invalid query.searchDepth: expected a whole number, found '{text}'"
                ))
            };
            text.parse().map_err(wrong)
        });
        self.truth(["query.rawTraces", "query.raw_traces"])?;
        Ok(Asked {
            service: text(["query.serviceName", "query.service_name"]),
            operation: text(["query.operationName", "query.operation_name"]),
            attributes,
            start_ns: self.time(["query.startTimeMin", "query.start_time_min"])?,
            end_ns: self.time(["query.startTimeMax", "query.start_time_max"])?,
            duration_min: self.duration(["query.durationMin", "query.duration_min"])?,
            duration_max: self.duration(["query.durationMax", "query.duration_max"])?,
            depth: depth.transpose()?,
            filter: self.get(["query.filter"; 2]).is_some(),
        })
    }

    /// Of a posted `{"query": {...}}`: its fields by their names as parameters.
    pub(super) fn posted(body: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::wrong(format!(
                "body: {why}; expected {{\"query\": {{\"serviceName\": ...}}}}"
            ))
        };
        let body: Value = serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))?;
        let query = body.get("query").and_then(Value::as_object);
        let query = query.ok_or_else(|| wrong("it has no object 'query'"))?;
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let pair = |(name, value): (&String, &Value)| (format!("query.{name}"), text(value));
        Ok(Self(query.iter().map(pair).collect()))
    }
}
