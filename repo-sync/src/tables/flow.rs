//! Rows of control flow and data flow, function by function.

use std::collections::BTreeMap;

use codegraph::flow::{Analyzer, EdgeKind, FlowKind, FunctionFlow, Step, StepKind};
use codegraph::quoted::{NodeId, Symbol};
use tables::rows::{CfgEdge, DfgUse, DfgVar};
use tables::{Folder, Id, TablesFault, Word};

use super::file::OneFile;
use super::nids::NidText;
use super::numbers::Numbers;
use super::roles::Upward;

/// A variable: a name in one clause and one graph (the function's, or a closure's).
#[derive(Debug)]
struct Variable {
    name: Symbol,
    clause: Option<u32>,
    closure: Option<NodeId>,
    first: NodeId,
    defs: i64,
    uses: i64,
}

impl OneFile<'_> {
    /// `cfg_edge`, `dfg_var`, `dfg_use`.
    pub(super) fn flows(
        &self,
        up: &Upward<'_>,
        numbers: &mut Numbers,
        to: &mut Folder,
    ) -> Result<(), TablesFault> {
        let outline = &self.source.outline;
        let mut analyzer = Analyzer::new(&self.source.tree, outline);
        for function in 0..outline.functions.len() as u32 {
            let (Some(flow), Some(id)) = (analyzer.function(function), self.function_id(function)) else {
                continue;
            };
            self.edges(&flow, id, to)?;
            self.variables(up, &flow, id, numbers, to)?;
        }
        Ok(())
    }

    fn edges(&self, flow: &FunctionFlow, function_id: i64, to: &mut Folder) -> Result<(), TablesFault> {
        let mut edges = flow.cfg.edges.clone();
        edges.sort_unstable();
        // One edge that is written down, and one that is not, of the same meaning: the former counts.
        edges.dedup_by_key(|edge| (edge.from, edge.to, edge.kind));
        for edge in edges {
            let steps = (
                flow.cfg.steps.get(edge.from as usize),
                flow.cfg.steps.get(edge.to as usize),
            );
            let (Some(before), Some(after)) = steps else {
                continue;
            };
            let pre = |step: &Step| step.node.map(|node| self.pre(node));
            let graph = flow.cfg.graphs.get(before.graph as usize);
            to.add(&CfgEdge {
                version: Word(self.version),
                function_id,
                from_step: edge.from as i32,
                to_step: edge.to as i32,
                kind: Word(edge_word(edge.kind)),
                is_implicit: edge.implicit,
                is_reachable: flow.cfg.is_reachable(edge.from),
                from_kind: Word(step_word(before.kind)),
                to_kind: Word(step_word(after.kind)),
                from_pre: pre(before),
                to_pre: pre(after),
                closure: graph
                    .and_then(|graph| graph.closure)
                    .map(|closure| self.pre(closure)),
            })?;
        }
        Ok(())
    }

    fn variables(
        &self,
        up: &Upward<'_>,
        flow: &FunctionFlow,
        function_id: i64,
        numbers: &mut Numbers,
        to: &mut Folder,
    ) -> Result<(), TablesFault> {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        let mut known: BTreeMap<(Option<u32>, u32, Symbol), usize> = BTreeMap::new();
        let mut by_name: BTreeMap<Symbol, i64> = BTreeMap::new();
        let mut variables: Vec<Variable> = Vec::new();
        // By binding: its variable, and which of that one's bindings it is.
        let mut bound: Vec<(usize, i64)> = Vec::with_capacity(flow.dfg.bindings.len());
        for binding in &flow.dfg.bindings {
            let clause = outline.clause_at(tree, binding.node);
            let variable = *known
                .entry((clause, binding.graph, binding.name))
                .or_insert(variables.len());
            if variable == variables.len() {
                let graph = flow.cfg.graphs.get(binding.graph as usize);
                variables.push(Variable {
                    name: binding.name,
                    clause,
                    closure: graph.and_then(|graph| graph.closure),
                    first: binding.node,
                    defs: 0,
                    uses: 0,
                });
            }
            *by_name.entry(binding.name).or_default() += 1;
            if let Some(variable_row) = variables.get_mut(variable) {
                bound.push((variable, variable_row.defs));
                variable_row.defs += 1;
            }
        }
        let mut uses = flow.dfg.uses.clone();
        // What stands in `after` runs on two ways and is read once.
        uses.sort_by_key(|one| (one.node, one.binding));
        uses.dedup_by_key(|one| one.node);
        let first_var = numbers.next_var;
        numbers.next_var += variables.len() as i64;
        let (mut nids, mut def_nids) = (NidText::default(), NidText::default());
        for one in uses {
            let binding = one.binding.and_then(|binding| {
                Some((
                    flow.dfg.bindings.get(binding as usize)?,
                    bound.get(binding as usize)?,
                ))
            });
            if let Some(variable) = binding.and_then(|(_, (variable, _))| variables.get_mut(*variable)) {
                variable.uses += 1;
            }
            let flows = flow.locals.of(one.node);
            let mut flows = flows.into_iter().flat_map(|value| flow.dfg.flows_into(value));
            to.add(&DfgUse {
                version: Word(self.version),
                nid: self.nid_text(&mut nids, one.node).map(Id),
                pre: self.pre(one.node),
                function_id,
                var: binding.map(|(_, (variable, _))| first_var + *variable as i64),
                name: tree.text(one.node),
                role: Word(up.role(one.node)),
                def: binding.map(|(_, (_, def))| *def as i32),
                def_pre: binding.map(|(binding, _)| self.pre(binding.node)),
                def_nid: binding
                    .and_then(|(binding, _)| self.nid_text(&mut def_nids, binding.node))
                    .map(Id),
                is_captured: flows.any(|flow| flow.kind == FlowKind::Capture),
                line: self.line(one.node),
            })?;
        }
        for (index, variable) in variables.iter().enumerate() {
            to.add(&DfgVar {
                version: Word(self.version),
                var: first_var + index as i64,
                function_id,
                clause_id: variable
                    .clause
                    .map(|clause| self.listed.first_clause + i64::from(clause)),
                closure: variable.closure.map(|closure| self.pre(closure)),
                name: tree.symbols().text(variable.name),
                defs: variable.defs,
                function_defs: by_name.get(&variable.name).copied().unwrap_or_default(),
                uses: variable.uses,
                line: self.line(variable.first),
                pre: self.pre(variable.first),
                nid: self.nid_text(&mut nids, variable.first).map(Id),
            })?;
        }
        Ok(())
    }
}

fn step_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Entry => "entry",
        StepKind::Return => "return",
        StepKind::Raise => "raise",
        StepKind::Compute => "compute",
        StepKind::Stop => "stop",
        StepKind::Head => "head",
        StepKind::Guard => "guard",
        StepKind::Branch => "branch",
        StepKind::Generator => "generator",
        StepKind::Wait => "wait",
        StepKind::Dispatch => "dispatch",
        StepKind::Join => "join",
        StepKind::Unwind => "unwind",
    }
}

fn edge_word(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Next => "next",
        EdgeKind::True => "true",
        EdgeKind::False => "false",
        EdgeKind::Match => "match",
        EdgeKind::NoMatch => "no_match",
        EdgeKind::Exception => "exception",
        EdgeKind::After => "after",
        EdgeKind::Each => "each",
        EdgeKind::Done => "done",
        EdgeKind::Return => "return",
    }
}
