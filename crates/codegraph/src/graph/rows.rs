//! The edges of one kind in one direction, as compressed rows.

use crate::fact::Mark;

/// An edge without its kind: where it starts, where it ends, its mark.
pub(super) type Bare = (u32, u32, Mark);

/// A node's edges of one kind in one direction: the other ends in ascending order, each once, and their marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row<'a> {
    /// The other ends.
    pub targets: &'a [u32],
    /// The mark of each.
    pub marks: &'a [Mark],
}

impl<'a> Row<'a> {
    /// The other ends with their marks.
    pub fn iter(self) -> impl Iterator<Item = (u32, Mark)> + use<'a> {
        self.targets.iter().copied().zip(self.marks.iter().copied())
    }
}

/// Compressed rows. Dense: `starts` has one more place than there are nodes. Sparse, where fewer than a quarter of the
/// nodes have an edge: `keys` names those that do, ascending, and `starts` has one more place than it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) keys: Vec<u32>,
    pub(super) starts: Vec<u32>,
    pub(super) targets: Vec<u32>,
    pub(super) marks: Vec<Mark>,
}

impl Rows {
    /// Whether rows with `filled` nodes of `nodes` are kept sparsely.
    pub(super) fn sparse(filled: usize, nodes: u32) -> bool {
        filled < nodes as usize / 4
    }

    pub(super) fn is_sparse(&self) -> bool {
        !self.keys.is_empty()
    }

    pub(super) fn row(&self, node: u32) -> Row<'_> {
        let place = if self.is_sparse() {
            match self.keys.binary_search(&node) {
                Ok(place) => place,
                Err(_) => return Row::default(),
            }
        } else {
            node as usize
        };
        let bounds = (self.starts.get(place), self.starts.get(place.saturating_add(1)));
        let (Some(&start), Some(&end)) = bounds else {
            return Row::default();
        };
        let range = start as usize..end as usize;
        Row {
            targets: self.targets.get(range.clone()).unwrap_or_default(),
            marks: self.marks.get(range).unwrap_or_default(),
        }
    }

    /// All edges, by start and end.
    pub(super) fn edges(&self) -> impl Iterator<Item = Bare> {
        self.filled()
            .flat_map(|(node, row)| row.iter().map(move |(target, mark)| (node, target, mark)))
    }

    /// The nodes that have edges, with them.
    pub(super) fn filled(&self) -> impl Iterator<Item = (u32, Row<'_>)> {
        (0..self.starts.len().saturating_sub(1)).filter_map(move |place| {
            let node = if self.is_sparse() {
                self.keys[place]
            } else {
                place as u32
            };
            let range = self.starts[place] as usize..self.starts[place + 1] as usize;
            let row = Row {
                targets: &self.targets[range.clone()],
                marks: &self.marks[range],
            };
            (!row.targets.is_empty()).then_some((node, row))
        })
    }

    /// From edges in any order: of equal ones the greatest mark stays. Linear (two counting sorts) unless there are
    /// far fewer edges than nodes. All ends lie below `nodes`.
    pub(super) fn build(nodes: u32, mut edges: Vec<Bare>) -> Self {
        if edges.len() < nodes as usize / 4 {
            edges.sort_unstable();
        } else {
            edges = counted(nodes, &edges, |edge| edge.1);
            edges = counted(nodes, &edges, |edge| edge.0);
        }
        edges.dedup_by(|next, kept| {
            let same = (next.0, next.1) == (kept.0, kept.1);
            if same {
                kept.2 = kept.2.max(next.2);
            }
            same
        });
        Self::from_sorted(nodes, &edges)
    }

    /// From edges in the order of start and end, each once.
    pub(super) fn from_sorted(nodes: u32, edges: &[Bare]) -> Self {
        let mut keys = Vec::new();
        let mut starts = vec![0];
        for (at, edge) in edges.iter().enumerate() {
            if keys.last() != Some(&edge.0) {
                keys.push(edge.0);
                starts.push(0);
            }
            if let Some(end) = starts.last_mut() {
                *end = at as u32 + 1;
            }
        }
        if !Self::sparse(keys.len(), nodes) {
            starts = spread(nodes, &keys, &starts);
            keys = Vec::new();
        }
        Self {
            keys,
            starts,
            targets: edges.iter().map(|edge| edge.1).collect(),
            marks: edges.iter().map(|edge| edge.2).collect(),
        }
    }

    /// The same edges seen from their other ends. Linear.
    pub(super) fn transposed(&self, nodes: u32) -> Self {
        if self.targets.len() < nodes as usize / 4 {
            let mut edges: Vec<Bare> = self.edges().map(|(from, to, mark)| (to, from, mark)).collect();
            edges.sort_unstable_by_key(|edge| (edge.0, edge.1));
            return Self::from_sorted(nodes, &edges);
        }
        let mut ends = vec![0u32; nodes as usize + 1];
        for target in &self.targets {
            ends[*target as usize + 1] += 1;
        }
        for at in 1..ends.len() {
            ends[at] += ends[at - 1];
        }
        let mut next = ends.clone();
        let mut targets = vec![0; self.targets.len()];
        let mut marks = vec![Mark::default(); self.targets.len()];
        for (from, row) in self.filled() {
            for (to, mark) in row.iter() {
                let place = &mut next[to as usize];
                targets[*place as usize] = from;
                marks[*place as usize] = mark;
                *place += 1;
            }
        }
        let filled: Vec<u32> = (0..nodes)
            .filter(|node| ends[*node as usize] < ends[*node as usize + 1])
            .collect();
        let (keys, starts) = if Self::sparse(filled.len(), nodes) {
            let starts = std::iter::once(0)
                .chain(filled.iter().map(|node| ends[*node as usize + 1]))
                .collect();
            (filled, starts)
        } else {
            (Vec::new(), ends)
        };
        Self {
            keys,
            starts,
            targets,
            marks,
        }
    }
}

/// Starts for every node, from those of the nodes that have edges.
fn spread(nodes: u32, keys: &[u32], starts: &[u32]) -> Vec<u32> {
    let mut all = vec![0; nodes as usize + 1];
    for (place, key) in keys.iter().enumerate() {
        all[*key as usize + 1] = starts[place + 1];
    }
    for at in 1..all.len() {
        all[at] = all[at].max(all[at - 1]);
    }
    all
}

/// Sorted by one end; edges that are equal in it keep their order.
fn counted(nodes: u32, edges: &[Bare], end: impl Fn(&Bare) -> u32) -> Vec<Bare> {
    let mut next = vec![0u32; nodes as usize + 1];
    for edge in edges {
        next[end(edge) as usize + 1] += 1;
    }
    for at in 1..next.len() {
        next[at] += next[at - 1];
    }
    let mut sorted = vec![(0, 0, Mark::default()); edges.len()];
    for edge in edges {
        let place = &mut next[end(edge) as usize];
        sorted[*place as usize] = *edge;
        *place += 1;
    }
    sorted
}
