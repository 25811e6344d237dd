//! A whole function: its clauses, one after another.

use super::{
    Cfg, Dfg, EdgeKind, FlowKind, Form, Forms, Graph, Locals, Machine, NO_STEP, NodeId, Pending, Quoted,
    Scope, StepId, StepKind, Style, Subject, Task, Vertex,
};
use crate::definitions::Clause;

/// What the machine made.
pub(in crate::flow) struct Parts {
    pub(in crate::flow) locals: Locals,
    pub(in crate::flow) cfg: Cfg,
    pub(in crate::flow) dfg: Dfg,
    pub(in crate::flow) step_of: Vec<StepId>,
    pub(in crate::flow) closures: Vec<Vertex>,
    pub(in crate::flow) invoked: Vec<(Vertex, Vertex)>,
}

impl<'t, 's> Machine<'t, 's> {
    /// Makes the graphs of the function with these clauses.
    pub(in crate::flow) fn whole(
        tree: &'t Quoted,
        forms: &'s Forms,
        scope: &'s mut Scope,
        clauses: &'s [Clause],
        arity: u32,
    ) -> Self {
        let locals = Locals::new(tree, clauses.iter().map(|clause| clause.node), arity);
        let nodes = locals.nodes() as usize;
        let mut machine = Self {
            tree,
            forms,
            scope,
            clauses,
            locals,
            cfg: Cfg::default(),
            dfg: Dfg::default(),
            step_of: vec![NO_STEP; nodes],
            tasks: Vec::new(),
            frames: Vec::new(),
            frontier: Vec::new(),
            handlers: Vec::new(),
            graph: 0,
            closures: 0,
            given: Vec::new(),
            invoked: Vec::new(),
            meetings: Vec::new(),
            marks: Vec::new(),
            shelf: Vec::new(),
            patterns: 0,
            stack: Vec::new(),
            misses: Vec::new(),
        };
        machine.begin();
        machine.run();
        machine.finish();
        machine
    }

    /// What was made.
    pub(in crate::flow) fn into_parts(mut self) -> Parts {
        let numbers = self.given.iter().map(|(node, _)| self.number(*node));
        let mut closures: Vec<Vertex> = numbers.collect();
        closures.sort_unstable();
        self.invoked.sort_unstable();
        self.invoked.dedup();
        Parts {
            closures,
            invoked: self.invoked,
            locals: self.locals,
            cfg: self.cfg,
            dfg: self.dfg,
            step_of: self.step_of,
        }
    }

    fn begin(&mut self) {
        let head = self.clauses.first().map(|clause| clause.head);
        let entry = self.lone_step(StepKind::Entry, head, None);
        let normal = self.lone_step(StepKind::Return, head, None);
        let raise = self.lone_step(StepKind::Raise, head, None);
        self.cfg.graphs.push(Graph {
            entry,
            normal,
            raise,
            closure: None,
            outer: None,
        });
        self.frontier.push(Pending {
            from: entry,
            kind: EdgeKind::Next,
        });
        self.frame(head.unwrap_or_else(|| NodeId::new(usize::MAX)));
        for place in (0..=self.clauses.len()).rev() {
            self.tasks.push(Task::Clause(place as u32));
        }
        for clause in self.clauses.iter().rev() {
            for (place, parameter) in clause.parameters(self.tree).iter().enumerate().rev() {
                if self.tree.is_call(*parameter, "\\\\", 2) {
                    self.tasks.push(Task::Default(place as u32, *parameter));
                }
            }
        }
    }

    /// `parameter \\ default`: evaluated if the function is called with fewer arguments.
    pub(super) fn default(&mut self, place: u32, node: NodeId) {
        let &[_, value] = self.tree.kids(node) else {
            return;
        };
        if let (Some(from), Some(to)) = (self.locals.of(value), self.locals.parameter(place)) {
            self.flow_between(from, to, FlowKind::Default);
        }
        self.frame(node);
        self.plan(&[
            Task::Branch(node, node),
            Task::Fall(EdgeKind::True),
            Task::Arm(EdgeKind::False),
            Task::Statement(value),
            Task::EndArm(None),
            Task::Join(node),
        ]);
    }

    pub(super) fn clause(&mut self, place: u32) {
        if let Some(frame) = self.frames.last_mut().filter(|_| place > 0) {
            self.frontier.append(&mut frame.misses);
        }
        let Some(clause) = self.clauses.get(place as usize).copied() else {
            self.fail();
            return;
        };
        if clause.index.is_none() {
            // A head without a body: the next clause is still to be found.
            let waiting = std::mem::take(&mut self.frontier);
            if let Some(frame) = self.frames.last_mut() {
                frame.misses = waiting;
            }
            return;
        }
        self.marks.push(self.scope.mark());
        let parameters = clause.parameters(self.tree);
        self.head(
            clause.head,
            parameters,
            clause.guard,
            Subject::Parameters,
            Style::Patterns,
        );
        if let Some(frame) = self.frames.last_mut() {
            frame.misses.append(&mut self.misses);
        }
        self.tasks.push(Task::Close);
        match (clause.body, clause.sections) {
            (Some(_), Some(list)) if self.is_protected(list) => {
                self.tasks.push(Task::Returned(Some(list)));
                self.attempt(list, list);
            }
            (Some(body), _) => self.plan(&[Task::Statement(body), Task::Returned(Some(body))]),
            _ => self.tasks.push(Task::Returned(None)),
        }
    }

    pub(super) fn returned(&mut self, value: Option<NodeId>) {
        if let Some(value) = value {
            let (from, to) = (self.number(value), self.locals.result());
            self.flow_between(from, to, FlowKind::Return);
        }
        self.give_back();
    }

    fn finish(&mut self) {
        self.scope
            .finish(self.dfg.bindings.iter().map(|binding| binding.name));
        self.inherit_steps();
        for meeting in std::mem::take(&mut self.meetings) {
            if let Some(slot) = self.step_of.get_mut(meeting as usize) {
                *slot = NO_STEP;
            }
        }
        self.dfg.finish(self.locals.given(self.closures) as usize);
        let (locals, step_of) = (&self.locals, &self.step_of);
        self.cfg.mark_reachable(|node| {
            let at = locals.of(node).unwrap_or(u32::MAX);
            step_of.get(at as usize).copied().unwrap_or(NO_STEP)
        });
    }

    /// What has no step of its own belongs to that of the expression around it; a block to that of its last statement.
    fn inherit_steps(&mut self) {
        for clause in self.clauses {
            for index in self.tree.subtree(clause.node) {
                let node = NodeId::new(index);
                if let Some(last) = self
                    .tree
                    .kids(node)
                    .last()
                    .filter(|_| self.form(node) == Form::Block)
                {
                    let step = self.step_of.get(self.number(*last) as usize).copied();
                    let at = self.number(node) as usize;
                    if let (Some(step), Some(slot)) = (step, self.step_of.get_mut(at)) {
                        *slot = step;
                    }
                }
            }
            for index in self.tree.subtree(clause.node).rev() {
                let node = NodeId::new(index);
                let Some(step) = self
                    .locals
                    .of(node)
                    .and_then(|at| self.step_of.get(at as usize))
                    .copied()
                else {
                    continue;
                };
                for kid in self.tree.kids(node) {
                    let at = self.locals.of(*kid).unwrap_or(u32::MAX);
                    if let Some(slot) = self.step_of.get_mut(at as usize).filter(|slot| **slot == NO_STEP) {
                        *slot = step;
                    }
                }
            }
        }
    }
}
