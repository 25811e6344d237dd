//! A version that differs from a graph in little, without building it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::seen::Seen;
use super::{
    Builder, Direction, Edge, EdgeKind, Flat, Graph, KindSet, NODES_MAX, Refused, Row, Selection, View,
};
use crate::fact::Mark;

/// A graph with nodes and edges added and removed. The rows that a change touches are copied and changed; all others
/// are the base's. So reading costs what it costs in the base, and a change costs the length of the rows at its ends.
#[derive(Clone, Debug)]
pub struct Overlay {
    base: Arc<Graph>,
    nodes: u32,
    removed: BTreeSet<u32>,
    touched: Seen,
    rows: BTreeMap<(u32, EdgeKind, Direction), Changed>,
    kinds: KindSet,
}

#[derive(Clone, Debug, Default)]
struct Changed {
    targets: Vec<u32>,
    marks: Vec<Mark>,
}

impl Changed {
    fn row(&self) -> Row<'_> {
        Row {
            targets: &self.targets,
            marks: &self.marks,
        }
    }
}

/// An overlay as a graph of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// The graph. Its nodes are those of the overlay in the same order, without gaps.
    pub graph: Graph,
    /// For each number of the overlay the new one; `None` of removed nodes. Without removed nodes all keep theirs.
    pub number: Vec<Option<u32>>,
}

impl Overlay {
    /// The base as it is.
    #[must_use]
    pub fn new(base: Arc<Graph>) -> Self {
        Self {
            nodes: base.node_count(),
            removed: BTreeSet::new(),
            touched: Seen::new(base.node_count()),
            rows: BTreeMap::new(),
            kinds: base.kinds(),
            base,
        }
    }

    /// What it lies over.
    #[must_use]
    pub fn base(&self) -> &Arc<Graph> {
        &self.base
    }

    /// Adds a node and gives its number. Numbers of removed nodes are not given again.
    pub fn add_node(&mut self) -> Result<u32, Refused> {
        if self.nodes >= NODES_MAX {
            return Err(Refused::TooMany {
                count: self.nodes as usize + 1,
            });
        }
        self.nodes += 1;
        self.touched.grow(self.nodes);
        Ok(self.nodes - 1)
    }

    /// Removes a node with its edges; false if there is none.
    pub fn remove_node(&mut self, node: u32) -> bool {
        if !self.has_node(node) {
            return false;
        }
        for kind in self.kinds.iter() {
            for direction in [Direction::Out, Direction::Back] {
                let ends = self.row(node, kind, direction).targets.to_vec();
                for end in ends {
                    self.change(end, kind, direction.flipped(), node, None);
                    self.change(node, kind, direction, end, None);
                }
            }
        }
        self.removed.insert(node);
        true
    }

    /// Adds an edge, or changes the mark of the one that is there. True if there was none.
    pub fn add_edge(&mut self, edge: Edge) -> Result<bool, Refused> {
        for node in [edge.from, edge.to] {
            if !self.has_node(node) {
                return Err(Refused::Node {
                    node,
                    nodes: self.nodes,
                });
            }
        }
        self.kinds = self.kinds.with(edge.kind.into());
        self.change(edge.to, edge.kind, Direction::Back, edge.from, Some(edge.mark));
        Ok(!self.change(edge.from, edge.kind, Direction::Out, edge.to, Some(edge.mark)))
    }

    /// Removes an edge; false if there is none.
    pub fn remove_edge(&mut self, from: u32, to: u32, kind: EdgeKind) -> bool {
        let there = self.row(from, kind, Direction::Out);
        if there.targets.binary_search(&to).is_err() {
            return false;
        }
        self.change(to, kind, Direction::Back, from, None);
        self.change(from, kind, Direction::Out, to, None)
    }

    /// Puts `end` into a row with this mark, or takes it out; whether it was there.
    fn change(
        &mut self,
        node: u32,
        kind: EdgeKind,
        direction: Direction,
        end: u32,
        mark: Option<Mark>,
    ) -> bool {
        self.touched.insert(node);
        let row = self.rows.entry((node, kind, direction)).or_insert_with(|| {
            let row = self.base.row(node, kind, direction);
            Changed {
                targets: row.targets.to_vec(),
                marks: row.marks.to_vec(),
            }
        });
        match (row.targets.binary_search(&end), mark) {
            (Ok(place), Some(mark)) => {
                row.marks[place] = mark;
                true
            }
            (Ok(place), None) => {
                row.targets.remove(place);
                row.marks.remove(place);
                true
            }
            (Err(place), Some(mark)) => {
                row.targets.insert(place, end);
                row.marks.insert(place, mark);
                false
            }
            (Err(_), None) => false,
        }
    }

    /// Rows that differ, or once differed, from the base: when these are many, it is time for [`Overlay::compact`].
    #[must_use]
    pub fn changed_rows(&self) -> usize {
        self.rows.len()
    }

    /// Numbers whose node was removed, ascending.
    pub fn removed_nodes(&self) -> impl Iterator<Item = u32> {
        self.removed.iter().copied()
    }

    /// The rows of outgoing edges that differ, or once differed, from the base.
    pub(super) fn changed_out(&self) -> impl Iterator<Item = (u32, EdgeKind)> {
        let out = self
            .rows
            .keys()
            .filter(|(_, _, direction)| *direction == Direction::Out);
        out.map(|(node, kind, _)| (*node, *kind))
    }

    /// All edges, by kind, start and end.
    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        self.kinds.iter().flat_map(move |kind| {
            (0..self.nodes).flat_map(move |from| {
                let row = self.row(from, kind, Direction::Out);
                row.iter().map(move |(to, mark)| Edge { from, to, kind, mark })
            })
        })
    }

    /// The same as a graph of its own. Linear.
    pub fn compact(&self) -> Result<Compacted, Refused> {
        let mut next = 0;
        let number: Vec<Option<u32>> = (0..self.nodes)
            .map(|node| {
                self.has_node(node).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        let renumbered = |node: u32| number.get(node as usize).copied().flatten();
        let mut builder = Builder::new(next);
        builder.extend(self.edges().filter_map(|edge| {
            Some(Edge {
                from: renumbered(edge.from)?,
                to: renumbered(edge.to)?,
                ..edge
            })
        }));
        Ok(Compacted {
            graph: builder.build()?,
            number,
        })
    }
}

impl View for Overlay {
    fn node_count(&self) -> u32 {
        self.nodes
    }

    fn has_node(&self, node: u32) -> bool {
        node < self.nodes && !self.removed.contains(&node)
    }

    fn kinds(&self) -> KindSet {
        self.kinds
    }

    fn row(&self, node: u32, kind: EdgeKind, direction: Direction) -> Row<'_> {
        if self.touched.has(node)
            && let Some(changed) = self.rows.get(&(node, kind, direction))
        {
            return changed.row();
        }
        self.base.row(node, kind, direction)
    }

    fn flat(&self, selection: Selection, direction: Direction) -> Flat<'_> {
        Flat::of(self, selection, direction)
    }
}
