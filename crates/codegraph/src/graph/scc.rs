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
            low: vec![UNSEEN; nodes as usize],
            next: vec![0; nodes as usize],
            open: Vec::new(),
            path: Vec::new(),
            seen: 0,
            found: 0,
            of: vec![UNSEEN; nodes as usize],
        };
        for node in 0..nodes {
            if walk.low[node as usize] == UNSEEN {
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

/// Tarjan's state. `low` is a node's number in order of discovery, lowered to the least one that it reaches in its
/// component; the node whose `low` stays its own number is the component's first.
struct Walk<'a> {
    flat: &'a Flat<'a>,
    low: Vec<u32>,
    next: Vec<u32>,
    open: Vec<u32>,
    path: Vec<(u32, u32)>,
    seen: u32,
    found: u32,
    of: Vec<u32>,
}

impl Walk<'_> {
    fn from(&mut self, root: u32) {
        self.enter(root);
        while let Some(&(node, number)) = self.path.last() {
            let at = node as usize;
            let row = self.flat.row(node);
            let mut low = self.low[at];
            let mut child = None;
            let mut place = self.next[at] as usize;
            while let Some(&to) = row.get(place) {
                place += 1;
                let seen = self.low[to as usize];
                if seen == UNSEEN {
                    child = Some(to);
                    break;
                }
                low = low.min(seen);
            }
            self.next[at] = place as u32;
            self.low[at] = low;
            match child {
                Some(to) => self.enter(to),
                None => self.leave(node, number),
            }
        }
    }

    fn enter(&mut self, node: u32) {
        self.low[node as usize] = self.seen;
        self.path.push((node, self.seen));
        self.open.push(node);
        self.seen += 1;
    }

    fn leave(&mut self, node: u32, number: u32) {
        self.path.pop();
        let low = self.low[node as usize];
        if low == number {
            while let Some(member) = self.open.pop() {
                self.of[member as usize] = self.found;
                self.low[member as usize] = FINISHED;
                if member == node {
                    break;
                }
            }
            self.found += 1;
        } else if let Some((parent, _)) = self.path.last() {
            let parent = &mut self.low[*parent as usize];
            *parent = low.min(*parent);
        }
    }
}
