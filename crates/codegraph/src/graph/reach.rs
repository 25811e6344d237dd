//! What can be reached from where, in how many steps, and how strongly it depends on that.

use super::seen::Seen;
use super::view::Purse;
use super::{Budget, Direction, EdgeKind, Extent, KindSet, Limit, View};
use crate::fact::{Confidence, Mark};

/// Which edges a question follows, which way, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Kinds followed from start to end.
    pub along: KindSet,
    /// Kinds followed from end to start.
    pub against: KindSet,
    /// Only edges that are at least so sure.
    pub confidence: Confidence,
    /// Steps from the starting points at most. Not a budget: an answer of this depth is complete.
    pub depth_max: u32,
    /// What the answer may cost.
    pub budget: Budget,
}

impl Walk {
    fn new(along: KindSet, against: KindSet) -> Self {
        Self {
            along,
            against,
            confidence: Confidence::Guess,
            depth_max: u32::MAX,
            budget: Budget::default(),
        }
    }

    /// Follows these kinds from start to end.
    #[must_use]
    pub fn along(kinds: impl Into<KindSet>) -> Self {
        Self::new(kinds.into(), KindSet::NONE)
    }

    /// Follows these kinds from end to start.
    #[must_use]
    pub fn against(kinds: impl Into<KindSet>) -> Self {
        Self::new(KindSet::NONE, kinds.into())
    }

    /// What calls it, through whatever chain.
    #[must_use]
    pub fn callers() -> Self {
        Self::against(KindSet::CALLS)
    }

    /// What it calls, through whatever chain.
    #[must_use]
    pub fn callees() -> Self {
        Self::along(KindSet::CALLS)
    }

    /// What may feel a change: whatever needs it, and whatever its values and decisions flow to.
    #[must_use]
    pub fn impact() -> Self {
        Self::new(KindSet::FLOWS, KindSet::NEEDS)
    }

    /// At most so many steps.
    #[must_use]
    pub fn depth(self, depth_max: u32) -> Self {
        Self { depth_max, ..self }
    }

    /// Only edges at least so sure.
    #[must_use]
    pub fn sure(self, confidence: Confidence) -> Self {
        Self { confidence, ..self }
    }

    /// At this cost at most.
    #[must_use]
    pub fn within(self, budget: Budget) -> Self {
        Self { budget, ..self }
    }

    /// The same steps backwards.
    #[must_use]
    pub fn flipped(self) -> Self {
        Self {
            along: self.against,
            against: self.along,
            ..self
        }
    }

    /// The kinds and directions that it follows in this graph.
    pub(super) fn ways(&self, view: &(impl View + ?Sized)) -> Vec<(EdgeKind, Direction)> {
        let there = view.kinds();
        let out = self.along.and(there).iter().map(|kind| (kind, Direction::Out));
        let back = self.against.and(there).iter().map(|kind| (kind, Direction::Back));
        out.chain(back).collect()
    }

    /// One step from a node: each edge, by kind and other end. A node that calls itself is among its own callers here.
    #[must_use]
    pub fn step(&self, view: &(impl View + ?Sized), node: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        for (kind, direction) in self.ways(view) {
            let row = view.row(node, kind, direction);
            steps.extend(
                row.iter()
                    .filter(|(_, mark)| mark.confidence() >= self.confidence)
                    .map(|(node, mark)| Step { node, kind, mark }),
            );
        }
        steps
    }

    /// Everything that the walk meets from these nodes, nearest first (breadth first).
    #[must_use]
    pub fn reach(&self, view: &(impl View + ?Sized), from: &[u32]) -> Reach {
        let mut seen = Seen::new(view.node_count());
        let mut reach = Reach {
            nodes: Vec::new(),
            extent: Extent::Complete,
        };
        for node in from {
            if view.has_node(*node) && seen.insert(*node) {
                reach.push(*node, 0, NO_ONE, self.budget.nodes_max);
            }
        }
        let ways = self.ways(view);
        let mut purse = Purse::new(self.budget);
        let mut at = 0;
        while let Some(&Reached { node, depth, .. }) = reach.nodes.get(at) {
            if depth >= self.depth_max || !reach.extent.is_complete() {
                break;
            }
            for (kind, direction) in &ways {
                let row = view.row(node, *kind, *direction);
                if !purse.pay(row.targets.len()) {
                    reach.extent = Extent::Cut(Limit::Edges);
                    return reach;
                }
                for (to, mark) in row.iter() {
                    if mark.confidence() >= self.confidence && seen.insert(to) {
                        reach.push(to, depth + 1, at as u32, self.budget.nodes_max);
                    }
                }
            }
            at += 1;
        }
        reach
    }
}

/// One edge as a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it leads.
    pub node: u32,
    /// What the edge says.
    pub kind: EdgeKind,
    /// Where that was read and how sure it is.
    pub mark: Mark,
}

const NO_ONE: u32 = u32::MAX;

/// A node that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The node.
    pub node: u32,
    /// Least number of steps to it.
    pub depth: u32,
    /// The place in [`Reach::nodes`] of the node before it.
    before: u32,
}

/// Everything that was reached, nearest first, starting points (depth 0) included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The nodes.
    pub nodes: Vec<Reached>,
    /// Whether these are all. Nodes given are reached in any case.
    pub extent: Extent,
}

impl Reach {
    fn push(&mut self, node: u32, depth: u32, before: u32, nodes_max: usize) {
        if self.nodes.len() < nodes_max {
            self.nodes.push(Reached { node, depth, before });
        } else {
            self.extent = Extent::Cut(Limit::Nodes);
        }
    }

    /// The nodes met, without the starting points.
    pub fn met(&self) -> impl Iterator<Item = u32> {
        self.nodes
            .iter()
            .filter(|reached| reached.depth > 0)
            .map(|r| r.node)
    }

    /// A shortest chain from a starting point to the node at this place of [`Reach::nodes`], both included.
    #[must_use]
    pub fn chain(&self, place: usize) -> Vec<u32> {
        let mut chain = Vec::new();
        let mut at = self.nodes.get(place);
        while let Some(reached) = at {
            chain.push(reached.node);
            at = self.nodes.get(reached.before as usize);
        }
        chain.reverse();
        chain
    }
}

/// The nodes that no root reaches, ascending: code that nothing uses, as far as the walk's kinds tell.
#[must_use]
pub fn dead(view: &(impl View + ?Sized), roots: &[u32], walk: &Walk) -> (Vec<u32>, Extent) {
    let reach = walk.reach(view, roots);
    let mut seen = Seen::new(view.node_count());
    for reached in &reach.nodes {
        seen.insert(reached.node);
    }
    let dead = (0..view.node_count())
        .filter(|node| view.has_node(*node) && !seen.has(*node))
        .collect();
    (dead, reach.extent)
}
