//! Adjacency of small graphs as compressed rows.

/// The targets of each node, next to one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Rows {
    /// Rows of `nodes` nodes from `(from, to)` pairs, which keep their order within a row (a counting sort: two passes).
    /// Pairs that name other nodes are left out.
    pub(super) fn new(nodes: usize, edges: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let inside = |(from, to): &(u32, u32)| (*from as usize) < nodes && (*to as usize) < nodes;
        let mut starts = vec![0u32; nodes + 1];
        let mut count = 0usize;
        for (from, _) in edges.clone().filter(inside) {
            starts[from as usize + 1] += 1;
            count += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let (mut targets, mut next) = (vec![0u32; count], starts.clone());
        for (from, to) in edges.filter(inside) {
            let slot = &mut next[from as usize];
            targets[*slot as usize] = to;
            *slot += 1;
        }
        Self { starts, targets }
    }

    /// The targets of a node; none of a node that is not here.
    #[must_use]
    pub fn of(&self, node: u32) -> &[u32] {
        let at = node as usize;
        match (self.starts.get(at), self.starts.get(at.saturating_add(1))) {
            (Some(start), Some(end)) => self
                .targets
                .get(*start as usize..*end as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }

    /// How many nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there is no node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All pairs, by source.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + Clone + '_ {
        (0..self.len() as u32).flat_map(|from| self.of(from).iter().map(move |to| (from, *to)))
    }

    /// The same pairs, each the other way round.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self::new(self.len(), self.iter().map(|(from, to)| (to, from)))
    }
}
