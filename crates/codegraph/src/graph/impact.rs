//! What feels a change, ranked.

use super::{Extent, View, Walk};

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
        let mut places = vec![0u32; view.node_count() as usize];
        for (place, reached) in reach.nodes.iter().enumerate() {
            places[reached.node as usize] = place as u32 + 1;
        }
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
                    let place = places[to as usize] as usize;
                    if mark.confidence() >= self.confidence
                        && place > 0
                        && reach.nodes[place - 1].depth == reached.depth + 1
                    {
                        strength[place - 1] += strength[at] * mark.confidence().weight();
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
