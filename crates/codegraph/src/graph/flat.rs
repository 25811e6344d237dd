//! One adjacency out of the rows of several kinds.

use std::borrow::Cow;

use super::{Direction, Selection, View};

/// For each node the other ends of its selected edges, ascending, each once whatever the number of kinds: what
/// algorithms over the whole graph work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flat<'a> {
    starts: Cow<'a, [u32]>,
    targets: Cow<'a, [u32]>,
}

impl<'a> Flat<'a> {
    pub(super) fn borrowed(starts: &'a [u32], targets: &'a [u32]) -> Self {
        Self {
            starts: Cow::Borrowed(starts),
            targets: Cow::Borrowed(targets),
        }
    }

    pub(super) fn owned(starts: Vec<u32>, targets: Vec<u32>) -> Self {
        Self {
            starts: Cow::Owned(starts),
            targets: Cow::Owned(targets),
        }
    }

    /// The selected edges of a view, copied. Rows that would exceed 2^32 edges in all end there.
    #[must_use]
    pub fn of(view: &(impl View + ?Sized), selection: Selection, direction: Direction) -> Self {
        let kinds: Vec<_> = selection.kinds.and(view.kinds()).iter().collect();
        let mut starts = Vec::with_capacity(view.node_count() as usize + 1);
        let mut targets: Vec<u32> = Vec::new();
        starts.push(0);
        let mut row = Vec::new();
        for node in 0..view.node_count() {
            row.clear();
            for kind in &kinds {
                let edges = view.row(node, *kind, direction);
                row.extend(
                    edges
                        .iter()
                        .filter(|(_, mark)| selection.takes(*mark))
                        .map(|(target, _)| target),
                );
            }
            if kinds.len() > 1 {
                row.sort_unstable();
                row.dedup();
            }
            row.truncate(u32::MAX as usize - targets.len());
            targets.extend_from_slice(&row);
            starts.push(targets.len() as u32);
        }
        Self::owned(starts, targets)
    }

    /// Nodes there are.
    #[must_use]
    pub fn node_count(&self) -> u32 {
        self.starts.len().saturating_sub(1) as u32
    }

    /// Edges there are.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.targets.len()
    }

    /// The other ends of a node's edges; none of a number that is no node.
    #[must_use]
    pub fn row(&self, node: u32) -> &[u32] {
        let node = node as usize;
        match (self.starts.get(node), self.starts.get(node + 1)) {
            (Some(start), Some(end)) => &self.targets[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// Edges of a node.
    #[must_use]
    pub fn degree(&self, node: u32) -> u32 {
        self.row(node).len() as u32
    }

    /// The same edges seen from their other ends.
    #[must_use]
    pub fn transposed(&self) -> Flat<'static> {
        let mut starts = vec![0u32; self.starts.len().max(1)];
        for target in self.targets.iter() {
            starts[*target as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut targets = vec![0; self.targets.len()];
        for from in 0..self.node_count() {
            for to in self.row(from) {
                let place = &mut next[*to as usize];
                targets[*place as usize] = from;
                *place += 1;
            }
        }
        Flat::owned(starts, targets)
    }
}
