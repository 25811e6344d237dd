//! Clauses: heads, guards, and what happens if none is taken.

use super::{EdgeKind, FlowKind, Machine, Miss, NodeId, Pending, StepKind, Style, Subject, Task};
use crate::quoted::Kind;

impl Machine<'_, '_> {
    /// `cond do condition -> body end`.
    pub(super) fn cond(&mut self, node: NodeId, list: NodeId) {
        let Some(body) = self.tree.keyword(list, "do") else {
            return;
        };
        let clauses = self.tree.kids(body);
        let frame = self.frame(node);
        frame.clauses = clauses;
        frame.style = Style::Cond;
        self.tasks.extend([Task::Join(node), Task::NextClause]);
    }

    /// Clauses that are a part of a construct.
    pub(super) fn inner_clauses(
        &mut self,
        list: NodeId,
        construct: NodeId,
        subject: Subject,
        style: Style,
        miss: Miss,
    ) {
        let clauses = self.tree.kids(list);
        match subject {
            Subject::Node(node) if node == list || node == construct => {
                let meeting = self.number(node);
                self.meetings.push(meeting);
            }
            _ => {}
        }
        let result = self.frames.last().map_or(FlowKind::Result, |frame| frame.result);
        let frame = self.frame(construct);
        frame.result = result;
        frame.clauses = clauses;
        frame.subject = subject;
        frame.style = style;
        frame.miss = miss;
        self.tasks.extend([Task::Merge, Task::NextClause]);
    }

    /// Takes up the frame's next clause, or decides what happens after the last.
    pub(super) fn next_clause(&mut self) {
        let mark = self.scope.mark();
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if frame.next > 0 {
            self.frontier.clear();
            self.frontier.append(&mut frame.misses);
        }
        let Some(clause) = frame.clauses.get(frame.next).copied() else {
            match frame.miss {
                Miss::Fail => self.fail(),
                Miss::End => frame.ends.append(&mut self.frontier),
                Miss::To(step) => self.lead(step),
            }
            return;
        };
        frame.next += 1;
        frame.mark = mark;
        let (style, subject) = (frame.style, frame.subject);
        self.tasks.push(Task::NextClause);
        let (heads, body) = match self.tree.kids(clause) {
            [heads, body] if self.tree.is_call(clause, "->", 2) => (*heads, *body),
            _ => {
                // Not a clause: what the parser could not read, or a macro that makes clauses. Perhaps it runs.
                let waiting: Vec<Pending> = self.frontier.clone();
                if let Some(frame) = self.frames.last_mut() {
                    frame.misses.extend(waiting);
                }
                self.plan(&[Task::Statement(clause), Task::EndArm(Some(clause))]);
                return;
            }
        };
        self.tasks.push(Task::EndArm(Some(body)));
        self.tasks.push(Task::Statement(body));
        let written = self.tree.kids(heads);
        if style == Style::Cond {
            if let Some(condition) = written.first() {
                self.plan(&[Task::Statement(*condition), Task::CondTest(*condition)]);
            }
            return;
        }
        let (patterns, guard) = match written {
            [only] if self.tree.node(*only).kind == Kind::Call && self.tree.text(*only) == "when" => {
                match self.tree.kids(*only).split_last() {
                    Some((guard, patterns)) => (patterns, Some(*guard)),
                    None => (written, None),
                }
            }
            _ => (written, None),
        };
        self.head(heads, patterns, guard, subject, style);
        if let Some(frame) = self.frames.last_mut() {
            frame.misses.append(&mut self.misses);
        }
    }

    /// Matches the patterns of a clause, tests its guard. Goes on where both hold; the ways where they do not are left
    /// in `misses`.
    pub(super) fn head(
        &mut self,
        head: NodeId,
        patterns: &[NodeId],
        guard: Option<NodeId>,
        subject: Subject,
        style: Style,
    ) {
        self.patterns += 1;
        let step = self.step_deciding(StepKind::Head, head, Some(head));
        let mut refutable = false;
        for (place, pattern) in patterns.iter().enumerate() {
            let subject = match subject {
                Subject::Parameters => self
                    .locals
                    .parameter(place as u32)
                    .map_or(Subject::Nothing, Subject::Vertex),
                other => other,
            };
            refutable |= if style == Style::Rescue {
                self.rescued(*pattern, subject, head)
            } else {
                self.pattern(*pattern, subject, Some(head))
            };
        }
        // `catch value ->` takes what is thrown, no error and no exit.
        refutable |= style == Style::Catch && patterns.len() == 1;
        if refutable {
            self.misses.push(Pending {
                from: step,
                kind: EdgeKind::NoMatch,
            });
        }
        if let Some(last) = self.frontier.last_mut() {
            last.kind = EdgeKind::Match;
        }
        if let Some(guard) = guard {
            self.read_only(guard);
            let step = self.step_deciding(StepKind::Guard, guard, Some(guard));
            if let Some(last) = self.frontier.last_mut() {
                last.kind = EdgeKind::True;
            }
            self.misses.push(Pending {
                from: step,
                kind: EdgeKind::False,
            });
        }
    }

    /// `e in [A, B]`, `A`, `e`, `_` of `rescue`.
    fn rescued(&mut self, pattern: NodeId, subject: Subject, head: NodeId) -> bool {
        match self.tree.kids(pattern) {
            [variable, names] if self.tree.is_call(pattern, "in", 2) => {
                self.pattern(*variable, subject, Some(head));
                let any = self.tree.node(*names).kind == Kind::Variable && self.tree.text(*names) == "_";
                if !any {
                    self.flow_subject(subject, head, FlowKind::Test);
                }
                !any
            }
            _ => {
                // A lone alias names exceptions; a variable takes all.
                self.pattern(pattern, subject, Some(head))
            }
        }
    }

    pub(super) fn cond_test(&mut self, condition: NodeId) {
        let step = self.step_deciding(StepKind::Branch, condition, Some(condition));
        let always = match self.tree.node(condition).kind {
            Kind::Atom => !matches!(self.tree.text(condition), "false" | "nil"),
            Kind::Integer | Kind::Float | Kind::String | Kind::Charlist => true,
            _ => false,
        };
        if let Some(last) = self.frontier.last_mut() {
            last.kind = EdgeKind::True;
        }
        if let Some(frame) = self.frames.last_mut().filter(|_| !always) {
            frame.misses.push(Pending {
                from: step,
                kind: EdgeKind::False,
            });
        }
    }

    /// `pattern when guard` apart.
    pub(super) fn split_guard(&self, pattern: NodeId) -> (NodeId, Option<NodeId>) {
        match self.tree.kids(pattern) {
            [inner, guard] if self.tree.is_call(pattern, "when", 2) => (*inner, Some(*guard)),
            _ => (pattern, None),
        }
    }
}
