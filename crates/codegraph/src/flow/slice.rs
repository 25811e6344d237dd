//! Slices inside one function: the expressions that a value depends on, and those that depend on it, over data flow and
//! control dependence (Ottenstein, Ottenstein, "The Program Dependence Graph in a Software Development Environment",
//! 1984).
//!
//! An expression is asked two things. Its **value**: what is it made of? Its **outcome**: where did it lead, which arm,
//! the next statement or a handler? They differ where the value does not decide: a `fn` leads to its body whatever the
//! body computes, a `raise` leads away whatever it raises.

use super::control::Control;
use super::dfg::{Call, FlowKind, Vertex};
use super::locals::Origin;
use super::summary::Parameters;
use super::{FunctionFlow, Rows, StepKind};
use crate::quoted::{NodeId, Quoted};

/// A value (even) or an outcome (odd), of the vertex that is half of it.
pub(super) type Ask = u32;

pub(super) fn value(vertex: Vertex) -> Ask {
    vertex * 2
}

pub(super) fn outcome(vertex: Vertex) -> Ask {
    vertex * 2 + 1
}

/// Why one expression depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Evidence {
    /// It was asked for.
    Start,
    /// The value goes there, inside one function.
    Data,
    /// It decides whether the other runs.
    Control,
    /// An argument is a callee's parameter, or goes through a call into its result.
    Call,
    /// What a callee returns or raises is what its call gives.
    Return,
    /// What is sent is what the clause that handles it takes.
    Message,
    /// What a clause replies is what the sender's call gives.
    Reply,
    /// The state that one callback leaves is the state that another is given.
    State,
}

impl Evidence {
    /// The name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Data => "data",
            Self::Control => "control",
            Self::Call => "call",
            Self::Return => "return",
            Self::Message => "message",
            Self::Reply => "reply",
            Self::State => "state",
        }
    }
}

/// What a call to a known function depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Through {
    /// The arguments (not parameters) that its value depends on.
    pub(super) value: Parameters,
    /// Those that whether it raises depends on.
    pub(super) outcome: Parameters,
}

impl FunctionFlow {
    /// The expressions that the value of `node` depends on, and whether `node` is evaluated at all; itself included, in
    /// the order of the arena.
    #[must_use]
    pub fn backward(&self, node: NodeId) -> Vec<NodeId> {
        let mut work = Vec::new();
        work.extend(self.locals.of(node).map(value));
        let mut seen = vec![false; self.dfg.values() * 2];
        while let Some(ask) = work.pop() {
            match seen.get_mut(ask as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            self.sources_of(&self.control, ask, None, |source, _| work.push(source));
        }
        self.nodes_of(&seen)
    }

    /// The expressions that depend on the value of `node`, or of a part of it, or on where these lead; itself included,
    /// in the order of the arena. The tree is the one that was analysed.
    #[must_use]
    pub fn forward(&self, tree: &Quoted, node: NodeId) -> Vec<NodeId> {
        let asks = self.dfg.values() as u32 * 2;
        let mut pairs = Vec::new();
        for ask in 0..asks {
            self.sources_of(&self.control, ask, None, |source, _| pairs.push((source, ask)));
        }
        let rows = Rows::new(asks as usize, pairs.iter().copied());
        let mut work = Vec::new();
        for vertex in tree
            .subtree(node)
            .filter_map(|index| self.locals.of(NodeId::new(index)))
        {
            work.extend([value(vertex), outcome(vertex)]);
        }
        let mut seen = vec![false; asks as usize];
        while let Some(ask) = work.pop() {
            if !std::mem::replace(&mut seen[ask as usize], true) {
                work.extend(rows.of(ask));
            }
        }
        self.nodes_of(&seen)
    }

    /// The values inside this function that decide whether a node is evaluated.
    #[must_use]
    pub fn deciders_of(&self, node: NodeId) -> Vec<Vertex> {
        let mut found = Vec::new();
        self.deciders(&self.control, self.step_of(node), |ask| found.push(ask / 2));
        found
    }

    /// The syntax nodes among asks that were seen.
    pub(super) fn nodes_of(&self, seen: &[bool]) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = seen
            .chunks(2)
            .enumerate()
            .filter(|(_, asks)| asks.contains(&true))
            .filter_map(|(vertex, _)| match self.locals.origin(vertex as u32) {
                Origin::Node(node) => Some(node),
                _ => None,
            })
            .collect();
        nodes.sort_unstable();
        nodes
    }

    /// What the answer to one question depends on directly. `through`: the vertex is a call to a known function.
    pub(super) fn sources_of(
        &self,
        control: &Control,
        ask: Ask,
        through: Option<(&Call, Through)>,
        mut found: impl FnMut(Ask, Evidence),
    ) {
        let (vertex, is_outcome) = (ask / 2, ask % 2 == 1);
        let step = self.step_of_vertex(vertex);
        let kind = step
            .and_then(|step| self.cfg.steps.get(step as usize))
            .map(|step| step.kind);
        let is_closure = is_outcome && self.closures.binary_search(&vertex).is_ok();
        let leads_anyway = is_outcome && kind == Some(StepKind::Stop) || is_closure;
        if let Some((call, through)) = through {
            let parameters = if is_outcome {
                through.outcome
            } else {
                through.value
            };
            for (place, argument) in self.dfg.arguments(call).iter().enumerate() {
                if parameters.has(place) {
                    found(value(*argument), Evidence::Call);
                }
            }
        }
        for flow in self.dfg.flows_into(vertex).iter().filter(|_| !leads_anyway) {
            let known = through.is_some() && matches!(flow.kind, FlowKind::Argument | FlowKind::Piped);
            // The value of an arm that never runs reaches nothing.
            let dead = self
                .step_of_vertex(flow.from)
                .is_some_and(|step| !self.cfg.is_reachable(step));
            if !(known || dead) {
                found(value(flow.from), Evidence::Data);
            }
        }
        if is_closure {
            // The body runs where the closure is called, if that is known.
            let from = self.invoked.partition_point(|(closure, _)| *closure < vertex);
            let calls = self.invoked.get(from..).unwrap_or_default();
            for (_, call) in calls.iter().take_while(|(closure, _)| *closure == vertex) {
                let step = self.step_of_vertex(*call);
                self.deciders(control, step, |ask| found(ask, Evidence::Control));
            }
        }
        self.deciders(control, step, |ask| found(ask, Evidence::Control));
    }

    /// What decides whether a step runs: the value of a condition, the outcome of a call that may raise.
    pub(super) fn deciders(&self, control: &Control, step: Option<u32>, mut found: impl FnMut(Ask)) {
        let Some(step) = step else {
            return;
        };
        for decider in control.on.of(step) {
            let Some(step) = self.cfg.steps.get(*decider as usize) else {
                continue;
            };
            let node = step.decides.or(step.node);
            if let Some(vertex) = node.and_then(|node| self.locals.of(node)) {
                let by_outcome = matches!(step.kind, StepKind::Compute | StepKind::Entry);
                found(if by_outcome {
                    outcome(vertex)
                } else {
                    value(vertex)
                });
            }
        }
    }
}
