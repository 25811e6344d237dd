//! Strongly connected components, the graph of components, and an order in which callers come before callees.

use super::{Direction, Flat, Selection, View};

/// The strongly connected components of a graph: sets of nodes that reach one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Components {
    of: Vec<u32>,
    starts: Vec<u32>,
    members: Vec<u32>,
}

const UNSEEN: u32 = u32::MAX;
/// Greater than every number: a node of a finished component lowers nothing.
const FINISHED: u32 = u32::MAX - 1;

impl Components {
    /// The components over the selected edges. Tarjan 1972 ("Depth-first search and linear graph algorithms"), with the
    /// recursion as a stack of its own; linear.
    #[must_use]
    pub fn of(view: &(impl View + ?Sized), selection: Selection) -> Self {
        Self::of_flat(&view.flat(selection, Direction::Out))
    }

    /// The same over an adjacency of outgoing edges.
    #[must_use]
    pub fn of_flat(flat: &Flat<'_>) -> Self {
        let nodes = flat.node_count();
        let mut walk = Walk {
            flat,
            number: vec![UNSEEN; nodes as usize],
            open: Vec::new(),
            path: Vec::new(),
            seen: 0,
            found: 0,
            of: vec![UNSEEN; nodes as usize],
        };
        for node in 0..nodes {
            if walk.number[node as usize] == UNSEEN {
                walk.from(node);
            }
        }
        // Tarjan finishes a component after all that it reaches: turned round, edges lead to greater numbers.
        let count = walk.found;
        let mut of = walk.of;
        for component in &mut of {
            *component = count - 1 - *component;
        }
        Self::grouped(of, count)
    }

    fn grouped(of: Vec<u32>, count: u32) -> Self {
        let mut starts = vec![0u32; count as usize + 1];
        for component in &of {
            starts[*component as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut members = vec![0; of.len()];
        for (node, component) in of.iter().enumerate() {
            let place = &mut next[*component as usize];
            members[*place as usize] = node as u32;
            *place += 1;
        }
        Self { of, starts, members }
    }

    /// How many there are. Their numbers are a topological order: every edge between two leads from the smaller number
    /// to the greater one.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.starts.len().saturating_sub(1) as u32
    }

    /// The component of a node; `None` of a number that is no node.
    #[must_use]
    pub fn component(&self, node: u32) -> Option<u32> {
        self.of.get(node as usize).copied()
    }

    /// A component's nodes, ascending.
    #[must_use]
    pub fn members(&self, component: u32) -> &[u32] {
        let at = component as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(start), Some(end)) => &self.members[*start as usize..*end as usize],
            _ => &[],
        }
    }

    /// All nodes, so that along an edge between two components the start comes before the end; in a component by number.
    #[must_use]
    pub fn topological(&self) -> &[u32] {
        &self.members
    }

    /// Components of several nodes that reach one another, the largest first: mutual recursion, cyclic modules. (A
    /// node with an edge to itself is a component of one and not among these.)
    #[must_use]
    pub fn cycles(&self) -> Vec<u32> {
        let size = |component: &u32| self.members(*component).len();
        let mut cycles: Vec<u32> = (0..self.count()).filter(|c| size(c) > 1).collect();
        cycles.sort_by_key(|component| std::cmp::Reverse(size(component)));
        cycles
    }

    /// The graph of components: for each the components that its nodes' edges lead to, without itself. It has no cycle.
    #[must_use]
    pub fn condensed(&self, flat: &Flat<'_>) -> Flat<'static> {
        let mut starts = vec![0];
        let mut targets = Vec::new();
        let mut row = Vec::new();
        for component in 0..self.count() {
            row.clear();
            for node in self.members(component) {
                let ends = flat.row(*node).iter().filter_map(|to| self.component(*to));
                row.extend(ends.filter(|other| *other != component));
            }
            row.sort_unstable();
            row.dedup();
            targets.extend_from_slice(&row);
            starts.push(targets.len() as u32);
        }
        Flat::owned(starts, targets)
    }
}

/// Tarjan's state.
struct Walk<'a> {
    flat: &'a Flat<'a>,
    /// Each node's number in the order of discovery.
    number: Vec<u32>,
    /// Nodes whose component is not finished.
    open: Vec<u32>,
    path: Vec<Frame<'a>>,
    seen: u32,
    found: u32,
    of: Vec<u32>,
}

/// A node on the path from the root to where the search is.
struct Frame<'a> {
    node: u32,
    /// The least number that it reaches in its component, as far as known; the component's first node keeps its own.
    low: u32,
    /// The edges not yet followed.
    rest: &'a [u32],
}

impl Walk<'_> {
    fn from(&mut self, root: u32) {
        self.enter(root);
        while let Some(frame) = self.path.last_mut() {
            let mut child = None;
            while let Some((to, rest)) = frame.rest.split_first() {
                frame.rest = rest;
                let seen = self.number[*to as usize];
                if seen == UNSEEN {
                    child = Some(*to);
                    break;
                }
                frame.low = frame.low.min(seen);
            }
            match child {
                Some(to) => self.enter(to),
                None => self.leave(),
            }
        }
    }

    fn enter(&mut self, node: u32) {
        self.number[node as usize] = self.seen;
        self.path.push(Frame {
            node,
            low: self.seen,
            rest: self.flat.row(node),
        });
        self.open.push(node);
        self.seen += 1;
    }

    fn leave(&mut self) {
        let Some(Frame { node, low, .. }) = self.path.pop() else {
            return;
        };
        if low == self.number[node as usize] {
            while let Some(member) = self.open.pop() {
                self.of[member as usize] = self.found;
                self.number[member as usize] = FINISHED;
                if member == node {
                    break;
                }
            }
            self.found += 1;
        } else if let Some(parent) = self.path.last_mut() {
            parent.low = parent.low.min(low);
        }
    }
}
