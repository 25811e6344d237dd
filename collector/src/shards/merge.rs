//! What several members said, as one: pure. Events by identity, spans by id and content, log records by content.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use event::{Event, EventIdentity, LogRecord, NodeInfo, NodeKey, Span};
use store::ROWS_MAX;

/// Events of one trace, each identity once.
#[derive(Debug, Default)]
pub(super) struct Events {
    seen: HashSet<EventIdentity>,
    events: Vec<(EventIdentity, Event)>,
}

impl Events {
    pub(super) fn add(&mut self, events: impl IntoIterator<Item = (EventIdentity, Event)>) {
        let fresh = events
            .into_iter()
            .filter(|(identity, _)| self.seen.insert(*identity));
        self.events.extend(fresh);
    }

    /// In the order of the store's answers; were there more than an answer holds?
    pub(super) fn in_order(mut self) -> (Vec<(EventIdentity, Event)>, bool) {
        let cut = self.events.len() > ROWS_MAX;
        self.events
            .sort_by_key(|(id, e)| (e.hlc, e.time, e.pid, e.ordinal, *id));
        self.events.truncate(ROWS_MAX);
        (self.events, cut)
    }

    /// The newest first, so many.
    pub(super) fn newest(mut self, limit: usize) -> Vec<(EventIdentity, Event)> {
        self.events.sort_by_key(|(id, e)| Reverse((e.hlc, *id)));
        self.events.truncate(limit);
        self.events
    }
}

/// Node incarnations by key.
#[derive(Debug, Default)]
pub(super) struct Nodes(BTreeMap<NodeKey, NodeInfo>);

impl Nodes {
    pub(super) fn add(&mut self, nodes: impl IntoIterator<Item = NodeInfo>) {
        self.0.extend(nodes.into_iter().map(|node| (node.key, node)));
    }

    pub(super) fn in_order(self) -> Vec<NodeInfo> {
        self.0.into_values().collect()
    }

    /// Those that some events name.
    pub(super) fn of(&self, events: &[(EventIdentity, Event)]) -> Vec<NodeInfo> {
        let keys: std::collections::BTreeSet<NodeKey> =
            events.iter().flat_map(|(_, e)| [e.node, e.remote_node]).collect();
        keys.iter().filter_map(|key| self.0.get(key).cloned()).collect()
    }
}

/// Spans of one trace from several members, by start and id; of those that are the same in all, one.
pub(super) fn spans(mut parts: Vec<Vec<Span>>) -> Vec<Span> {
    if parts.len() < 2 {
        let mut only = parts.pop().unwrap_or_default();
        only.sort_by_key(|span| (span.start_ns, span.id));
        return only;
    }
    let mut all: Vec<Span> = parts.into_iter().flatten().collect();
    all.sort_by_key(|span| (span.start_ns, span.id));
    let mut merged: Vec<Span> = Vec::with_capacity(all.len());
    // Where the spans of this start and id begin, and what of them was seen, by text: doubles that are not numbers are equal there.
    let (mut first, mut texts) = (0, HashSet::new());
    for span in all {
        let same_key = merged
            .last()
            .is_some_and(|last| (last.start_ns, last.id) == (span.start_ns, span.id));
        if !same_key {
            first = merged.len();
            texts.clear();
            merged.push(span);
            continue;
        }
        // Most have come twice and are equal.
        if merged.last() == Some(&span) {
            continue;
        }
        if texts.is_empty() {
            texts.extend(merged.iter().skip(first).map(|span| format!("{span:?}")));
        }
        if texts.insert(format!("{span:?}")) {
            merged.push(span);
        }
    }
    merged
}

/// Log records: of equal ones as many as the member has that has most of them, since a source may say the same twice.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// By content: the record, and how many the fullest member has.
    records: HashMap<String, (LogRecord, usize)>,
}

impl Logs {
    /// All that one member has.
    pub(super) fn add(&mut self, of_member: impl IntoIterator<Item = LogRecord>) {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for record in of_member {
            let content = format!("{record:?}");
            let count = counts.entry(content.clone()).or_default();
            *count += 1;
            let known = self.records.entry(content).or_insert((record, 0));
            known.1 = known.1.max(*count);
        }
    }

