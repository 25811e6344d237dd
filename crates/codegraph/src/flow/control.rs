//! Control dependence: Ferrante, Ottenstein, Warren, "The Program Dependence Graph and Its Use in Optimization" (1987).
//!
//! A step depends on a deciding step if one of that step's successors makes the step certain and another does not.
//! Errors that are not written down and that leave the function ([`super::cfg::Edge::implicit`]) do not count: else every
//! statement would depend on every call before it. A closure's body depends on the closure's being made.

use super::cfg::Cfg;
use super::dominators::{NONE, dominators};
use super::rows::Rows;

/// Most dependences, for each step on average: nesting that has more is cut ([`Control::cut`]).
const PER_STEP_MAX: usize = 256;

/// What decides about each step. Steps that can never run decide nothing, and nothing decides about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// The steps that each step depends on.
    pub on: Rows,
    /// The nearest step that every way here goes through; [`NONE`] for entries and unreachable steps.
    pub dominators: Vec<u32>,
    /// The nearest step that every way from here goes through; [`NONE`] if the only such is the end. Errors that are not
    /// written down do not count.
    pub postdominators: Vec<u32>,
    /// There was more than could be kept.
    pub cut: bool,
}

impl Control {
    /// Of a function, with calls (steps) that raise though it is not written here.
    pub(super) fn of(cfg: &Cfg, raising: &[u32]) -> Self {
        let steps = cfg.steps.len();
        let successors = cfg.successors();
        let roots: Vec<u32> = cfg.graphs.iter().map(|graph| graph.entry).collect();
        let dominators_found = dominators(&successors, &successors.reversed(), &roots);

        // What is left without implicit edges; a step that would lead nowhere keeps them.
        let mut leads = vec![false; steps];
        for edge in cfg.edges.iter().filter(|edge| !edge.implicit) {
            leads[edge.from as usize] = true;
        }
        let kept = cfg
            .edges
            .iter()
            .filter(|edge| !edge.implicit || !leads[edge.from as usize])
            // What never runs decides nothing.
            .filter(|edge| cfg.is_reachable(edge.from))
            .map(|edge| (edge.from, edge.to))
            .chain(raising.iter().filter_map(|step| {
                let graph = cfg.steps.get(*step as usize)?.graph;
                Some((*step, cfg.graphs.get(graph as usize)?.raise))
            }));
        // One end for each graph, behind its two; the way that never enters a closure leads from entry to end.
        let end = |graph: usize| (steps + graph) as u32;
        let ends = cfg.graphs.iter().enumerate().flat_map(|(at, graph)| {
            let aside = graph.closure.map(|_| (graph.entry, end(at)));
            [Some((graph.normal, end(at))), Some((graph.raise, end(at))), aside]
                .into_iter()
                .flatten()
        });
        let forward = Rows::new(steps + cfg.graphs.len(), kept.chain(ends));
        let backward = forward.reversed();
        let roots: Vec<u32> = (0..cfg.graphs.len()).map(end).collect();
        let mut above = dominators(&backward, &forward, &roots);

        let (mut pairs, mut cut) = (Vec::new(), false);
        let most = steps.saturating_mul(PER_STEP_MAX);
        for (from, to) in forward.iter() {
            if forward.of(from).len() < 2 {
                continue;
            }
            let stop = above[from as usize];
            let mut at = to;
            while at != stop && (at as usize) < steps {
                if pairs.len() >= most {
                    cut = true;
                    break;
                }
                pairs.push((at, from));
                at = above[at as usize];
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        above.truncate(steps);
        for slot in &mut above {
            if *slot as usize >= steps {
                *slot = NONE;
            }
        }
        Self {
            on: Rows::new(steps, pairs.iter().copied()),
            dominators: dominators_found,
            postdominators: above,
            cut,
        }
    }

    /// Whether a step lies on every way to another (also if they are the same).
    #[must_use]
    pub fn dominates(&self, a: u32, b: u32) -> bool {
        climb(&self.dominators, a, b)
    }

    /// Whether a step lies on every way from another to the end (also if they are the same).
    #[must_use]
    pub fn postdominates(&self, a: u32, b: u32) -> bool {
        climb(&self.postdominators, a, b)
    }
}

fn climb(above: &[u32], a: u32, b: u32) -> bool {
    let mut at = b;
    while at != a {
        match above.get(at as usize) {
            Some(next) if *next != NONE => at = *next,
            _ => return false,
        }
    }
    true
}
