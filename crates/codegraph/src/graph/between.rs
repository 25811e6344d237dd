//! Betweenness: on how many shortest ways a node lies.

use super::random::Random;
use super::sampled::Sampler;
use super::{Direction, Flat, Selection, View};

/// How betweenness is to be computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    /// Up to nodes times edges, all ways are counted; beyond, ways are sampled.
    pub exact_max: u64,
    /// How far a sampled score may be from the true one.
    pub error: f64,
    /// How probable it may be that some score is farther off than stated.
    pub risk: f64,
    /// Samples at most; with fewer than `error` asks for, a greater error is stated.
    pub samples_max: u32,
    /// What the samples follow from.
    pub seed: u64,
}

impl Default for Between {
    fn default() -> Self {
        Self {
            exact_max: 200_000_000,
            error: 0.03,
            risk: 0.05,
            samples_max: 100_000,
            seed: 1,
        }
    }
}

/// How scores came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// All shortest ways were counted.
    Exact,
    /// Shortest ways between random pairs were.
    Sampled {
        /// How many.
        samples: u32,
        /// With probability `1 - risk` no score is farther than this from the true one.
        error: f64,
        /// See `error`.
        risk: f64,
    },
}

/// Scores of all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Betweenness {
    /// For each node the part of all ordered pairs of other nodes whose shortest way leads through it; where a pair has
    /// several, the part of them. From 0 to 1; a pair without a way counts as one that does not lead through it.
    pub scores: Vec<f64>,
    /// Exact, or with what error.
    pub method: Method,
}

impl Between {
    /// Betweenness over the selected edges, all of length 1.
    ///
    /// Exact: Brandes 2001. Sampled: a random shortest way between each of many random pairs (Riondato and
    /// Kornaropoulos 2014, found from both ends as in Borassi and Natale 2016). Their number is that of Hoeffding's
    /// inequality with a union bound over all nodes for half the risk; the error stated is that, or, if smaller, the
    /// greatest of the nodes' empirical Bernstein bounds (Maurer and Pontil 2009) for the other half.
    #[must_use]
    pub fn of(&self, view: &(impl View + ?Sized), selection: Selection) -> Betweenness {
        let out = view.flat(selection, Direction::Out);
        let there: Vec<u32> = (0..view.node_count()).filter(|n| view.has_node(*n)).collect();
        let work = (there.len() as u64).saturating_mul(out.edge_count() as u64);
        if work <= self.exact_max || there.len() < 3 {
            return exact(&out, &there);
        }
        let back = view.flat(selection, Direction::Back);
        self.sampled(&out, &back, &there)
    }

    fn sampled(&self, out: &Flat<'_>, back: &Flat<'_>, there: &[u32]) -> Betweenness {
        let between = |value: f64, least: f64, most: f64| if value > least { value.min(most) } else { least };
        let risk = between(self.risk, 1e-12, 1.0);
        let error = between(self.error, 1e-6, 1.0);
        let half = (4.0 * there.len() as f64 / risk).ln();
        let samples = between(
            (half / (2.0 * error * error)).ceil(),
            2.0,
            f64::from(self.samples_max.max(2)),
        );
        let mut random = Random::new(self.seed);
        let mut sampler = Sampler::new(out, back);
        let mut counts = vec![0u32; out.node_count() as usize];
        for _ in 0..samples as u32 {
            let from = random.below(there.len());
            let to = (from + 1 + random.below(there.len() - 1)) % there.len();
            for node in sampler.way(there[from], there[to], &mut random) {
                counts[*node as usize] += 1;
            }
        }
        let hoeffding = (half / (2.0 * samples)).sqrt();
        let bernstein = |mean: f64| {
            let variance = mean * (1.0 - mean) * samples / (samples - 1.0);
            // ln(2 / risk of this side): a quarter of the risk over all nodes for each side.
            let log = (8.0 * there.len() as f64 / risk).ln();
            (2.0 * variance * log / samples).sqrt() + 7.0 * log / (3.0 * (samples - 1.0))
        };
        let scores: Vec<f64> = counts.iter().map(|count| f64::from(*count) / samples).collect();
        let worst = scores.iter().map(|mean| bernstein(*mean)).fold(0.0, f64::max);
        Betweenness {
            scores,
            method: Method::Sampled {
                samples: samples as u32,
                error: hoeffding.min(worst),
                risk,
            },
        }
    }
}

/// Brandes 2001: from each node a breadth-first search that counts shortest ways, then what hangs on each node, from
/// the farthest back.
fn exact(out: &Flat<'_>, there: &[u32]) -> Betweenness {
    let nodes = out.node_count() as usize;
    let mut scores = vec![0.0; nodes];
    let mut depth = vec![u32::MAX; nodes];
    let mut ways = vec![0.0f64; nodes];
    let mut hangs = vec![0.0; nodes];
    let mut order: Vec<u32> = Vec::new();
    for source in there {
        for node in order.drain(..) {
            depth[node as usize] = u32::MAX;
            ways[node as usize] = 0.0;
        }
        depth[*source as usize] = 0;
        ways[*source as usize] = 1.0;
        order.push(*source);
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            at += 1;
            let next = depth[node as usize] + 1;
            for to in out.row(node) {
                let to = *to as usize;
                if depth[to] == u32::MAX {
                    depth[to] = next;
                    order.push(to as u32);
                }
                if depth[to] == next {
                    ways[to] += ways[node as usize];
                }
            }
        }
        for node in order.iter().rev() {
            let at = *node as usize;
            let after = out.row(*node).iter().map(|to| *to as usize);
            hangs[at] = after
                .filter(|to| depth[*to] == depth[at] + 1)
                .map(|to| ways[at] / ways[to] * (1.0 + hangs[to]))
                .sum();
            if node != source {
                scores[at] += hangs[at];
            }
        }
    }
    let pairs = there.len() as f64 * (there.len() as f64 - 1.0);
    for score in &mut scores {
        *score /= pairs.max(1.0);
    }
    Betweenness {
        scores,
        method: Method::Exact,
    }
}
