//! Evaluating an expression: which operands, in which order, and what its own step is.

use super::{EdgeKind, FlowKind, Form, Kind, Machine, NodeId, Subject, Task, is_constant};

impl Machine<'_, '_> {
    /// Whether an expression cannot change the course by itself.
    fn is_stepless(&self, node: NodeId) -> bool {
        match self.tree.node(node).kind {
            Kind::Apply => false,
            Kind::Call => matches!(
                self.form(node),
                Form::Literal | Form::Construct | Form::Segment | Form::Directive
            ),
            _ => true,
        }
    }

    pub(super) fn statement(&mut self, node: NodeId) {
        if self.is_stepless(node) {
            self.tasks.push(Task::Step(node));
        }
        self.evaluate(node);
    }

    /// Plans operands, left to right. Each sees the variables as they were before the first: what `=` binds in one is
    /// there only after all.
    pub(super) fn operands(&mut self, kids: &[NodeId]) {
        let binds = |machine: &Self, kid: &NodeId| machine.form(*kid) == Form::Match;
        if kids.len() < 2 || !kids.iter().any(|kid| binds(self, kid)) {
            for kid in kids.iter().rev() {
                self.tasks.push(Task::Evaluate(*kid));
            }
            return;
        }
        self.tasks.push(Task::Unshelve);
        for kid in kids.iter().rev() {
            if binds(self, kid) {
                self.plan(&[Task::Open, Task::Evaluate(*kid), Task::Shelve]);
            } else {
                self.tasks.push(Task::Evaluate(*kid));
            }
        }
        self.tasks.push(Task::OpenShelf);
    }

    pub(super) fn composed(&mut self, node: NodeId, kids: &[NodeId], kind: FlowKind) {
        for kid in kids {
            self.flow(*kid, node, kind);
        }
        self.operands(kids);
    }

    pub(super) fn evaluate(&mut self, node: NodeId) {
        let tree = self.tree;
        match tree.node(node).kind {
            Kind::Atom | Kind::Integer | Kind::Float | Kind::String | Kind::Charlist => {}
            Kind::Variable => {
                if !is_constant(tree.text(node)) {
                    self.read(node);
                }
            }
            Kind::List | Kind::Pair => self.composed(node, tree.kids(node), FlowKind::Operand),
            Kind::Error => {
                self.dfg.unknown.push(node);
                self.composed(node, tree.kids(node), FlowKind::Operand);
            }
            Kind::Apply => self.application(node, None),
            Kind::Call => self.evaluate_call(node),
        }
    }

    fn evaluate_call(&mut self, node: NodeId) {
        let kids = self.tree.kids(node);
        match (self.form(node), kids) {
            (Form::Match | Form::Destructure, [_, value]) => {
                self.plan(&[Task::Evaluate(*value), Task::Match(node)]);
            }
            (Form::Block, _) => self.block(node, kids),
            (Form::If, [on, list]) if self.has(*list, "do") => {
                self.condition(node, *on, *list, EdgeKind::True, EdgeKind::False);
            }
            (Form::Unless, [on, list]) if self.has(*list, "do") => {
                self.condition(node, *on, *list, EdgeKind::False, EdgeKind::True);
            }
            (Form::Case, [subject, list]) if self.has(*list, "do") => {
                self.case(node, *subject, *list);
                self.tasks.push(Task::Evaluate(*subject));
            }
            (Form::Cond, [list]) if self.has(*list, "do") => self.cond(node, *list),
            (Form::With, _) => self.with(node, kids),
            (Form::For, _) => self.comprehension(node, kids),
            (Form::Receive, [list]) => self.receive(node, *list),
            (Form::Try, [list]) if self.has(*list, "do") => self.attempt(node, *list),
            (Form::Fn, _) => self.function_literal(node, kids),
            (Form::Capture, [body]) => self.capture(node, *body),
            (Form::And, [left, right]) => {
                self.shortcut(node, *left, *right, EdgeKind::True, EdgeKind::False);
            }
            (Form::Or, [left, right]) => {
                self.shortcut(node, *left, *right, EdgeKind::False, EdgeKind::True);
            }
            (Form::Pipe, [left, right]) => self.plan(&[
                Task::Evaluate(*left),
                Task::Piped(*left, *right),
                Task::PipeEnd(node, *right),
            ]),
            (Form::Raise | Form::Throw, _) => {
                self.tasks.push(Task::Stop(node, None));
                self.composed(node, kids, FlowKind::Argument);
            }
            (Form::Quote, _) => self.quote(node, kids),
            (Form::Directive | Form::Literal, _) => {}
            (Form::Construct, _) => self.composed(node, kids, FlowKind::Operand),
            (Form::Segment, [left, right]) => {
                self.sizes(*right, node);
                self.composed(node, &[*left], FlowKind::Operand);
            }
            (Form::Binding, _) => {
                self.dfg.unknown.push(node);
                self.tasks.push(Task::Step(node));
            }
            (Form::Var, [name, ..]) => {
                self.dfg.unknown.push(node);
                self.tasks.push(Task::Step(node));
                self.composed(node, &[*name], FlowKind::Operand);
            }
            (Form::MatchTest, [pattern, value]) => {
                self.plan(&[Task::Evaluate(*value), Task::MatchTest(node, *pattern, *value)]);
            }
            _ => self.local_call(node, None),
        }
    }

