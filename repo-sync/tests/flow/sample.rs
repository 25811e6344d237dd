//! A function's flow, asked by line numbers of its source.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a sample that cannot be read ends its test"
)]

use std::collections::BTreeSet;

use codegraph::definitions::Outline;
use codegraph::flow::{Callee, EdgeKind, FunctionFlow, Program, StepKind, analyze};
use codegraph::quoted::{Kind, NodeId, Quoted};
use repo_sync::lower::Lowerer;

/// Functions with their flow.
pub(crate) struct Sample {
    pub(crate) tree: Quoted,
    pub(crate) outline: Outline,
    pub(crate) flows: Vec<FunctionFlow>,
}

/// Lowers and analyses.
pub(crate) fn sample(source: &str) -> Sample {
    let lowered = Lowerer::new().unwrap().lower(source);
    assert_eq!(lowered.errors, [], "the sample is valid Elixir");
    let (tree, outline) = (lowered.quoted.clone(), Outline::of(&lowered.quoted));
    let flows = (0..outline.functions.len() as u32)
        .map(|function| analyze(&tree, &outline, function).unwrap())
        .collect();
    Sample { tree, outline, flows }
}

/// In place of a line: the end by an exception.
pub(crate) const RAISE: u32 = 1000;
/// In place of a line: an exception looks for its clause.
pub(crate) const DISPATCH: u32 = 1001;

/// A set of lines.
pub(crate) fn lines(expected: &[u32]) -> BTreeSet<u32> {
    expected.iter().copied().collect()
}

impl Sample {
    fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.tree.nodes().len()).map(NodeId::new)
    }

    fn line(&self, node: NodeId) -> u32 {
        self.tree.node(node).line
    }

    fn flow_of(&self, node: NodeId) -> (u32, &FunctionFlow) {
        let place = self
            .flows
            .iter()
            .position(|flow| flow.locals.of(node).is_some())
            .unwrap();
        (place as u32, &self.flows[place])
    }

    /// The line that binds what a name, read on a line (its first reading there), means.
    pub(crate) fn bound(&self, name: &str, line: u32) -> Option<u32> {
        let node = self
            .nodes()
            .find(|node| {
                let read = |flow: &FunctionFlow| flow.dfg.uses.iter().any(|read| read.node == *node);
                self.line(*node) == line && self.tree.text(*node) == name && self.flows.iter().any(read)
            })
            .unwrap_or_else(|| panic!("{name} is not read on line {line}"));
        let (_, flow) = self.flow_of(node);
        let read = flow.dfg.uses.iter().find(|read| read.node == node).unwrap();
        read.binding
            .map(|binding| self.line(flow.dfg.bindings[binding as usize].node))
    }

    /// The versions of a name, as lines that bind it.
    pub(crate) fn versions(&self, name: &str) -> Vec<u32> {
        let bindings = self.flows.iter().flat_map(|flow| &flow.dfg.bindings);
        bindings
            .filter(|binding| self.tree.symbols().text(binding.name) == name)
            .map(|binding| self.line(binding.node))
            .collect()
    }

    /// The largest expression of a line that is evaluated.
    pub(crate) fn statement(&self, line: u32) -> NodeId {
        self.nodes()
            .filter(|node| {
                let at = self.tree.node(*node);
                let kind = at.kind == Kind::Call
                    && matches!(self.tree.text(*node), "__block__" | "->" | "def" | "defp");
                at.line == line && !kind && at.kind != Kind::Pair && at.kind != Kind::List
            })
            .filter(|node| self.flows.iter().any(|flow| flow.step_of(*node).is_some()))
            .max_by_key(|node| self.tree.node(*node).size)
            .unwrap_or_else(|| panic!("nothing on line {line}"))
    }

    /// The lines of the backward slice of a line's statement, inside its function.
    pub(crate) fn slice(&self, line: u32) -> BTreeSet<u32> {
        let node = self.statement(line);
        self.lines_of(&self.flow_of(node).1.backward(node))
    }

    /// The lines of the forward slice.
    pub(crate) fn impact(&self, line: u32) -> BTreeSet<u32> {
        let node = self.statement(line);
        self.lines_of(&self.flow_of(node).1.forward(&self.tree, node))
    }

    /// The lines of the backward slice through calls.
    pub(crate) fn slice_through(&self, line: u32) -> BTreeSet<u32> {
        let node = self.statement(line);
        let program = self.program();
        let slice = program.backward(self.flow_of(node).0, node);
        slice.iter().flat_map(|(_, nodes)| self.lines_of(nodes)).collect()
    }

    /// The functions with their local calls resolved by name and arity.
    pub(crate) fn program(&self) -> Program<'_> {
        Program::new(&self.flows, |_, call| {
            let Callee::Local(name) = call.callee else {
                return None;
            };
            let found = self
                .outline
                .functions
                .iter()
                .position(|function| function.name == name && function.takes(call.arity as u8))?;
            Some(found as u32)
        })
    }

    fn lines_of(&self, nodes: &[NodeId]) -> BTreeSet<u32> {
        let lines = nodes.iter().map(|node| self.line(*node));
        lines.filter(|line| *line > 0).collect()
    }

    /// The lines of steps that can never run.
    pub(crate) fn unreachable(&self) -> BTreeSet<u32> {
        let nodes: Vec<NodeId> = self
            .flows
            .iter()
            .flat_map(|flow| flow.cfg.unreachable())
            .collect();
        self.lines_of(&nodes)
    }

    /// Where the steps of a line lead by edges of a kind: lines, 0 for a
    /// function's normal end, [`RAISE`], [`DISPATCH`].
    pub(crate) fn leads(&self, line: u32, kind: EdgeKind) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        for flow in &self.flows {
            for edge in flow.cfg.edges.iter().filter(|edge| edge.kind == kind) {
                let (from, to) = (
                    &flow.cfg.steps[edge.from as usize],
                    &flow.cfg.steps[edge.to as usize],
                );
                if from.node.is_some_and(|node| self.line_around(node) == line) {
                    found.insert(match to.kind {
                        StepKind::Return => 0,
                        StepKind::Raise => RAISE,
                        StepKind::Dispatch => DISPATCH,
                        _ => to.node.map_or(0, |node| self.line_around(node)),
                    });
                }
            }
        }
        found
    }

    /// A node's line; of one without a line that of the first node inside it that has one.
    fn line_around(&self, node: NodeId) -> u32 {
        match self.line(node) {
            0 => self
                .tree
                .subtree(node)
                .map(|index| self.line(NodeId::new(index)))
                .find(|line| *line > 0)
                .unwrap_or(0),
            line => line,
        }
    }
}
