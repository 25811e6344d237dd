//! Clock correction for display: one shift a node, so that a call shown on two nodes does not run backwards.
//!
//! Only times are shifted, never order: order is the HLC's. The reference is the node of the trace's first event. A node
//! is shifted only if its clock contradicts causality inside this trace: an event before its remote parent, or a callee
//! that lies outside the frame that waited for it.

use std::collections::{BTreeMap, VecDeque};

use event::{Event, NodeKey};

/// A send to another node and its receive.
#[derive(Clone, Copy, Debug)]
struct Edge {
    from: NodeKey,
    to: NodeKey,
    /// Least (receive time - send time), microseconds.
    delta: i64,
}

/// Slack before a positive delta counts as a clock error: no message of one request takes this long to be handled.
const DELAY_US_MAX: i64 = 60_000_000;

/// Shift in microseconds to add to each node's times.
pub(crate) fn shifts(events: &[&Event]) -> BTreeMap<NodeKey, i64> {
    let mut shifts = BTreeMap::new();
    let Some(first) = events.first() else {
        return shifts;
    };
    let edges = edges(events);
    let mut queue = VecDeque::from([first.node]);
    shifts.insert(first.node, 0_i64);
    while let Some(node) = queue.pop_front() {
        let base = shifts.get(&node).copied().unwrap_or_default();
        for edge in &edges {
            let (other, relative) = if edge.from == node {
                (edge.to, forward(edge.delta))
            } else if edge.to == node {
                (edge.from, -forward(edge.delta))
            } else {
                continue;
            };
            if let std::collections::btree_map::Entry::Vacant(slot) = shifts.entry(other) {
                slot.insert(base + relative);
                queue.push_back(other);
            }
        }
    }
    shifts
}

/// How much to add to the receiver's times: nothing if the delta is plausible as a delay.
fn forward(delta: i64) -> i64 {
    if (0..DELAY_US_MAX).contains(&delta) {
        0
    } else {
        -delta
    }
}

fn edges(events: &[&Event]) -> Vec<Edge> {
    let mut least: BTreeMap<(NodeKey, NodeKey), i64> = BTreeMap::new();
    for e in events {
        if e.remote_node.0 == 0 || e.remote_node == e.node || e.remote_time.0 == 0 {
            continue;
        }
        let delta = e.time.0 as i64 - e.remote_time.0 as i64;
        let slot = least.entry((e.remote_node, e.node)).or_insert(delta);
        *slot = (*slot).min(delta);
    }
    least
        .into_iter()
        .map(|((from, to), delta)| Edge { from, to, delta })
        .collect()
}
