//! Which nodes are connected. A node whose connection ended is down only when it does not come back. Pure.

use std::collections::HashMap;
use std::time::Duration;

use event::{NodeInfo, NodeKey};
use tokio::time::Instant;

/// A node that has not connected again within this time is recorded as down.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// Node incarnations that are connected, or were so a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Presence(HashMap<NodeKey, Entry>);

#[derive(Debug)]
struct Entry {
    info: NodeInfo,
    /// Connections; two for a moment where a node connects again before the end of the old one is seen.
    connections: u32,
    /// When it is down, unless it comes back.
    down_at: Option<Instant>,
}

impl Presence {
    /// A connection began.
    pub(crate) fn came(&mut self, info: NodeInfo) {
        let entry = self.0.entry(info.key).or_insert(Entry {
            info,
            connections: 0,
            down_at: None,
        });
        entry.connections += 1;
        entry.down_at = None;
    }

    /// A connection ended.
    pub(crate) fn went(&mut self, node: NodeKey, now: Instant) {
        if let Some(entry) = self.0.get_mut(&node) {
            entry.connections = entry.connections.saturating_sub(1);
            entry.down_at = (entry.connections == 0).then(|| now + GRACE);
        }
    }

    /// When [`Presence::take_down`] has something to say next.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.values().filter_map(|e| e.down_at).min()
    }

    /// The nodes that are down now; they are forgotten.
    pub(crate) fn take_down(&mut self, now: Instant) -> Vec<NodeInfo> {
        let is_down = |entry: &mut Entry| entry.down_at.is_some_and(|at| at <= now);
        let down = self.0.extract_if(|_, entry| is_down(entry));
        down.map(|(_, entry)| entry.info).collect()
    }

    /// Is it connected, or was it a moment ago?
    pub(crate) fn knows(&self, node: NodeKey) -> bool {
        self.0.contains_key(&node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> NodeInfo {
        NodeInfo {
            key: NodeKey(1),
            creation: 1,
            name: "a@b".into(),
        }
    }

    /// Guarantee: a node that comes back in time is not down; one that does not is, once.
    #[test]
    fn grace() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.came(info());
        presence.went(NodeKey(1), start);
        assert_eq!(presence.next(), Some(start + GRACE));
        presence.came(info());
        assert!(presence.take_down(start + 2 * GRACE).is_empty());
        presence.went(NodeKey(1), start);
        assert!(presence.take_down(start + GRACE / 2).is_empty());
        assert_eq!(presence.take_down(start + GRACE).len(), 1);
        assert!(presence.take_down(start + 2 * GRACE).is_empty() && !presence.knows(NodeKey(1)));
    }

    /// Scenario: the new connection is seen before the end of the old one. Guarantee: the node is up.
    #[test]
    fn the_end_of_an_old_connection_is_no_end() {
        let (mut presence, start) = (Presence::default(), Instant::now());
        presence.came(info());
        presence.came(info());
        presence.went(NodeKey(1), start);
        assert_eq!(presence.next(), None);
        presence.went(NodeKey(1), start);
        assert!(presence.next().is_some());
    }
}
