//! `fn` and `&`: graphs of their own.

use super::{
    EdgeKind, FlowKind, Graph, Handler, Kind, Machine, NodeId, Pending, StepKind, Subject, Task, Vertex,
};

/// What a closure's body is left to.
#[derive(Debug)]
pub(super) struct Outside {
    frontier: Vec<Pending>,
    handlers: Vec<Handler>,
    graph: u32,
}

impl<'t> Machine<'t, '_> {
    /// `fn pattern -> body end`.
    pub(super) fn function_literal(&mut self, node: NodeId, clauses: &'t [NodeId]) {
        let given = self.enter(node);
        if let Some(frame) = self.frames.last_mut() {
            frame.clauses = clauses;
            frame.subject = Subject::Vertex(given);
        }
        self.tasks.extend([Task::Leave(node), Task::NextClause]);
    }

    /// `&name/1`, `&(&1 + 1)`, `&1`.
    pub(super) fn capture(&mut self, node: NodeId, body: NodeId) {
        let kids = self.tree.kids(body);
        if self.tree.node(body).kind == Kind::Integer {
            let given = self.graph().closure.and_then(|closure| {
                let found = self.given.iter().rev().find(|(node, _)| *node == closure)?;
                Some(found.1)
            });
            if let Some(given) = given {
                self.flow_between(given, self.number(node), FlowKind::Bind);
            }
            return;
        }
        if let ([named, arity], true) = (kids, self.tree.is_call(body, "/", 2))
            && self.tree.node(*arity).kind == Kind::Integer
        {
            self.tasks.push(Task::Step(node));
            if self.reference(node, *named, *arity) {
                return;
            }
            self.tasks.pop();
        }
        self.enter(node);
        self.plan(&[Task::Statement(body), Task::EndArm(Some(body)), Task::Leave(node)]);
    }

    fn enter(&mut self, node: NodeId) -> Vertex {
        let given = self.locals.given(self.closures);
        self.closures += 1;
        self.given.push((node, given));
        let outside = Outside {
            frontier: std::mem::take(&mut self.frontier),
            handlers: std::mem::take(&mut self.handlers),
            graph: self.graph,
        };
        let outer = Some(self.graph);
        self.graph = self.cfg.graphs.len() as u32;
        let entry = self.lone_step(StepKind::Entry, Some(node), Some(node));
        let normal = self.lone_step(StepKind::Return, Some(node), None);
        let raise = self.lone_step(StepKind::Raise, Some(node), None);
        self.cfg.graphs.push(Graph {
            entry,
            normal,
            raise,
            closure: Some(node),
            outer,
        });
        self.frontier.push(Pending {
            from: entry,
            kind: EdgeKind::Next,
        });
        let frame = self.frame(node);
        frame.result = FlowKind::Closure;
        frame.outside = Some(outside);
        given
    }

    pub(super) fn leave_closure(&mut self, node: NodeId) {
        let Some(mut frame) = self.frames.pop() else {
            return;
        };
        self.frontier.append(&mut frame.ends);
        self.give_back();
        if let Some(outside) = frame.outside {
            self.frontier = outside.frontier;
            self.handlers = outside.handlers;
            self.graph = outside.graph;
        }
        self.step(StepKind::Compute, node);
    }

    /// What waits returns from the graph.
    pub(super) fn give_back(&mut self) {
        for pending in &mut self.frontier {
            if pending.kind == EdgeKind::Next {
                pending.kind = EdgeKind::Return;
            }
        }
        let normal = self.graph().normal;
        self.lead(normal);
    }
}