    /// The newest first, so many.
    pub(super) fn newest(self, limit: usize) -> Vec<LogRecord> {
        let time = |record: &LogRecord| match record.time_ns {
            0 => record.observed_ns,
            time => time,
        };
        let mut all: Vec<(String, (LogRecord, usize))> = self.records.into_iter().collect();
        all.sort_by(|(one_text, (one, _)), (other_text, (other, _))| {
            time(other).cmp(&time(one)).then_with(|| one_text.cmp(other_text))
        });
        let each = all
            .into_iter()
            .flat_map(|(_, (record, count))| std::iter::repeat_n(record, count));
        each.take(limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use event::{EventKind, Hlc, KeyValue, Producer, Seq, SpanId, TraceId, Value};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn span(id: u64, content: u64) -> Span {
        Span {
            trace: TraceId(7),
            id: SpanId(id + 1),
            start_ns: id,
            name: format!("{content}"),
            attributes: vec![KeyValue {
                key: "x".to_owned(),
                value: Value::Double(f64::NAN),
            }],
            ..Span::blank()
        }
    }

    fn record(time_ns: u64, body: u64) -> LogRecord {
        LogRecord {
            time_ns,
            observed_ns: 0,
            severity: 9,
            severity_text: String::new(),
            body: Value::Int(body as i64),
            attributes: Vec::new(),
            dropped_attributes: 0,
            flags: 0,
            trace: TraceId(0),
            span: SpanId(0),
            event_name: String::new(),
            resource: Arc::default(),
            scope: Arc::default(),
        }
    }

    fn shown<T: std::fmt::Debug>(of: &[T]) -> Vec<String> {
        let mut shown: Vec<String> = of.iter().map(|one| format!("{one:?}")).collect();
        shown.sort();
        shown
    }

    proptest! {
        /// Scenario: spans, some with equal ids and other contents, NaN among their values; each on some of three members. Guarantee: each once,
        /// by start, whatever the order of the members.
        #[test]
        fn spans_are_a_union(all in prop::collection::btree_set((0..9u64, 0..3u64), 0..20), on in vec(1..8u8, 20)) {
            let of = |member: u8| -> Vec<Span> {
                let held = all.iter().zip(&on).filter(|(_, on)| **on & member != 0);
                held.map(|((id, content), _)| span(*id, *content)).collect()
            };
            let merged = spans(vec![of(1), of(2), of(4)]);
            let expected: Vec<Span> = all.iter().map(|(id, content)| span(*id, *content)).collect();
            prop_assert_eq!(shown(&merged), shown(&expected));
            prop_assert!(merged.is_sorted_by_key(|span| (span.start_ns, span.id)));
            prop_assert_eq!(shown(&spans(vec![of(4), of(1), of(2)])), shown(&expected));
        }

        /// Scenario: events on some of three members. Guarantee: each identity once, in the store's order.
        #[test]
        fn events_are_a_union(on in vec(1..8u8, 0..40)) {
            let one = |at: usize| {
                let identity = EventIdentity { producer: Producer(3), seq: Seq(at as u64), ..EventIdentity::default() };
                let mut event = Event::blank(EventKind::ALL[0], NodeKey(1));
                event.hlc = Hlc(at as u64 * 7 % 11);
                (identity, event)
            };
            let mut events = Events::default();
            for member in [1, 2, 4] {
                events.add(on.iter().enumerate().filter(|(_, on)| **on & member != 0).map(|(at, _)| one(at)));
            }
            let (merged, cut) = events.in_order();
            prop_assert!(!cut);
            prop_assert!(merged.is_sorted_by_key(|(id, e)| (e.hlc, e.time, e.pid, e.ordinal, *id)));
            let all: Vec<_> = (0..on.len()).map(one).collect();
            prop_assert_eq!(shown(&merged), shown(&all));
        }

        /// Scenario: log records of which some are equal, on two members that have all, and a third that has some. Guarantee: as many of each
        /// as there are.
        #[test]
        fn logs_are_a_union(all in vec((0..4u64, 0..3u64), 0..20), some in vec(any::<bool>(), 20)) {
            let of = |all: &mut dyn Iterator<Item = &(u64, u64)>| -> Vec<LogRecord> { all.map(|(t, b)| record(t + 1, *b)).collect() };
            let whole = of(&mut all.iter());
            let part = of(&mut all.iter().zip(&some).filter(|(_, some)| **some).map(|(one, _)| one));
            let mut logs = Logs::default();
            logs.add(part);
            logs.add(whole.clone());
            logs.add(whole.clone());
            let merged = logs.newest(100);
            prop_assert_eq!(shown(&merged), shown(&whole));
            prop_assert!(merged.is_sorted_by_key(|record| Reverse(record.time_ns)));
        }
    }
}
