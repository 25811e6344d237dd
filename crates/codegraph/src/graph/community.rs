//! Communities: nodes with more edges among themselves than chance would give them.

use super::leiden::{Pass, split};
use super::weighted::{Weighted, members};
use super::{Extent, Limit, Selection, View};

/// How communities are to be found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grouping {
    /// Above 1 more and smaller communities, below 1 fewer and larger ones.
    pub resolution: f64,
    /// Passes over the graph at most; the first two bring nearly all.
    pub passes_max: u32,
    /// Nodes looked at in all.
    pub steps_max: u64,
}

impl Default for Grouping {
    fn default() -> Self {
        Self {
            resolution: 1.0,
            passes_max: 10,
            steps_max: 100_000_000,
        }
    }
}

/// A partition of the nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Communities {
    of: Vec<Option<u32>>,
    /// How many there are.
    pub count: u32,
    /// The partition's modularity (Newman and Girvan 2004, with the resolution of Reichardt and Bornholdt 2006): the
    /// part of all edges that lie inside communities, less what chance would put there.
    pub modularity: f64,
    /// Complete if moving a single node to another community no longer raises the modularity.
    pub extent: Extent,
}

impl Communities {
    /// The community of a node; communities are numbered by their first node.
    #[must_use]
    pub fn community(&self, node: u32) -> Option<u32> {
        self.of.get(node as usize).copied().flatten()
    }

    /// The nodes of each community, ascending.
    #[must_use]
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); self.count as usize];
        for (node, community) in self.of.iter().enumerate() {
            if let Some(community) = community {
                members[*community as usize].push(node as u32);
            }
        }
        members
    }
}

impl Grouping {
    /// The communities over the selected edges, whose direction does not count.
    ///
    /// Leiden (Traag, Waltman, van Eck 2019), repeated until nothing changes. Two things differ so that equal graphs
    /// give equal answers: nodes are visited in the order of their numbers, and in the refinement a node joins the best
    /// community, not one drawn by lot. At the end what is not connected is split, which can only raise the modularity:
    /// every community is connected.
    #[must_use]
    pub fn of(&self, view: &(impl View + ?Sized), selection: Selection) -> Communities {
        let graph = Weighted::of(view, selection);
        let resolution = if self.resolution.is_finite() {
            self.resolution.clamp(0.0, 1e9)
        } else {
            1.0
        };
        let mut pass = Pass {
            resolution,
            steps_left: self.steps_max,
        };
        let mut group: Vec<u32> = (0..graph.len() as u32).collect();
        let mut best = quality(&graph, &group, resolution);
        let mut extent = Extent::Cut(Limit::Steps);
        for _ in 0..self.passes_max {
            let mut next = pass.run(&graph, &group);
            split(&graph, &mut next);
            let reached = quality(&graph, &next, resolution);
            let better = reached > best;
            if better {
                (group, best) = (next, reached);
            }
            if pass.steps_left == 0 {
                break;
            }
            if !better {
                extent = Extent::Complete;
                break;
            }
        }
        numbered(view, &group, best, extent)
    }
}

fn numbered(view: &(impl View + ?Sized), group: &[u32], modularity: f64, extent: Extent) -> Communities {
    let mut number = vec![None; group.len()];
    let mut count = 0;
    let mut of = vec![None; group.len()];
    for (node, group) in group.iter().enumerate() {
        if view.has_node(node as u32) {
            let number = number[*group as usize].get_or_insert(count);
            of[node] = Some(*number);
            count = count.max(*number + 1);
        }
    }
    Communities {
        of,
        count,
        modularity,
        extent,
    }
}

/// Modularity.
fn quality(graph: &Weighted, group: &[u32], resolution: f64) -> f64 {
    if graph.total == 0.0 {
        return 0.0;
    }
    let members = members(group, graph.len());
    let part = |own: usize| {
        let strength: f64 = members
            .of(own)
            .iter()
            .map(|node| graph.strength[*node as usize])
            .sum();
        let leaves = |node: &u32| {
            let edges = graph.edges(*node as usize);
            edges
                .filter(|(to, _)| group[*to] as usize != own)
                .map(|(_, weight)| weight)
                .sum::<f64>()
        };
        let outside: f64 = members.of(own).iter().map(leaves).sum();
        (strength - outside) / graph.total - resolution * (strength / graph.total).powi(2)
    };
    (0..graph.len()).map(part).sum()
}
