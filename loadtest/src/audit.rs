//! Has a member read everything that it stored, and counts what is ours.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::http::{Connection, Url};

/// What a member found of this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Audited {
    /// Events of our nodes.
    events: u64,
    /// Events that are stored twice, of any node.
    duplicates: u64,
    /// Batches that are missing, of any producer.
    missing_batches: u64,
}

/// Asks for the audit; ours are the nodes whose names begin with `prefix`.
pub(crate) fn audit(url: &Url, prefix: &str, headers: &[String]) -> Result<Audited> {
    let answer = Connection::new(&url.authority).send(&url.get("application/json", headers))?;
    if answer.status != 200 {
        bail!("{} answers {}", url.path, answer.status);
    }
    read(&serde_json::from_slice(&answer.body)?, prefix).context("this is no audit")
}

fn read(audit: &Value, prefix: &str) -> Option<Audited> {
    let mut events = 0;
    for node in audit["nodes"].as_array()? {
        if node["name"].as_str()?.starts_with(prefix) {
            events += node["events"].as_u64()?;
        }
    }
    Some(Audited {
        events,
        duplicates: audit["duplicates"].as_u64()?,
        missing_batches: audit["missing_batches"].as_u64()?,
    })
}

impl Audited {
    /// Is exactly what was sent there, once?
    pub(crate) fn holds(self, sent: u64) -> bool {
        self.events == sent && self.duplicates == 0 && self.missing_batches == 0
    }

    /// For a person.
    pub(crate) fn text(self, sent: u64) -> String {
        format!(
            "read back: {} of {sent} events; {} stored twice, {} batches missing: {}",
            self.events,
            self.duplicates,
            self.missing_batches,
            if self.holds(sent) { "equal" } else { "NOT EQUAL" }
        )
    }

    /// For a program.
    pub(crate) fn json(self) -> Value {
        json!({"events": self.events, "duplicates": self.duplicates, "missing_batches": self.missing_batches})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: nodes of this run and of others. Guarantee: only ours count; duplicates and gaps break it.
    #[test]
    fn ours_are_counted() {
        let text = r#"{"duplicates":0,"missing_batches":0,"nodes":[{"name":"a-1","events":5},{"name":"a-2","events":6},{"name":"b","events":7}]}"#;
        let mut audit: Value = serde_json::from_str(text).unwrap();
        let found = read(&audit, "a-").unwrap();
        assert!(found.holds(11) && !found.holds(12));
        audit["duplicates"] = json!(1);
        assert!(!read(&audit, "a-").unwrap().holds(11));
        assert_eq!(read(&json!({}), "a"), None);
    }
}
