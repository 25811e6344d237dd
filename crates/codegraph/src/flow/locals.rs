//! Dense numbers for the values of one function.

use super::dfg::Vertex;
use crate::quoted::{NodeId, Quoted};

/// What a [`Vertex`] is the value of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A syntax node.
    Node(NodeId),
    /// A parameter, from 0.
    Parameter(u32),
    /// What the function returns.
    Result,
    /// What the closure with this number is given.
    Given(u32),
}

/// The numbers: first the syntax nodes of all clauses, then the parameters, the result, and the closures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locals {
    // First node, node after the last, number of the first.
    ranges: Vec<(u32, u32, u32)>,
    nodes: u32,
    parameters: u32,
}

impl Locals {
    /// Numbers for the subtrees of these clauses, which come in the order of the source.
    pub(super) fn new(tree: &Quoted, clauses: impl Iterator<Item = NodeId>, parameters: u32) -> Self {
        let (mut ranges, mut nodes): (Vec<(u32, u32, u32)>, u32) = (Vec::new(), 0);
        for clause in clauses {
            let range = tree.subtree(clause);
            let (start, end) = (range.start as u32, range.end as u32);
            if ranges.last().is_some_and(|last| last.1 > start) {
                continue;
            }
            ranges.push((start, end, nodes));
            nodes += end - start;
        }
        Self {
            ranges,
            nodes,
            parameters,
        }
    }

    /// A node's number; `None` if it is not part of the function.
    #[must_use]
    pub fn of(&self, node: NodeId) -> Option<Vertex> {
        let index = node.index() as u32;
        let place = match self.ranges.as_slice() {
            [_] => 0,
            _ => self
                .ranges
                .partition_point(|range| range.0 <= index)
                .checked_sub(1)?,
        };
        let (start, end, first) = *self.ranges.get(place)?;
        (index >= start && index < end).then(|| first + (index - start))
    }

    /// The number of a parameter, from 0.
    #[must_use]
    pub fn parameter(&self, place: u32) -> Option<Vertex> {
        (place < self.parameters).then_some(self.nodes + place)
    }

    /// The number of the result.
    #[must_use]
    pub fn result(&self) -> Vertex {
        self.nodes + self.parameters
    }

    pub(super) fn given(&self, closure: u32) -> Vertex {
        self.result() + 1 + closure
    }

    /// How many syntax nodes.
    #[must_use]
    pub fn nodes(&self) -> u32 {
        self.nodes
    }

    /// How many parameters.
    #[must_use]
    pub fn parameters(&self) -> u32 {
        self.parameters
    }

    /// What a number stands for.
    #[must_use]
    pub fn origin(&self, vertex: Vertex) -> Origin {
        if let Some(rest) = vertex.checked_sub(self.nodes) {
            return match rest {
                place if place < self.parameters => Origin::Parameter(place),
                place if place == self.parameters => Origin::Result,
                place => Origin::Given(place - self.parameters - 1),
            };
        }
        let place = self
            .ranges
            .partition_point(|range| range.2 <= vertex)
            .saturating_sub(1);
        let (start, _, first) = self.ranges.get(place).copied().unwrap_or_default();
        Origin::Node(NodeId::new((start + (vertex - first)) as usize))
    }
}
