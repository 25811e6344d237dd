//! A random one of the shortest ways between two nodes.

use super::Flat;
use super::random::Random;

/// Finds shortest ways by searching from both ends; what it allocates is used again for each pair.
pub(super) struct Sampler<'a> {
    ahead: Side<'a>,
    behind: Side<'a>,
    way: Vec<u32>,
}

/// A breadth-first search from one end, level by level.
struct Side<'a> {
    /// The edges it follows.
    flat: &'a Flat<'a>,
    depth: Vec<u32>,
    /// Shortest ways from its end to each node. As floating point: there can be more than any integer holds.
    ways: Vec<f64>,
    seen: Vec<u32>,
    level_start: usize,
    level: u32,
    level_edges: usize,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(out: &'a Flat<'a>, back: &'a Flat<'a>) -> Self {
        Self {
            ahead: Side::new(out),
            behind: Side::new(back),
            way: Vec::new(),
        }
    }

    /// The nodes between the two ends on one of their shortest ways, each way as probable as any other. Empty if they
    /// are next to one another or there is no way. The ends differ.
    pub(super) fn way(&mut self, from: u32, to: u32, random: &mut Random) -> &[u32] {
        self.way.clear();
        self.ahead.start(from);
        self.behind.start(to);
        let met = loop {
            if self.ahead.level_done() || self.behind.level_done() {
                return &self.way;
            }
            let (side, other) = if self.ahead.level_edges <= self.behind.level_edges {
                (&mut self.ahead, &self.behind)
            } else {
                (&mut self.behind, &self.ahead)
            };
            side.advance();
            // Whole levels on both sides: the first nodes that both have seen lie on all shortest ways' middle level.
            let frontier = &side.seen[side.level_start..];
            let both = |node: &u32| side.ways[*node as usize] * other.ways[*node as usize];
            let total: f64 = frontier.iter().map(both).sum();
            if total > 0.0 {
                break pick(frontier.iter().map(|node| (*node, both(node))), total, random);
            }
        };
        self.trace(met, from, to, random);
        &self.way
    }

    fn trace(&mut self, met: u32, from: u32, to: u32, random: &mut Random) {
        if met != from && met != to {
            self.way.push(met);
        }
        for (side, other) in [(&self.ahead, &self.behind), (&self.behind, &self.ahead)] {
            let mut node = met;
            while side.depth[node as usize] > 1 {
                let before = side.depth[node as usize] - 1;
                let choices = other
                    .flat
                    .row(node)
                    .iter()
                    .filter(|n| side.depth[**n as usize] == before);
                let weighted = choices.map(|n| (*n, side.ways[*n as usize]));
                node = pick(weighted, side.ways[node as usize], random);
                self.way.push(node);
            }
        }
    }
}

/// One of the nodes, as probable as its weight; `total` is the sum of the weights.
fn pick(weighted: impl Iterator<Item = (u32, f64)>, total: f64, random: &mut Random) -> u32 {
    let mut left = random.unit() * total;
    let mut last = 0;
    for (node, weight) in weighted {
        if weight > 0.0 {
            last = node;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    last
}

impl<'a> Side<'a> {
    fn new(flat: &'a Flat<'a>) -> Self {
        let nodes = flat.node_count() as usize;
        Self {
            flat,
            depth: vec![u32::MAX; nodes],
            ways: vec![0.0; nodes],
            seen: Vec::new(),
            level_start: 0,
            level: 0,
            level_edges: 0,
        }
    }

    fn start(&mut self, end: u32) {
        for node in self.seen.drain(..) {
            self.depth[node as usize] = u32::MAX;
            self.ways[node as usize] = 0.0;
        }
        self.depth[end as usize] = 0;
        self.ways[end as usize] = 1.0;
        self.seen.push(end);
        self.level_start = 0;
        self.level = 0;
        self.level_edges = self.flat.row(end).len();
    }

    /// Whether there is nothing farther away.
    fn level_done(&self) -> bool {
        self.level_start == self.seen.len()
    }

    /// Sees the nodes of the next level.
    fn advance(&mut self) {
        let end = self.seen.len();
        self.level += 1;
        self.level_edges = 0;
        for at in self.level_start..end {
            let node = self.seen[at];
            for to in self.flat.row(node) {
                let place = *to as usize;
                if self.depth[place] == u32::MAX {
                    self.depth[place] = self.level;
                    self.seen.push(*to);
                    self.level_edges += self.flat.row(*to).len();
                }
                if self.depth[place] == self.level {
                    self.ways[place] += self.ways[node as usize];
                }
            }
        }
        self.level_start = end;
    }
}
