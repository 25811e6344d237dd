//! An undirected graph with weights: what communities are looked for in.

use super::{Direction, Selection, View};

/// Edges in both directions with their weights, and for each node the sum of the weights at it; what lies inside a
/// node that stands for several counts twice there. All are whole numbers, so sums are exact in any order.
#[derive(Clone, Debug)]
pub(super) struct Weighted {
    starts: Vec<usize>,
    targets: Vec<u32>,
    weights: Vec<f64>,
    pub(super) strength: Vec<f64>,
    /// Twice the weight of all edges.
    pub(super) total: f64,
}

impl Weighted {
    /// Directed edges without their direction: an edge each way weighs 2. A node's edge to itself says nothing about
    /// whom it belongs with and is left out.
    pub(super) fn of(view: &(impl View + ?Sized), selection: Selection) -> Self {
        let out = view.flat(selection, Direction::Out);
        let back = view.flat(selection, Direction::Back);
        let mut made = Self::with_capacity(view.node_count() as usize, out.edge_count() * 2);
        for node in 0..view.node_count() {
            let (mut to, mut from) = (out.row(node).iter().peekable(), back.row(node).iter().peekable());
            while let Some(next) = [to.peek(), from.peek()].into_iter().flatten().min().map(|n| **n) {
                let there = to.next_if(|n| **n == next).is_some();
                let here = from.next_if(|n| **n == next).is_some();
                if next != node {
                    made.push(next, f64::from(u8::from(there) + u8::from(here)));
                }
            }
            made.close(0.0);
        }
        made
    }

    fn with_capacity(nodes: usize, edges: usize) -> Self {
        let mut starts = Vec::with_capacity(nodes + 1);
        starts.push(0);
        Self {
            starts,
            targets: Vec::with_capacity(edges),
            weights: Vec::with_capacity(edges),
            strength: Vec::with_capacity(nodes),
            total: 0.0,
        }
    }

    fn push(&mut self, target: u32, weight: f64) {
        self.targets.push(target);
        self.weights.push(weight);
    }

    /// Ends a node's edges; `inside` is what its own parts share, twice.
    fn close(&mut self, inside: f64) {
        let start = self.starts.last().copied().unwrap_or_default();
        let strength = self.weights[start..].iter().sum::<f64>() + inside;
        self.strength.push(strength);
        self.total += strength;
        self.starts.push(self.targets.len());
    }

    pub(super) fn len(&self) -> usize {
        self.strength.len()
    }

    pub(super) fn edges(&self, node: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[node]..self.starts[node + 1];
        let targets = self.targets[range.clone()].iter().map(|target| *target as usize);
        targets.zip(self.weights[range].iter().copied())
    }

    /// The graph whose nodes are the groups of this one's; groups are numbered without gaps.
    pub(super) fn grouped(&self, group: &[u32], count: usize) -> Self {
        let members = members(group, count);
        let mut made = Self::with_capacity(count, 0);
        let mut weight = vec![0.0; count];
        let mut met = Vec::new();
        for own in 0..count {
            let mut strength = 0.0;
            let mut leaving = 0.0;
            for node in members.of(own) {
                strength += self.strength[*node as usize];
                for (to, edge) in self.edges(*node as usize) {
                    let to = group[to] as usize;
                    if to != own {
                        if weight[to] == 0.0 {
                            met.push(to as u32);
                        }
                        weight[to] += edge;
                        leaving += edge;
                    }
                }
            }
            met.sort_unstable();
            for to in met.drain(..) {
                made.push(to, std::mem::take(&mut weight[to as usize]));
            }
            made.close(strength - leaving);
        }
        made
    }
}

/// The nodes of each group.
#[derive(Debug)]
pub(super) struct Members {
    starts: Vec<usize>,
    nodes: Vec<u32>,
}

impl Members {
    pub(super) fn of(&self, group: usize) -> &[u32] {
        &self.nodes[self.starts[group]..self.starts[group + 1]]
    }
}

/// The nodes of each of `count` groups, ascending.
pub(super) fn members(group: &[u32], count: usize) -> Members {
    let mut starts = vec![0; count + 1];
    for group in group {
        starts[*group as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut next = starts.clone();
    let mut nodes = vec![0; group.len()];
    for (node, group) in group.iter().enumerate() {
        let place = &mut next[*group as usize];
        nodes[*place] = node as u32;
        *place += 1;
    }
    Members { starts, nodes }
}

/// Numbers groups without gaps, by their first node; returns how many there are.
pub(super) fn renumber(group: &mut [u32]) -> usize {
    let mut number = vec![u32::MAX; group.len()];
    let mut count = 0;
    for group in group.iter_mut() {
        let number = &mut number[*group as usize];
        if *number == u32::MAX {
            *number = count;
            count += 1;
        }
        *group = *number;
    }
    count as usize
}
