//! Control flow and data flow of one function, from its quoted form: what runs after what, which value goes where, which
//! decision each step depends on, and slices through these. Syntax only: macros that nothing is known of are calls, and
//! those with a `do` block may or may not run it. The rules are in `docs/code-graph/flow.md`.
//!
//! Read [`analyze`] first, or [`Analyzer`] for all functions of a file; then [`FunctionFlow::backward`].

mod build;
mod cfg;
mod control;
mod dfg;
mod dominators;
pub mod effects;
pub(crate) mod forms;
mod locals;
mod program;
mod rows;
mod slice;
mod summary;
#[cfg(test)]
mod tests;
mod trace;
mod wires;

pub use cfg::{Cfg, Edge, EdgeKind, Graph, NO_STEP, Step, StepId, StepKind};
pub use control::Control;
pub use dfg::{Binding, Call, Callee, Dfg, Flow, FlowKind, Use, Vertex};
pub use dominators::{NONE, dominators};
pub use locals::{Locals, Origin};
pub use program::{Program, Slice};
pub use rows::Rows;
pub use slice::Evidence;
pub use summary::{Parameters, Summary};
pub use trace::{Reached, Trace};
pub use wires::{Sent, Wire, Wires};

use crate::definitions::{Clause, Outline};
use crate::quoted::{NodeId, Quoted};
use build::{Machine, Scope};
use forms::Forms;

/// What is known of one function's flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFlow {
    /// The function's index in [`Outline::functions`].
    pub function: u32,
    /// The numbers of its values.
    pub locals: Locals,
    /// What runs after what.
    pub cfg: Cfg,
    /// Which value goes where.
    pub dfg: Dfg,
    /// Which decisions each step depends on.
    pub control: Control,
    step_of: Vec<StepId>,
    // The values of closures, ascending.
    closures: Vec<Vertex>,
    // Closures and calls that may run them, ascending.
    invoked: Vec<(Vertex, Vertex)>,
}

impl FunctionFlow {
    /// The step at which a node is evaluated or matched; of a construct with arms the one where they come together.
    #[must_use]
    pub fn step_of(&self, node: NodeId) -> Option<StepId> {
        self.step_of_vertex(self.locals.of(node)?)
    }

    fn step_of_vertex(&self, vertex: Vertex) -> Option<StepId> {
        let step = self.step_of.get(vertex as usize).copied()?;
        (step != NO_STEP).then_some(step)
    }
}

/// Analyses the functions of one tree. Keeps what they share, so that a function costs time proportional to its nodes.
#[derive(Debug)]
pub struct Analyzer<'t> {
    tree: &'t Quoted,
    outline: &'t Outline,
    forms: Forms,
    scope: Scope,
    clauses: Vec<Clause>,
}

impl<'t> Analyzer<'t> {
    /// For the functions of this tree; the outline is the tree's.
    #[must_use]
    pub fn new(tree: &'t Quoted, outline: &'t Outline) -> Self {
        Self {
            tree,
            outline,
            forms: Forms::of(tree),
            scope: Scope::new(tree.symbols().len()),
            clauses: Vec::new(),
        }
    }

    /// The flow of a function, by its index in [`Outline::functions`]; `None` if there is no such.
    pub fn function(&mut self, function: u32) -> Option<FunctionFlow> {
        let found = self.outline.functions.get(function as usize)?;
        self.clauses.clear();
        for clause in &found.clauses {
            self.clauses
                .extend(self.outline.clauses.get(*clause as usize).copied());
        }
        let arity = u32::from(found.arity);
        let machine = Machine::whole(self.tree, &self.forms, &mut self.scope, &self.clauses, arity);
        let made = machine.into_parts();
        Some(FunctionFlow {
            function,
            control: Control::of(&made.cfg, &[]),
            locals: made.locals,
            cfg: made.cfg,
            dfg: made.dfg,
            step_of: made.step_of,
            closures: made.closures,
            invoked: made.invoked,
        })
    }

    /// The flow of all functions, in the outline's order.
    pub fn all(&mut self) -> Vec<FunctionFlow> {
        (0..self.outline.functions.len() as u32)
            .filter_map(|function| self.function(function))
            .collect()
    }
}

/// The flow of one function, by its index in [`Outline::functions`]; `None` if there is no such. For many functions of
/// a tree use an [`Analyzer`].
#[must_use]
pub fn analyze(tree: &Quoted, outline: &Outline, function: u32) -> Option<FunctionFlow> {
    Analyzer::new(tree, outline).function(function)
}
