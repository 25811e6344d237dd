//! The linear system of PageRank on its way to a solution.

use super::peel::Peeled;
use super::{Components, Flat};

/// The system: scores, and what each of a node's edges carries (`passed`), which is `scale * score`.
pub(super) struct Solver<'a> {
    out: &'a Flat<'a>,
    back: &'a Flat<'a>,
    starts: &'a [f64],
    pub(super) score: Vec<f64>,
    scale: Vec<f64>,
    passed: Vec<f64>,
}

impl<'a> Solver<'a> {
    /// The system `x = d P'x + starts`; as a first guess of `x` the starts.
    pub(super) fn new(out: &'a Flat<'a>, back: &'a Flat<'a>, starts: &'a [f64], damping: f64) -> Self {
        let scale = (0..out.node_count()).map(|node| match out.degree(node) {
            0 => 0.0,
            degree => damping / f64::from(degree),
        });
        Self {
            out,
            back,
            starts,
            score: starts.to_vec(),
            scale: scale.collect(),
            passed: vec![0.0; starts.len()],
        }
    }

    /// Solves part by part: what lies before all cycles, all cycles together, what lies behind. Returns what is left of
    /// the residual (its L1 norm) and the rounds that the cycles took.
    pub(super) fn around(
        &mut self,
        peeled: &Peeled,
        damping: f64,
        share: f64,
        rounds_max: u32,
    ) -> (f64, u32) {
        for node in &peeled.before {
            self.update(*node);
        }
        // Few edges lead into the core from outside or out of it: they are counted from their other ends.
        let mut is_core = vec![false; self.score.len()];
        for node in &peeled.core {
            is_core[*node as usize] = true;
        }
        let mut comes: f64 = peeled.core.iter().map(|node| self.starts[*node as usize]).sum();
        for node in &peeled.before {
            let edges = self.out.row(*node).iter().filter(|to| is_core[**to as usize]);
            comes += self.passed[*node as usize] * edges.count() as f64;
        }
        let mut stays: Vec<u32> = (0..self.out.node_count())
            .map(|node| self.out.degree(node))
            .collect();
        for node in &peeled.after {
            for from in self.back.row(*node) {
                stays[*from as usize] -= 1;
            }
        }
        let stays: Vec<f64> = peeled
            .core
            .iter()
            .map(|node| self.scale[*node as usize] * f64::from(stays[*node as usize]))
            .collect();
        let residual_max = share * peeled.core.len() as f64;
        let done = self.rounds(&peeled.core, &stays, comes, damping, residual_max, rounds_max);
        for node in &peeled.after {
            self.update(*node);
        }
        done
    }

    /// Solves one strongly connected component after the other, each exactly if it is one node. Returns what is left of
    /// the residual and the most rounds that one took.
    pub(super) fn one_by_one(
        &mut self,
        components: &Components,
        damping: f64,
        share: f64,
        rounds_max: u32,
    ) -> (f64, u32) {
        let (mut residual, mut rounds) = (0.0, 0);
        for component in 0..components.count() {
            let members = components.members(component);
            let (left, took) = match members {
                [node] if self.back.row(*node).binary_search(node).is_err() => {
                    self.update(*node);
                    (0.0, 1)
                }
                _ => {
                    let stays = self.stays(components, members);
                    let comes = self.comes(components, members);
                    let residual_max = share * members.len() as f64;
                    self.rounds(members, &stays, comes, damping, residual_max, rounds_max)
                }
            };
            residual += left;
            rounds = rounds.max(took);
        }
        (residual, rounds)
    }

    /// Goes over the members until the residual is small; `stays` is for each the part of its score that its edges
    /// carry to members, `comes` what the members get from elsewhere and from starting there, together.
    fn rounds(
        &mut self,
        members: &[u32],
        stays: &[f64],
        comes: f64,
        damping: f64,
        residual_max: f64,
        rounds_max: u32,
    ) -> (f64, u32) {
        let mut residual = f64::INFINITY;
        for round in 1..=rounds_max {
            self.balance(members, stays, comes);
            let change: f64 = members.iter().map(|node| self.update(*node)).sum();
            residual = damping * change;
            if residual <= residual_max {
                return (residual, round);
            }
        }
        (residual, rounds_max)
    }

    fn stays(&self, components: &Components, members: &[u32]) -> Vec<f64> {
        let own = components.component(members[0]);
        let stays = |node: &u32| {
            let ends = self.out.row(*node).iter();
            let edges = ends.filter(|to| components.component(**to) == own).count();
            self.scale[*node as usize] * edges as f64
        };
        members.iter().map(stays).collect()
    }

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
    /// this the sum alone would need a round for every factor of `damping`.
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
