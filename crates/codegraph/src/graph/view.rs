//! What every question needs of a graph, and the bounds of an answer.

use super::{EdgeKind, Flat, KindSet, Row};
use crate::fact::{Confidence, Mark};

/// Which way edges are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From their start to their end.
    Out,
    /// From their end to their start.
    Back,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Self::Out => Self::Back,
            Self::Back => Self::Out,
        }
    }
}

/// Which edges count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Their kinds.
    pub kinds: KindSet,
    /// How sure they are at least.
    pub confidence: Confidence,
}

impl Selection {
    /// All edges of these kinds, however sure.
    #[must_use]
    pub fn of(kinds: impl Into<KindSet>) -> Self {
        Self {
            kinds: kinds.into(),
            confidence: Confidence::Guess,
        }
    }

    /// Whether an edge with this mark is sure enough.
    #[must_use]
    pub fn takes(self, mark: Mark) -> bool {
        mark.confidence() >= self.confidence
    }
}

/// What an answer may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Nodes that it may hold, its starting points included.
    pub nodes_max: usize,
    /// Edges that may be looked at for it.
    pub edges_max: u64,
}

impl Budget {
    /// As much as it takes.
    pub const UNLIMITED: Self = Self {
        nodes_max: usize::MAX,
        edges_max: u64::MAX,
    };
}

impl Default for Budget {
    /// A million nodes, sixteen million edges: about a second.
    fn default() -> Self {
        Self {
            nodes_max: 1_000_000,
            edges_max: 16_000_000,
        }
    }
}

/// Whether an answer is all there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// It is.
    Complete,
    /// There may be more: the budget ended.
    Cut(Limit),
}

impl Extent {
    /// Whether the answer is all there is.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self == Self::Complete
    }
}

/// What ended an answer early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Budget::nodes_max`].
    Nodes,
    /// [`Budget::edges_max`].
    Edges,
    /// The number of rounds or samples allowed.
    Steps,
}

/// Counts an answer's edges against its budget.
#[derive(Debug)]
pub(super) struct Purse {
    edges_left: u64,
}

impl Purse {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            edges_left: budget.edges_max,
        }
    }

    /// Takes so many edges from the budget; false, and all of it, if there are fewer.
    pub(super) fn pay(&mut self, edges: usize) -> bool {
        let enough = self.edges_left >= edges as u64;
        self.edges_left = self.edges_left.saturating_sub(edges as u64);
        enough
    }
}

/// A graph, or a version over one. Total: a node or kind that does not exist has no edges.
pub trait View {
    /// Every node's number is below this. Not every number below is a node: see [`View::has_node`].
    fn node_count(&self) -> u32;

    /// Whether there is such a node.
    fn has_node(&self, node: u32) -> bool;

    /// The kinds of which there are, or may be, edges.
    fn kinds(&self) -> KindSet;

    /// A node's edges of one kind.
    fn row(&self, node: u32, kind: EdgeKind, direction: Direction) -> Row<'_>;

    /// All selected edges as one adjacency: what algorithms over the whole graph work on. At most linear.
    fn flat(&self, selection: Selection, direction: Direction) -> Flat<'_>;
}
