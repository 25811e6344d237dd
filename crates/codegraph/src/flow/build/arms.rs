//! Branches, arms and where they come together.

use super::{EdgeKind, FlowKind, Machine, NodeId, Pending, StepKind, Task};

impl Machine<'_, '_> {
    /// `if` and `unless`.
    pub(super) fn condition(
        &mut self,
        node: NodeId,
        on: NodeId,
        list: NodeId,
        holds: EdgeKind,
        fails: EdgeKind,
    ) {
        self.frame(node);
        let (then, otherwise) = (self.tree.keyword(list, "do"), self.tree.keyword(list, "else"));
        self.tasks.push(Task::Join(node));
        for (body, kind) in [(otherwise, fails), (then, holds)] {
            match body {
                Some(body) => self.plan(&[Task::Arm(kind), Task::Statement(body), Task::EndArm(Some(body))]),
                None => self.tasks.push(Task::Fall(kind)),
            }
        }
        self.plan(&[Task::Evaluate(on), Task::Branch(node, on)]);
    }

    /// `&&`, `||`, `and`, `or`: the right side is an arm; the left side is the value otherwise.
    pub(super) fn shortcut(
        &mut self,
        node: NodeId,
        left: NodeId,
        right: NodeId,
        on: EdgeKind,
        off: EdgeKind,
    ) {
        self.frame(node);
        self.flow(left, node, FlowKind::Result);
        self.plan(&[
            Task::Evaluate(left),
            Task::Branch(node, left),
            Task::Fall(off),
            Task::Arm(on),
            Task::Statement(right),
            Task::EndArm(Some(right)),
            Task::Join(node),
        ]);
    }

    pub(super) fn branch(&mut self, node: NodeId, on: NodeId) {
        let step = self.step_deciding(StepKind::Branch, node, Some(on));
        self.frontier.clear();
        if let Some(frame) = self.frames.last_mut() {
            frame.branch = step;
        }
    }

    pub(super) fn arm(&mut self, kind: EdgeKind) {
        let mark = self.scope.mark();
        if let Some(frame) = self.frames.last_mut() {
            frame.mark = mark;
            self.frontier.clear();
            self.frontier.push(Pending {
                from: frame.branch,
                kind,
            });
        }
    }

    pub(super) fn end_arm(&mut self, value: Option<NodeId>) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        frame.ends.append(&mut self.frontier);
        let (mark, construct, result) = (frame.mark, frame.construct, frame.result);
        self.scope.leave(mark);
        if let Some(value) = value {
            self.flow(value, construct, result);
        }
    }

    pub(super) fn fall(&mut self, kind: EdgeKind) {
        if let Some(frame) = self.frames.last_mut() {
            let from = frame.branch;
            frame.ends.push(Pending { from, kind });
        }
    }

    /// The frame ends without a step of its own.
    pub(super) fn merge(&mut self) {
        if let Some(mut frame) = self.frames.pop() {
            self.frontier.append(&mut frame.ends);
        }
    }

    pub(super) fn join(&mut self, node: NodeId) {
        self.merge();
        self.step(StepKind::Join, node);
        // What nothing gets to is not gone on from.
        let id = (self.cfg.steps.len() - 1) as u32;
        if self.cfg.edges.last().is_none_or(|edge| edge.to != id) {
            self.frontier.clear();
        }
    }

    pub(super) fn shelve(&mut self) {
        let Some(mark) = self.marks.pop() else {
            return;
        };
        let from = self.shelf.len();
        let shelf = &mut self.shelf;
        self.scope
            .shelve(mark, |name, binding| shelf.push((name, binding)));
        self.shelf[from..].reverse();
    }

    pub(super) fn unshelve(&mut self) {
        let Some(from) = self.marks.pop() else {
            return;
        };
        for (name, binding) in self.shelf.split_off(from.min(self.shelf.len())) {
            self.scope.set(name, binding);
        }
    }
}
