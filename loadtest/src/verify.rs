//! Reads random traces back and compares them with what was sent, span by span.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use event::{Span, SpanId, TraceId};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::args::Choice;
use crate::ask::TraceDoor;
use crate::http::Connection;
use crate::load::sent::{Content, Sent};
use crate::measure::latency::{histogram, json_ms, text_ms};
use crate::random::Random;

/// Between two questions for the same trace.
const AGAIN: Duration = Duration::from_millis(200);

/// What reading back has shown.
#[derive(Debug)]
pub(crate) struct Verified {
    /// Traces asked for.
    pub(crate) asked: u64,
    /// Returned as they were sent.
    pub(crate) equal: u64,
    /// Not there, or not wholly there.
    pub(crate) missing: u64,
    /// There, but otherwise than sent, or with spans that nobody sent.
    pub(crate) different: u64,
    /// Not there when first asked for.
    pub(crate) late: u64,
    /// The first difference.
    pub(crate) said: Option<String>,
    /// One question after the other, microseconds.
    pub(crate) latency_us: Histogram<u64>,
}

/// Asks for traces of those that were acknowledged. A store that answers before it stores has until `deadline` to show them.
pub(crate) fn verify(
    door: &TraceDoor,
    content: &Content,
    sent: &Sent,
    choice: Choice,
    deadline: Instant,
) -> Result<Verified> {
    let mut verified = Verified {
        asked: 0,
        equal: 0,
        missing: 0,
        different: 0,
        late: 0,
        said: None,
        latency_us: histogram()?,
    };
    let mut connection = door.connection();
    match choice {
        Choice::Some(count) => {
            let mut random = Random::new(u64::from(count));
            for _ in 0..count {
                let Some((batch, trace)) = sent.any(content, &mut random, Instant::now()) else {
                    break;
                };
                let expected = content.trace(batch, trace);
                verified.one(door, &mut connection, trace, &expected, deadline)?;
            }
        }
        Choice::All => {
            for batch in sent.all() {
                for (trace, expected) in content.batch_traces(batch) {
                    verified.one(door, &mut connection, trace, &expected, deadline)?;
                }
            }
        }
    }
    Ok(verified)
}

impl Verified {
    /// Asks for one trace until it is whole or the time is over.
    fn one(
        &mut self,
        door: &TraceDoor,
        connection: &mut Connection,
        trace: TraceId,
        expected: &[Span],
        deadline: Instant,
    ) -> Result<()> {
        self.asked += 1;
        let mut late = false;
        let spans = loop {
            let began = Instant::now();
            let found = door.ask(connection, trace)?;
            let us = began.elapsed().as_micros() as u64;
            self.latency_us.saturating_record(us.max(1));
            let spans = found.map(|f| f.spans).unwrap_or_default();
            if spans.len() >= expected.len() || Instant::now() >= deadline {
                break spans;
            }
            late = true;
            thread::sleep(AGAIN);
        };
        match difference(expected, &spans) {
            None => self.equal += 1,
            Some(said) => {
                if spans.len() < expected.len() {
                    self.missing += 1;
                } else {
                    self.different += 1;
                }
                self.said.get_or_insert_with(|| format!("trace {trace}: {said}"));
            }
        }
        self.late += u64::from(late);
        Ok(())
    }
}

/// What is not as it was sent. The order of spans is not the sender's to choose.
fn difference(sent: &[Span], found: &[Span]) -> Option<String> {
    let by_id =
        |spans: &[Span]| -> BTreeMap<SpanId, Span> { spans.iter().map(|s| (s.id, s.clone())).collect() };
    let (expected, returned) = (by_id(sent), by_id(found));
    if returned.len() != found.len() {
        return Some(format!(
            "{} spans, {} of them twice",
            found.len(),
            found.len() - returned.len()
        ));
    }
    if let Some(id) = expected.keys().find(|id| !returned.contains_key(id)) {
        return Some(format!(
            "{} of {} spans; {id} is missing",
            found.len(),
            sent.len()
        ));
    }
    for (id, span) in &returned {
        match expected.get(id) {
            None => return Some(format!("span {id} was never sent")),
            Some(sent) if sent != span => {
                return Some(format!("span {id}: sent {sent:?}, returned {span:?}"));
            }
            Some(_) => {}
        }
    }
    None
}

impl Verified {
    /// Was everything as it was sent?
    pub(crate) fn holds(&self) -> bool {
        self.equal == self.asked
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let said = self
            .said
            .as_deref()
            .map(|s| format!("\n  {s}"))
            .unwrap_or_default();
        format!(
            "{} traces read back: {} as sent, {} missing, {} different, {} late; {}{said}",
            self.asked,
            self.equal,
            self.missing,
            self.different,
            self.late,
            text_ms(&self.latency_us)
        )
    }

    /// For a program.
    pub(crate) fn json(&self) -> Value {
        json!({
            "asked": self.asked, "equal": self.equal, "missing": self.missing, "different": self.different,
            "late": self.late, "said": self.said, "latency_ms": json_ms(&self.latency_us),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::sent::Batch;

    /// Scenario: a trace returned in another order, twice, cut, changed, with a stranger. Guarantee: only the first is no difference.
    #[test]
    fn differences_are_seen() {
        let content = Content::new(5, 3, false);
        let batch = Batch {
            number: 4,
            base_ns: 1_790_000_000_000_000_000,
        };
        let sent = content.trace(batch, content.trace_id(batch, 1));
        assert_eq!(sent.len(), 20);
        let mut found: Vec<Span> = sent.iter().rev().cloned().collect();
        assert_eq!(difference(&sent, &found), None);
        assert!(difference(&sent, &found[1..]).unwrap().contains("is missing"));
        found.push(sent[0].clone());
        assert!(difference(&sent, &found).unwrap().contains("twice"));
        found.pop();
        found[3].end_ns += 1;
        assert!(difference(&sent, &found).unwrap().contains("sent Span"));
        found[3] = sent[16].clone();
        found.push(Span {
            id: SpanId(7),
            ..sent[0].clone()
        });
        assert!(difference(&sent, &found).unwrap().contains("never sent"));
    }
}
