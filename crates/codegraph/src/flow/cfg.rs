//! The control flow graph: steps, in the order in which they run, and typed edges.
//!
//! A step is one thing that happens: a head is matched, a guard is tested, a call is made. What cannot change the course
//! (a literal, a variable, a list, a tuple) has a step of its own only as a whole statement. The bodies of `fn` and `&`
//! are graphs of their own beside the function's ([`Cfg::graphs`]), all in the same arrays.

use super::rows::Rows;
use crate::quoted::NodeId;

/// A step's place in [`Cfg::steps`].
pub type StepId = u32;

/// No step.
pub const NO_STEP: StepId = u32::MAX;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum StepKind {
    /// The graph is entered.
    Entry,
    /// The function, or the closure, returns its value.
    Return,
    /// It ends with an exception, a throw or an exit.
    Raise,
    /// An expression is computed.
    Compute,
    /// `raise`, `throw`, `exit` and their like: nothing follows.
    Stop,
    /// The patterns of a clause are matched.
    Head,
    /// A guard is tested.
    Guard,
    /// A condition decides.
    Branch,
    /// A comprehension takes the next element, or ends.
    Generator,
    /// `receive` waits.
    Wait,
    /// An exception looks for a clause of `rescue` or `catch`.
    Dispatch,
    /// The arms of a construct come together; its value is known.
    Join,
    /// `after` runs because of an exception, which then goes on.
    Unwind,
}

/// What an edge means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EdgeKind {
    /// What runs next.
    Next,
    /// The condition or guard holds.
    True,
    /// It does not.
    False,
    /// The clause of this head is taken.
    Match,
    /// The patterns do not match: on to the next clause, or the failure.
    NoMatch,
    /// An exception, a throw or an exit goes to who handles it.
    Exception,
    /// `receive` waited long enough; or an exception runs `after`.
    After,
    /// The generator has one more element.
    Each,
    /// It has none.
    Done,
    /// The value is returned.
    Return,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// The syntax that it runs.
    pub node: Option<NodeId>,
    /// Where it has several successors: the syntax whose value decides between them.
    pub decides: Option<NodeId>,
    /// Its graph, an index into [`Cfg::graphs`].
    pub graph: u32,
    /// It may raise for a reason that is not written down (a callee's exception, bad arithmetic). Where nothing in the
    /// function handles that, it has no edge: it leads to the graph's raise.
    pub raises: bool,
}

/// One edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// From this step.
    pub from: StepId,
    /// To this one.
    pub to: StepId,
    /// What it means.
    pub kind: EdgeKind,
    /// An error that is not written down (no clause matched) and that leaves the function. Control dependence does not
    /// count it.
    pub implicit: bool,
}

/// The function's graph, or a closure's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Graph {
    /// Its first step.
    pub entry: StepId,
    /// Its normal end.
    pub normal: StepId,
    /// Its exceptional end.
    pub raise: StepId,
    /// The `fn` or `&` that it is the body of; `None`: the function itself.
    pub closure: Option<NodeId>,
    /// The graph around it.
    pub outer: Option<u32>,
}

/// The control flow of one function: all its clauses and closures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cfg {
    /// All steps; those of one graph lie in the order of the source.
    pub steps: Vec<Step>,
    /// All edges, in the order in which they were found.
    pub edges: Vec<Edge>,
    /// The function's graph is the first.
    pub graphs: Vec<Graph>,
    pub(super) reachable: Vec<bool>,
}

impl Cfg {
    /// The successors of each step.
    #[must_use]
    pub fn successors(&self) -> Rows {
        Rows::new(
            self.steps.len(),
            self.edges.iter().map(|edge| (edge.from, edge.to)),
        )
    }

    /// Whether a step can run: a path leads to it from the entry of its graph, and the closure can be made.
    #[must_use]
    pub fn is_reachable(&self, step: StepId) -> bool {
        self.reachable.get(step as usize).copied().unwrap_or(false)
    }

    /// The syntax of steps that can never run, in the order of the source: what stands after a `raise`, clauses after
    /// one that takes everything.
    pub fn unreachable(&self) -> impl Iterator<Item = NodeId> + '_ {
        let written = |kind| {
            !matches!(
                kind,
                StepKind::Entry
                    | StepKind::Return
                    | StepKind::Raise
                    | StepKind::Join
                    | StepKind::Dispatch
                    | StepKind::Unwind
            )
        };
        self.steps
            .iter()
            .enumerate()
            .filter(move |(at, step)| !self.is_reachable(*at as u32) && written(step.kind))
            .filter_map(|(_, step)| step.node)
    }

    /// Marks what can run. The steps of an outer graph are made before the graph of its closure is left, and a closure's
    /// `fn` step after that: closures are looked at outermost first.
    pub(super) fn mark_reachable(&mut self, step_of: impl Fn(NodeId) -> StepId) {
        let rows = self.successors();
        let mut reachable = vec![false; self.steps.len()];
        let mut work = Vec::new();
        for graph in &self.graphs {
            let made = graph.closure.is_none_or(|node| {
                let step = step_of(node);
                reachable.get(step as usize).copied().unwrap_or(true)
            });
            if made {
                work.push(graph.entry);
            }
            while let Some(step) = work.pop() {
                match reachable.get_mut(step as usize) {
                    Some(seen) if !*seen => *seen = true,
                    _ => continue,
                }
                work.extend_from_slice(rows.of(step));
            }
        }
        self.reachable = reachable;
    }
}
