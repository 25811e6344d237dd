//! What feels a change, ranked.

use super::{Extent, Reach, View, Walk};

impl Walk {
    /// What [`Walk::reach`] meets besides the starting points, each with how strongly it hangs on them, ranked: the
    /// nearest first, of equally near ones the strongest, of equally strong ones the smallest number.
    ///
    /// The strength of a starting point is 1, that of a node the sum over the edges of its shortest chains: the
    /// strength where the edge comes from, times [`crate::fact::Confidence::weight`]. It is the number of shortest chains, each
    /// counted as far as it can be trusted.
    #[must_use]
    pub fn ranked(&self, view: &(impl View + ?Sized), from: &[u32]) -> Impact {
        let reach = self.reach(view, from);
        let ways = self.ways(view);
        let places = Places::of(&reach, view.node_count());
        let last = reach.nodes.last().map_or(0, |reached| reached.depth);
        let mut strength = vec![0.0; reach.nodes.len()];
        for (at, reached) in reach.nodes.iter().enumerate() {
            if reached.depth == 0 {
                strength[at] = 1.0;
            }
            if reached.depth == last {
                continue;
            }
            for (kind, direction) in &ways {
                for (to, mark) in view.row(reached.node, *kind, *direction).iter() {
                    if mark.confidence() >= self.confidence
                        && let Some(place) = places.of_node(to)
                        && reach.nodes[place].depth == reached.depth + 1
                    {
                        strength[place] += strength[at] * mark.confidence().weight();
                    }
                }
            }
        }
        let mut nodes: Vec<Impacted> = reach
            .nodes
            .iter()
            .zip(strength)
            .filter(|(reached, _)| reached.depth > 0)
            .map(|(reached, strength)| Impacted {
                node: reached.node,
                depth: reached.depth,
                strength,
            })
            .collect();
        nodes.sort_unstable_by(|a, b| {
            (a.depth.cmp(&b.depth))
                .then(b.strength.total_cmp(&a.strength))
                .then(a.node.cmp(&b.node))
        });
        Impact {
            nodes,
            extent: reach.extent,
        }
    }
}

/// Of a graph's nodes one in so many at most is reached for a list to be searched; else a table of all nodes is made.
const SPARSE: usize = 32;

/// Where each node stands in an answer.
enum Places {
    /// For each node its place and 1, or 0. Clearing it costs more than a small answer itself.
    Table(Vec<u32>),
    /// By node.
    List(Vec<(u32, u32)>),
}

impl Places {
    fn of(reach: &Reach, node_count: u32) -> Self {
        let nodes = reach
            .nodes
            .iter()
            .zip(0u32..)
            .map(|(reached, place)| (reached.node, place));
        if reach.nodes.len() < node_count as usize / SPARSE {
            let mut list: Vec<(u32, u32)> = nodes.collect();
            list.sort_unstable();
            return Self::List(list);
        }
        let mut table = vec![0; node_count as usize];
        for (node, place) in nodes {
            table[node as usize] = place + 1;
        }
        Self::Table(table)
    }

    fn of_node(&self, node: u32) -> Option<usize> {
        match self {
            Self::Table(table) => (*table.get(node as usize)? as usize).checked_sub(1),
            Self::List(list) => {
                let at = list.binary_search_by_key(&node, |(node, _)| *node).ok()?;
                list.get(at).map(|(_, place)| *place as usize)
            }
        }
    }
}

/// A node that feels a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impacted {
    /// The node.
    pub node: u32,
    /// Least number of steps to it.
    pub depth: u32,
    /// How strongly it hangs on the starting points: see [`Walk::ranked`].
    pub strength: f64,
}

/// What feels a change, ranked.
#[derive(Clone, Debug, PartialEq)]
pub struct Impact {
    /// The nodes, without the starting points.
    pub nodes: Vec<Impacted>,
    /// Whether these are all.
    pub extent: Extent,
}
