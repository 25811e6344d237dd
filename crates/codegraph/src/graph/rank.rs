//! PageRank: how much of the code leads here.

use super::{Components, Direction, Extent, Flat, Limit, Selection, View};

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
    /// Most rounds that a component took.
    pub rounds: u32,
    /// Complete if `error` is at most what was asked for.
    pub extent: Extent,
}

impl Rank {
    /// PageRank (Brin and Page 1998) over the selected edges. What a node without outgoing edges has goes to the
    /// starts.
    ///
    /// With that rule the scores are, up to their sum, the solution of the linear system `x = d P'x + v` in which such
    /// nodes pass nothing on (Del Corso, Gulli, Romani 2005). It is solved component by component in topological order
    /// (a component of one node at once, exactly), within a component by Gauss-Seidel (Arasu et al. 2002): about half
    /// the rounds of power iteration, and a graph that is nearly free of cycles takes about one. The columns of `P'`
    /// add up to at most 1, so after a round that changed `x` by `c` in all, what is left is at most `c d / (1 - d)`.
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
        let mut solver = Solver {
            out: &out,
            back: &back,
            starts: &starts,
            scale: (0..nodes as u32)
                .map(|node| match out.degree(node) {
                    0 => 0.0,
                    degree => damping / f64::from(degree),
                })
                .collect(),
            score: starts.clone(),
            passed: vec![0.0; nodes],
        };
        // The sum of the solution is at least that of `v`, 1; so this much error before dividing by the sum is at most
        // twice as much after.
        let share = self.error_max / 2.0 * (1.0 - damping) / nodes.max(1) as f64;
        let components = Components::of_flat(&out);
        let (mut residual, mut rounds) = (0.0, 0);
        for component in 0..components.count() {
            let members = components.members(component);
            let residual_max = share * members.len() as f64;
            let (left, took) = solver.solve(&components, members, damping, residual_max, self.rounds_max);
            residual += left;
            rounds = rounds.max(took);
        }
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

/// Rounds after which scores are balanced; later the sum is right to within what is left anyway.
const BALANCED_ROUNDS: u32 = 8;

/// The system on its way to a solution: `passed` is what each of a node's edges carries, `scale * score`.
struct Solver<'a> {
    out: &'a Flat<'a>,
    back: &'a Flat<'a>,
    starts: &'a [f64],
    scale: Vec<f64>,
    score: Vec<f64>,
    passed: Vec<f64>,
}

impl Solver<'_> {
    /// Solves for a component whose predecessors are solved. Returns what is left of the residual (its L1 norm) and
    /// the rounds that it took.
    fn solve(
        &mut self,
        components: &Components,
        members: &[u32],
        damping: f64,
        residual_max: f64,
        rounds_max: u32,
    ) -> (f64, u32) {
        if let [node] = members
            && self.back.row(*node).binary_search(node).is_err()
        {
            self.update(*node);
            return (0.0, 1);
        }
        let stays = self.stays(components, members);
        let comes = self.comes(components, members);
        let mut residual = f64::INFINITY;
        for round in 1..=rounds_max {
            if round <= BALANCED_ROUNDS {
                self.balance(members, &stays, comes);
            }
            let change: f64 = members.iter().map(|node| self.update(*node)).sum();
            residual = damping * change;
            if residual <= residual_max {
                return (residual, round);
            }
        }
        (residual, rounds_max)
    }

    /// For each member the part of its score that its edges carry to members.
    fn stays(&self, components: &Components, members: &[u32]) -> Vec<f64> {
        let inside = |node: &u32| components.component(*node) == components.component(members[0]);
        let stays = |node: &u32| {
            let edges = self.out.row(*node).iter().filter(|to| inside(to)).count();
            self.scale[*node as usize] * edges as f64
        };
        members.iter().map(stays).collect()
    }

    /// What the members get from elsewhere and from starting there, together.
    fn comes(&self, components: &Components, members: &[u32]) -> f64 {
        let own = components.component(members[0]);
        let comes = |node: &u32| {
            let from = self.back.row(*node).iter();
            let outside = from.filter(|from| components.component(**from) != own);
            self.starts[*node as usize] + outside.map(|from| self.passed[*from as usize]).sum::<f64>()
        };
        members.iter().map(comes).sum()
    }

    /// Multiplies the members' scores by one number, so that what comes in and what goes out are equal in sum. Without
    /// this the sum alone would need a round for every factor of `damping` (iterative aggregation).
    fn balance(&mut self, members: &[u32], stays: &[f64], comes: f64) {
        let leaves: f64 = members
            .iter()
            .zip(stays)
            .map(|(node, stays)| self.score[*node as usize] * (1.0 - stays))
            .sum();
        let factor = if leaves > 0.0 { comes / leaves } else { 1.0 };
        for node in members {
            let at = *node as usize;
            self.score[at] *= factor;
            self.passed[at] = self.scale[at] * self.score[at];
        }
    }

    /// Computes a node's score anew; returns by how much it changed.
    fn update(&mut self, node: u32) -> f64 {
        let at = node as usize;
        let mut score = self.starts[at];
        for from in self.back.row(node) {
            score += self.passed[*from as usize];
        }
        let change = (score - self.score[at]).abs();
        self.score[at] = score;
        self.passed[at] = self.scale[at] * score;
        change
    }
}
