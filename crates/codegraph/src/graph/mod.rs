//! A code property graph in compressed rows, and what is asked of it.
//!
//! A node is a number below [`View::node_count`]; what it stands for (a module, a function, a statement) the caller
//! keeps in a table of its own. An edge has a kind and a mark (where it was read, how sure it is), and there is at most
//! one edge of a kind from one node to another. [`Graph`] is immutable; a version that differs from it in little is an
//! [`Overlay`] over it. Both are a [`View`], and every question takes one.
//!
//! All answers are deterministic, none recurses, and those that could run long take a [`Budget`] and say in an
//! [`Extent`] whether they are complete.

mod between;
mod build;
mod codec;
mod community;
mod delta;
mod flat;
mod impact;
mod kind;
mod leiden;
mod overlay;
mod path;
mod peel;
mod random;
mod rank;
mod reach;
mod rows;
mod sampled;
mod scc;
mod seen;
mod slice;
mod solve;
mod view;
mod weighted;

pub use between::{Between, Betweenness, Method};
pub use build::{Builder, NODES_MAX, Refused};
pub use codec::GRAPH_BYTES_MAX;
pub use community::{Communities, Grouping};
pub use delta::{DELTA_BYTES_MAX, Delta};
pub use flat::Flat;
pub use impact::{Impact, Impacted};
pub use kind::{EdgeKind, KindSet};
pub use overlay::{Compacted, Overlay};
pub use path::Paths;
pub use rank::{Rank, Ranks};
pub use reach::{Reach, Reached, Step, Walk, dead};
pub use rows::Row;
use rows::Rows;
pub use scc::Components;
pub use slice::{Slice, slice, summaries};
pub use view::{Budget, Direction, Extent, Limit, Selection, View};

use crate::fact::Mark;

/// An edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Where it starts.
    pub from: u32,
    /// Where it ends.
    pub to: u32,
    /// What it says.
    pub kind: EdgeKind,
    /// Where it was read and how sure it is.
    pub mark: Mark,
}

/// An immutable graph: for each kind its edges by start and, again, by end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: u32,
    kinds: KindSet,
    sides: Vec<Sides>,
}

/// The edges of one kind in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sides {
    kind: EdgeKind,
    out: Rows,
    back: Rows,
}

impl Graph {
    fn empty(nodes: u32) -> Self {
        Self {
            nodes,
            ..Self::default()
        }
    }

    /// Puts a kind's edges in. Kinds come in ascending order, each once; no edges, no kind.
    fn put(&mut self, kind: EdgeKind, out: Rows) {
        if out.targets.is_empty() {
            return;
        }
        let back = out.transposed(self.nodes);
        self.kinds = self.kinds.with(kind.into());
        self.sides.push(Sides { kind, out, back });
    }

    fn rows(&self, kind: EdgeKind, direction: Direction) -> Option<&Rows> {
        let place = self.sides.binary_search_by_key(&kind, |sides| sides.kind).ok()?;
        let sides = self.sides.get(place)?;
        Some(match direction {
            Direction::Out => &sides.out,
            Direction::Back => &sides.back,
        })
    }

    /// Edges of all kinds.
    #[must_use]
    pub fn edge_count(&self) -> usize {
        self.sides.iter().map(|sides| sides.out.targets.len()).sum()
    }

    /// All edges, by kind, start and end.
    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        self.sides.iter().flat_map(|sides| {
            sides.out.edges().map(|(from, to, mark)| Edge {
                from,
                to,
                kind: sides.kind,
                mark,
            })
        })
    }
}

impl View for Graph {
    fn node_count(&self) -> u32 {
        self.nodes
    }

    fn has_node(&self, node: u32) -> bool {
        node < self.nodes
    }

    fn kinds(&self) -> KindSet {
        self.kinds
    }

    fn row(&self, node: u32, kind: EdgeKind, direction: Direction) -> Row<'_> {
        self.rows(kind, direction)
            .map(|rows| rows.row(node))
            .unwrap_or_default()
    }

    fn flat(&self, selection: Selection, direction: Direction) -> Flat<'_> {
        let mut kinds = selection.kinds.and(self.kinds).iter();
        if let (Some(kind), None) = (kinds.next(), kinds.next())
            && let Some(rows) = self.rows(kind, direction)
            && !rows.is_sparse()
            && rows.marks.iter().all(|mark| selection.takes(*mark))
        {
            return Flat::borrowed(&rows.starts, &rows.targets);
        }
        Flat::of(self, selection, direction)
    }
}
