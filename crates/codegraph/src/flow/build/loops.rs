//! `for`, `with` and `receive`.

use super::{EdgeKind, FlowKind, Kind, Machine, Miss, NodeId, Pending, StepKind, Style, Subject, Task};

impl<'t> Machine<'t, '_> {
    /// What stands before the keyword lists at the end, and the lists.
    fn split_options(&self, kids: &'t [NodeId]) -> (&'t [NodeId], &'t [NodeId]) {
        let options = kids
            .iter()
            .rev()
            .take_while(|kid| {
                self.tree.node(**kid).kind == Kind::List
                    && self
                        .tree
                        .kids(**kid)
                        .iter()
                        .all(|pair| self.tree.node(*pair).kind == Kind::Pair)
            })
            .count();
        kids.split_at(kids.len() - options)
    }

    fn option(&self, lists: &[NodeId], key: &str) -> Option<NodeId> {
        lists.iter().find_map(|list| self.tree.keyword(*list, key))
    }

    /// `for generators, filters, into: x, reduce: y do body end`.
    pub(super) fn comprehension(&mut self, node: NodeId, kids: &'t [NodeId]) {
        let (parts, lists) = self.split_options(kids);
        let body = self.option(lists, "do");
        self.frame(node);
        self.tasks.push(Task::Join(node));
        let mut first = Vec::new();
        for pair in lists.iter().flat_map(|list| self.tree.kids(*list)) {
            let [key, value] = self.tree.kids(*pair) else {
                continue;
            };
            match self.tree.text(*key) {
                "do" => {}
                "reduce" => {
                    self.flow(*value, *pair, FlowKind::Result);
                    self.flow(*pair, node, FlowKind::Result);
                    self.tasks.push(Task::ForBody(node, None));
                    if let Some(list) = body {
                        self.plan(&[
                            Task::Clauses {
                                list,
                                construct: *pair,
                                subject: Subject::Node(*pair),
                                style: Style::Patterns,
                                miss: Miss::Fail,
                            },
                            Task::EndArm(None),
                        ]);
                    }
                    first.push(*value);
                }
                _ => {
                    self.flow(*value, node, FlowKind::Operand);
                    first.push(*value);
                }
            }
        }
        if self.option(lists, "reduce").is_none() {
            self.tasks.push(Task::ForBody(node, body));
            self.tasks.extend(body.map(Task::Statement));
        }
        for part in parts.iter().rev() {
            match self.source_of(*part) {
                Some(source) => self.plan(&[Task::Evaluate(source), Task::Generator(*part)]),
                None => self.plan(&[Task::Statement(*part), Task::Filter(*part)]),
            }
        }
        for value in first.iter().rev() {
            self.tasks.push(Task::Evaluate(*value));
        }
    }

    /// The right side of `pattern <- source`, also inside `<<...>>`.
    fn source_of(&self, part: NodeId) -> Option<NodeId> {
        let arrow = if self.tree.node(part).kind == Kind::Call && self.tree.text(part) == "<<>>" {
            *self.tree.kids(part).last()?
        } else {
            part
        };
        match self.tree.kids(arrow) {
            [_, source] if self.tree.is_call(arrow, "<-", 2) => Some(*source),
            _ => None,
        }
    }

    pub(super) fn generator(&mut self, node: NodeId) {
        let tree = self.tree;
        let step = self.step_deciding(StepKind::Generator, node, Some(node));
        self.may_raise(step);
        if let Some(source) = self.source_of(node) {
            self.flow(source, node, FlowKind::Operand);
        }
        self.frontier.clear();
        self.frontier.push(Pending {
            from: step,
            kind: EdgeKind::Each,
        });
        if let Some(frame) = self.frames.last_mut() {
            let outer = frame.loops.last().copied();
            frame.loops.push(step);
            match outer {
                Some(outer) => self.edge(step, outer, EdgeKind::Done, false),
                None => frame.ends.push(Pending {
                    from: step,
                    kind: EdgeKind::Done,
                }),
            }
        }
        self.patterns += 1;
        let kids = tree.kids(node);
        if !tree.is_call(node, "<-", 2) {
            // `<<a, b <- source>>`
            for kid in kids {
                let pattern = match tree.kids(*kid) {
                    [left, _] if tree.is_call(*kid, "<-", 2) => *left,
                    _ => *kid,
                };
                self.pattern(pattern, Subject::Node(node), None);
            }
            return;
        }
        let (left, guard) = self.split_guard(kids[0]);
        let refutable = self.pattern(left, Subject::Node(node), Some(left));
        if refutable {
            let head = self.step_deciding(StepKind::Head, left, Some(left));
            self.edge(head, step, EdgeKind::NoMatch, false);
            self.continue_as(EdgeKind::Match);
        }
        if let Some(guard) = guard {
            self.read_only(guard);
            let test = self.step_deciding(StepKind::Guard, guard, Some(guard));
            self.edge(test, step, EdgeKind::False, false);
            self.continue_as(EdgeKind::True);
        }
    }

    fn continue_as(&mut self, kind: EdgeKind) {
        if let Some(last) = self.frontier.last_mut() {
            last.kind = kind;
        }
    }

    pub(super) fn filter(&mut self, node: NodeId) {
        let from = self.step_deciding(StepKind::Branch, node, Some(node));
        self.continue_as(EdgeKind::True);
        let kind = EdgeKind::False;
        if let Some(frame) = self.frames.last_mut() {
            match frame.loops.last().copied() {
                Some(again) => self.edge(from, again, kind, false),
                None => frame.ends.push(Pending { from, kind }),
            }
        }
    }

    pub(super) fn for_body(&mut self, node: NodeId, body: Option<NodeId>) {
        if let Some(body) = body {
            self.flow(body, node, FlowKind::Result);
        }
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        // The ends of a reducing body's clauses, before those of the generators.
        let mark = frame.mark;
        if let Some(again) = frame.loops.last().copied() {
            self.lead(again);
        }
        self.scope.leave(mark);
    }

    /// `with pattern <- value, ... do body else clauses end`.
    pub(super) fn with(&mut self, node: NodeId, kids: &'t [NodeId]) {
        let (parts, lists) = self.split_options(kids);
        let (body, otherwise) = (self.option(lists, "do"), self.option(lists, "else"));
        self.frame(node).subject = Subject::Node(otherwise.unwrap_or(node));
        self.plan(&[Task::EndArm(body), Task::WithBody(otherwise), Task::Join(node)]);
        self.tasks.extend(body.map(Task::Statement));
        for part in parts.iter().rev() {
            match self.tree.kids(*part) {
                [_, value] if self.tree.is_call(*part, "<-", 2) => {
                    self.plan(&[Task::Evaluate(*value), Task::WithMatch(*part)]);
                }
                _ => self.tasks.push(Task::Statement(*part)),
            }
        }
    }

    pub(super) fn with_match(&mut self, clause: NodeId) {
        let &[left, value] = self.tree.kids(clause) else {
            return;
        };
        let (pattern, guard) = self.split_guard(left);
        self.head(clause, &[pattern], guard, Subject::Node(value), Style::Patterns);
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if !self.misses.is_empty() {
            frame.misses.append(&mut self.misses);
            if let Subject::Node(failed) = frame.subject {
                self.flow(value, failed, FlowKind::Result);
            }
        }
    }

    pub(super) fn with_body(&mut self, otherwise: Option<NodeId>) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        self.frontier.clear();
        let construct = frame.construct;
        match otherwise {
            Some(list) => {
                self.frontier.append(&mut frame.misses);
                self.plan(&[
                    Task::Clauses {
                        list,
                        construct,
                        subject: Subject::Node(list),
                        style: Style::Patterns,
                        miss: Miss::Fail,
                    },
                    Task::EndArm(None),
                ]);
            }
            None => frame.ends.append(&mut frame.misses),
        }
    }

    /// `receive do clauses after timeout -> body end`.
    pub(super) fn receive(&mut self, node: NodeId, list: NodeId) {
        let clauses = self.tree.keyword(list, "do");
        let after = self
            .tree
            .keyword(list, "after")
            .and_then(|after| self.tree.kid(after, 0));
        self.tasks.push(Task::Wait(node, clauses, after));
        if let Some(timeout) = after
            .and_then(|after| self.tree.kid(after, 0))
            .and_then(|heads| self.tree.kid(heads, 0))
        {
            self.flow(timeout, list, FlowKind::Test);
            self.tasks.push(Task::Evaluate(timeout));
        }
    }

    pub(super) fn wait(&mut self, node: NodeId, clauses: Option<NodeId>, after: Option<NodeId>) {
        let list = self.tree.kid(node, 0);
        let step = self.step_deciding(StepKind::Wait, node, list);
        if let Some(list) = list {
            let meeting = self.number(list);
            self.meetings.push(meeting);
        }
        self.frame(node).branch = step;
        self.tasks.push(Task::Join(node));
        if let Some(body) = after.and_then(|after| self.tree.kid(after, 1)) {
            self.plan(&[
                Task::Arm(EdgeKind::After),
                Task::Statement(body),
                Task::EndArm(Some(body)),
            ]);
        }
        match clauses.filter(|list| self.is_clauses(*list)) {
            Some(list) => self.plan(&[
                Task::Clauses {
                    list,
                    construct: node,
                    subject: Subject::Nothing,
                    style: Style::Patterns,
                    miss: Miss::To(step),
                },
                Task::EndArm(None),
            ]),
            None => self.frontier.clear(),
        }
    }
}
