//! PageRank: how much of the code leads here.

use super::peel::Peeled;
use super::solve::Solver;
use super::{Components, Direction, Extent, Limit, Selection, View};

/// Rounds over everything that lies on or between cycles, before that is taken apart into components: one large
/// component needs a dozen, and finding it costs as much time as six.
const WHOLE_ROUNDS: u32 = 24;

/// How PageRank is to be computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Rank {
    /// The part of a node's score that its edges pass on; below 1, usually 0.85.
    pub damping: f64,
    /// How far all scores together may be from the true ones (their sum is 1).
    pub error_max: f64,
    /// Rounds over a component at most.
    pub rounds_max: u32,
    /// Where a walk starts and restarts, with weights: the personalised variant. Empty: everywhere alike.
    pub starts: Vec<(u32, f64)>,
}

impl Default for Rank {
    fn default() -> Self {
        Self {
            damping: 0.85,
            error_max: 1e-9,
            rounds_max: 1000,
            starts: Vec::new(),
        }
    }
}

/// Scores of all nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranks {
    /// For each node its score; they add up to 1. Numbers that are no node have 0.
    pub scores: Vec<f64>,
    /// Proven bound of the sum of all scores' distances to the true ones (in exact arithmetic).
    pub error: f64,
    /// Rounds over the part with cycles, or if it was solved component by component, the most of these.
    pub rounds: u32,
    /// Complete if `error` is at most what was asked for.
    pub extent: Extent,
}

impl Rank {
    /// PageRank (Brin and Page 1998) over the selected edges. What a node without outgoing edges has goes to the
    /// starts.
    ///
    /// With that rule the scores are, up to their sum, the solution of the linear system `x = d P'x + v` in which such
    /// nodes pass nothing on (Del Corso, Gulli, Romani 2005). What lies before and behind all cycles is solved at once,
    /// exactly; the rest by Gauss-Seidel (Arasu et al. 2002), balanced before each round (iterative aggregation). If the
    /// rest is small, or a few rounds over all of it do not do, it is solved component by component in topological
    /// order. The columns of `P'` add up to at most 1, so after a round that changed `x` by `c` in all, what is left is
    /// at most `c d / (1 - d)`.
    #[must_use]
    pub fn of(&self, view: &(impl View + ?Sized), selection: Selection) -> Ranks {
        let out = view.flat(selection, Direction::Out);
        let back = view.flat(selection, Direction::Back);
        let starts = self.restart(view);
        let damping = if self.damping.is_finite() {
            self.damping.clamp(0.0, 0.999)
        } else {
            0.85
        };
        let nodes = view.node_count() as usize;
        let mut solver = Solver::new(&out, &back, &starts, damping);
        // The sum of the solution is at least that of `v`, 1; so this much error before dividing by the sum is at most
        // twice as much after.
        let share = self.error_max / 2.0 * (1.0 - damping) / nodes.max(1) as f64;
        let peeled = Peeled::of(&out, &back);
        let inside: usize = peeled.core.iter().map(|node| out.row(*node).len()).sum();
        let whole = inside > out.edge_count() / 2;
        let tried = whole.then(|| solver.around(&peeled, damping, share, self.rounds_max.min(WHOLE_ROUNDS)));
        let (residual, rounds) = match tried {
            Some((residual, rounds)) if residual <= share * peeled.core.len() as f64 => (residual, rounds),
            _ => solver.one_by_one(&Components::of_flat(&out), damping, share, self.rounds_max),
        };
        let mut scores = solver.score;
        let sum: f64 = scores.iter().sum();
        if sum > 0.0 {
            for score in &mut scores {
                *score /= sum;
            }
        }
        let error = 2.0 * residual / (1.0 - damping) / sum.max(1.0);
        Ranks {
            scores,
            error,
            rounds,
            extent: if error <= self.error_max {
                Extent::Complete
            } else {
                Extent::Cut(Limit::Steps)
            },
        }
    }

    /// For each node the probability that a walk starts there.
    fn restart(&self, view: &(impl View + ?Sized)) -> Vec<f64> {
        let mut starts = vec![0.0; view.node_count() as usize];
        for (node, weight) in &self.starts {
            if view.has_node(*node) && weight.is_finite() && *weight > 0.0 {
                starts[*node as usize] += weight;
            }
        }
        let sum: f64 = starts.iter().sum();
        if sum > 0.0 && sum.is_finite() {
            for weight in &mut starts {
                *weight /= sum;
            }
            return starts;
        }
        let there: Vec<u32> = (0..view.node_count()).filter(|n| view.has_node(*n)).collect();
        starts.fill(0.0);
        for node in &there {
            starts[*node as usize] = 1.0 / there.len() as f64;
        }
        starts
    }
}
