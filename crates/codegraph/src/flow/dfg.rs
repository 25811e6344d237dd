//! The data flow graph: which value goes where. Elixir's variables are bound once and never change, so the graph is in
//! static single assignment form as it is written: a rebinding is a new version. Phi nodes are not needed, because no
//! binding leaves the arm of a branch: where arms come together the construct itself (`case`, `if`, ...) is the value.
//! The one value that goes round a loop, the accumulator of `for ... reduce:`, meets at the `reduce:` pair.

use super::rows::Rows;
use crate::quoted::{NodeId, Symbol};

/// A value: of a syntax node, of a parameter, of the function's result, or of what a closure is given.
/// Numbered densely within the function; [`super::Locals`] says which is which.
pub type Vertex = u32;

/// How a value goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FlowKind {
    /// Part of a larger expression.
    Operand,
    /// Argument of a call.
    Argument,
    /// First argument by `|>`.
    Piped,
    /// Matched against a pattern.
    Match,
    /// Bound by a pattern to a variable.
    Bind,
    /// A binding is read.
    Use,
    /// A binding is read inside a closure that was made after it.
    Capture,
    /// The value of an arm, or of a block's last expression, is that of the construct.
    Result,
    /// Decides whether a pattern matches: a pinned variable, a size, the matched value.
    Test,
    /// Passed into a closure: a known call of it, or (inferred) beside it to a function that may call it.
    Passed,
    /// The result of a closure's body is part of what the closure is.
    Closure,
    /// An exception's value reaches its handler.
    Raised,
    /// A parameter's default.
    Default,
    /// The function returns it.
    Return,
}

/// One flow of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// From this value.
    pub from: Vertex,
    /// To this one.
    pub to: Vertex,
    /// How.
    pub kind: FlowKind,
}

/// One version of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The variable's name.
    pub name: Symbol,
    /// From 0, in the order of the source, for each name in a function (all clauses).
    pub version: u32,
    /// Where it is bound: the variable in the pattern.
    pub node: NodeId,
    /// The graph that binds it, an index into [`super::Cfg::graphs`].
    pub graph: u32,
    pub(super) pattern: u32,
    /// The `fn` or `&` that it is bound to, if that is written there.
    pub closure: Option<NodeId>,
}

/// One reading of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// The variable that is read.
    pub node: NodeId,
    /// Which version, an index into [`Dfg::bindings`]; `None`: nothing binds it here (a macro's variable, a call without
    /// parentheses).
    pub binding: Option<u32>,
}

/// What a call calls, as far as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// `name(...)`: of this module, imported, or a macro.
    Local(Symbol),
    /// `module.name(...)`.
    Remote(NodeId, Symbol),
    /// `f.(...)`, or a computed name.
    Dynamic,
}

/// One call, or one capture of a named function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The call.
    pub node: NodeId,
    /// What it calls.
    pub callee: Callee,
    /// With how many arguments, a piped one counted.
    pub arity: u32,
    /// `&name/1`: nothing is called yet.
    pub captured: bool,
    pub(super) first: u32,
}

/// The data flow of one function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dfg {
    /// All flows, each once, ordered by where they go.
    pub flows: Vec<Flow>,
    /// All versions of variables, in the order in which they are bound.
    pub bindings: Vec<Binding>,
    /// All readings.
    pub uses: Vec<Use>,
    /// All calls, in the order in which they are made.
    pub calls: Vec<Call>,
    /// Where nothing is known of what is bound or read: `binding()`, `var!`, syntax errors, calls that are macros by the
    /// look of them (a `do` block).
    pub unknown: Vec<NodeId>,
    pub(super) arguments: Vec<Vertex>,
    pub(super) vertices: usize,
    // Where the flows into each value begin; one more than there are values.
    pub(super) starts: Vec<u32>,
}

impl Dfg {
    /// A call's arguments, a piped one first.
    #[must_use]
    pub fn arguments(&self, call: &Call) -> &[Vertex] {
        let first = call.first as usize;
        let after = first.saturating_add(call.arity as usize);
        self.arguments.get(first..after).unwrap_or_default()
    }

    /// The flows into a value.
    #[must_use]
    pub fn flows_into(&self, vertex: Vertex) -> &[Flow] {
        let at = vertex as usize;
        match (self.starts.get(at), self.starts.get(at.saturating_add(1))) {
            (Some(start), Some(end)) => self.flows.get(*start as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }

    /// How many values there are.
    #[must_use]
    pub fn values(&self) -> usize {
        self.vertices
    }

    /// Puts the flows in order.
    pub(super) fn finish(&mut self, values: usize) {
        self.vertices = values;
        self.flows
            .sort_unstable_by_key(|flow| (flow.to, flow.from, flow.kind));
        self.flows.dedup();
        self.starts = vec![0; values + 1];
        for flow in &self.flows {
            if let Some(slot) = self.starts.get_mut(flow.to as usize + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut self.starts {
            sum += *slot;
            *slot = sum;
        }
    }

    /// From each value to those that are made of it.
    #[must_use]
    pub fn targets(&self) -> Rows {
        Rows::new(self.vertices, self.flows.iter().map(|flow| (flow.from, flow.to)))
    }
}
