//! What a listing says of one trace, and how parts of it from several places become one.

use event::{Event, EventIdentity, EventKind, Hlc, Micros, NodeKey, TraceId};
use xxhash_rust::xxh3::xxh3_64;

/// Node incarnations that a summary names; further ones are not counted.
pub const SUMMARY_NODES_MAX: usize = 64;
/// Bytes of a root's name that a summary keeps.
pub const ROOT_NAME_BYTES_MAX: usize = 200;

/// One trace in a listing. All times and counts are of the events stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceSummary {
    /// Its id.
    pub trace: TraceId,
    /// Least of the nodes' own times.
    pub start: Micros,
    /// Greatest of the nodes' own times.
    pub end: Micros,
    /// Least HLC.
    pub hlc_min: Hlc,
    /// Greatest HLC.
    pub hlc_max: Hlc,
    /// Events.
    pub events: u64,
    /// Events that are errors ([`Event::is_error`]).
    pub errors: u64,
    /// Node incarnations, ascending, at most [`SUMMARY_NODES_MAX`].
    pub nodes: Vec<NodeKey>,
    /// Name of its entry, if that is stored.
    pub root: Option<String>,
    /// Sum, modulo 2^64, of the hashes of its events' identities: two members that say the same of a trace have the same of it.
    /// 0 where identities were not looked at.
    pub content: u64,
}

impl TraceSummary {
    /// Of a trace without events.
    pub fn empty(trace: TraceId) -> Self {
        Self {
            trace,
            start: Micros(u64::MAX),
            end: Micros(0),
            hlc_min: Hlc(u64::MAX),
            hlc_max: Hlc(0),
            events: 0,
            errors: 0,
            nodes: Vec::new(),
            root: None,
            content: 0,
        }
    }

    /// Counts one event, and who it is.
    pub fn add_identified(&mut self, identity: &EventIdentity, e: &Event) {
        self.add(e);
        let mut bytes = [0; 38];
        bytes[..16].copy_from_slice(&identity.producer.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&identity.epoch.0.to_le_bytes());
        bytes[24..26].copy_from_slice(&identity.shard.0.to_le_bytes());
        bytes[26..34].copy_from_slice(&identity.seq.0.to_le_bytes());
        bytes[34..].copy_from_slice(&identity.row.to_le_bytes());
        self.content = self.content.wrapping_add(xxh3_64(&bytes));
    }

    /// Counts one event.
    pub fn add(&mut self, e: &Event) {
        self.start = self.start.min(e.time);
        self.end = self.end.max(e.time);
        self.hlc_min = self.hlc_min.min(e.hlc);
        self.hlc_max = self.hlc_max.max(e.hlc);
        self.events += 1;
        self.errors += u64::from(e.is_error());
        self.add_node(e.node);
        if e.kind == EventKind::Root && self.root.is_none() {
            self.root = root_name(&e.payload);
        }
    }

    /// Counts what another part of the same trace counted.
    pub fn merge(&mut self, other: &Self) {
        self.start = self.start.min(other.start);
        self.end = self.end.max(other.end);
        self.hlc_min = self.hlc_min.min(other.hlc_min);
        self.hlc_max = self.hlc_max.max(other.hlc_max);
        self.events = self.events.saturating_add(other.events);
        self.errors = self.errors.saturating_add(other.errors);
        for n in &other.nodes {
            self.add_node(*n);
        }
        if self.root.is_none() {
            self.root.clone_from(&other.root);
        }
        self.content = self.content.wrapping_add(other.content);
    }

    fn add_node(&mut self, node: NodeKey) {
        if node.0 == 0 || self.nodes.len() >= SUMMARY_NODES_MAX {
            return;
        }
        if let Err(at) = self.nodes.binary_search(&node) {
            self.nodes.insert(at, node);
        }
    }
}

/// The name at the head of a root payload (`docs/node-socket.md`: u16 length, UTF-8), cut to [`ROOT_NAME_BYTES_MAX`].
fn root_name(payload: &[u8]) -> Option<String> {
    let (len, rest) = payload.split_first_chunk::<2>()?;
    let name = rest.get(..usize::from(u16::from_le_bytes(*len)))?;
    let name = std::str::from_utf8(name).ok()?;
    let mut cut = name.len().min(ROOT_NAME_BYTES_MAX);
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    name.get(..cut).map(str::to_owned)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_summary() -> impl Strategy<Value = TraceSummary> {
        let numbers = (any::<u128>(), any::<[u64; 6]>());
        let nodes = prop::collection::btree_set(1..50u64, 0..10);
        (numbers, nodes, prop::option::of("\\PC{0,20}")).prop_map(|((t, n), nodes, root)| TraceSummary {
            trace: TraceId(t),
            start: Micros(n[0]),
            end: Micros(n[1]),
            hlc_min: Hlc(n[2]),
            hlc_max: Hlc(n[3]),
            events: n[4],
            errors: n[5],
            nodes: nodes.into_iter().map(NodeKey).collect(),
            root,
            content: n[0] ^ n[5],
        })
    }

    proptest! {
        /// Scenario: any payload. Guarantee: a name or none, never a panic.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = root_name(&bytes);
        }

        /// Scenario: parts in any order. Guarantee: the same whole (names of different roots apart).
        #[test]
        fn merging_is_commutative(a in any_summary(), b in any_summary()) {
            let (mut a, mut b) = (TraceSummary { root: None, ..a }, TraceSummary { root: None, ..b });
            b.trace = a.trace;
            let first = a.clone();
            a.merge(&b);
            b.merge(&first);
            prop_assert_eq!(a, b);
        }
    }
}