    pub(super) fn has(&self, list: NodeId, key: &str) -> bool {
        self.tree.keyword(list, key).is_some()
    }

    fn block(&mut self, node: NodeId, kids: &[NodeId]) {
        match kids.last() {
            Some(last) => self.flow(*last, node, FlowKind::Result),
            None => self.tasks.push(Task::Step(node)),
        }
        for kid in kids.iter().rev() {
            self.tasks.push(Task::Statement(*kid));
        }
    }

    /// `left = right`, the right side of which is done. Of `destructure` too.
    pub(super) fn match_operator(&mut self, node: NodeId) {
        let &[pattern, value] = self.tree.kids(node) else {
            return;
        };
        let step = self.step(super::StepKind::Compute, node);
        self.flow(value, node, FlowKind::Operand);
        self.patterns += 1;
        let first = self.dfg.bindings.len();
        // Where nothing handles the error, the value does not depend on the match: it is the right side.
        let handled = !self.handlers.is_empty();
        let parted = self.same_shape(pattern, Subject::Node(value)).is_some();
        let subject = if parted { value } else { node };
        let refutable = self.pattern(pattern, Subject::Node(subject), handled.then_some(node));
        if refutable {
            if handled {
                self.may_raise(step);
            } else {
                self.frontier_splits(step);
            }
        }
        let is_closure = matches!(self.form(value), Form::Fn | Form::Capture);
        let bound = self.dfg.bindings.get_mut(first);
        if let Some(bound) = bound.filter(|bound| is_closure && bound.node == pattern) {
            bound.closure = Some(value);
        }
    }

    /// A match that may fail, where nothing handles it: an implicit way out.
    fn frontier_splits(&mut self, step: u32) {
        let raise = self.graph().raise;
        self.edge(step, raise, EdgeKind::NoMatch, true);
    }

    /// `match?(pattern, value)`: what the pattern binds stays inside.
    pub(super) fn match_test(&mut self, node: NodeId, pattern: NodeId, value: NodeId) {
        self.step(super::StepKind::Compute, node);
        self.flow(value, node, FlowKind::Test);
        let mark = self.scope.mark();
        self.patterns += 1;
        let (pattern, guard) = self.split_guard(pattern);
        self.pattern(pattern, Subject::Node(value), Some(node));
        if let Some(guard) = guard {
            self.read_only(guard);
            self.flow(guard, node, FlowKind::Test);
        }
        self.scope.leave(mark);
    }

    /// `quote`: only what is unquoted is evaluated.
    fn quote(&mut self, node: NodeId, kids: &[NodeId]) {
        self.tasks.push(Task::Step(node));
        let (mut inner, mut work) = (Vec::new(), Vec::new());
        for kid in kids {
            match self.tree.keyword(*kid, "do") {
                Some(body) => work.push(body),
                None => work.push(*kid),
            }
            if let Some(bound) = self.tree.keyword(*kid, "bind_quoted") {
                inner.push(bound);
            }
        }
        while let Some(at) = work.pop() {
            let name = self.tree.text(at);
            let is_call = self.tree.node(at).kind == Kind::Call;
            if is_call && matches!(name, "unquote" | "unquote_splicing") {
                inner.extend(self.tree.kids(at));
            } else if !(is_call && name == "quote") {
                work.extend(self.tree.kids(at).iter().rev());
            }
        }
        self.composed(node, &inner, FlowKind::Operand);
    }
}
