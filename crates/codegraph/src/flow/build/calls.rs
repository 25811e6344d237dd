//! Calls: local, remote, of a value; through pipes; those after which nothing follows.

use super::super::dfg::{Call, Callee};
use super::super::locals::Origin;
use super::{EdgeKind, FlowKind, Form, Kind, Machine, Miss, NodeId, StepKind, Style, Subject, Task};

impl Machine<'_, '_> {
    /// A call by a name that is no special form.
    pub(super) fn local_call(&mut self, node: NodeId, piped: Option<NodeId>) {
        let kids = self.tree.kids(node);
        // `name(arguments) do ... end`: a macro, by the look of it.
        if let Some((list, arguments)) = kids.split_last().filter(|(list, _)| self.has(**list, "do")) {
            self.dfg.unknown.push(node);
            self.macro_with_block(node, arguments, *list, piped);
            return;
        }
        self.tasks.push(Task::Call(node, piped));
        self.composed(node, kids, FlowKind::Argument);
    }

    fn macro_with_block(&mut self, node: NodeId, arguments: &[NodeId], list: NodeId, piped: Option<NodeId>) {
        self.frame(node);
        self.tasks.push(Task::Join(node));
        let sections = self.tree.kids(list);
        for pair in sections.iter().rev() {
            let [_, body] = self.tree.kids(*pair) else {
                continue;
            };
            if self.is_clauses(*body) {
                self.plan(&[
                    Task::Clauses {
                        list: *body,
                        construct: node,
                        subject: Subject::Nothing,
                        style: Style::Patterns,
                        miss: Miss::End,
                    },
                    Task::EndArm(None),
                ]);
            } else {
                self.plan(&[Task::Statement(*body), Task::EndArm(Some(*body))]);
            }
            self.tasks.push(Task::Arm(EdgeKind::True));
        }
        self.tasks
            .extend([Task::Fall(EdgeKind::False), Task::Branch(node, list)]);
        for argument in arguments.iter().chain(&piped) {
            self.flow(*argument, list, FlowKind::Test);
        }
        self.tasks.push(Task::Call(node, piped));
        self.composed(node, arguments, FlowKind::Argument);
    }

    /// `module.name(...)`, `f.(...)`, or something computed.
    pub(super) fn application(&mut self, node: NodeId, piped: Option<NodeId>) {
        let Some((callee, arguments)) = self.tree.kids(node).split_first() else {
            return;
        };
        let ends = piped.is_none() && self.never_returns(node);
        self.tasks.push(if ends {
            Task::Stop(node, piped)
        } else {
            Task::Call(node, piped)
        });
        // What a known closure is given goes through its body alone.
        if self.known_closure(node).is_none() {
            for argument in arguments {
                self.flow(*argument, node, FlowKind::Argument);
            }
        }
        self.operands(arguments);
        let target = match self.tree.kids(*callee) {
            [target, ..] if self.tree.node(*callee).kind == Kind::Call && self.tree.text(*callee) == "." => {
                *target
            }
            _ => *callee,
        };
        if self.form(target) != Form::Literal {
            self.flow(target, node, FlowKind::Operand);
            self.tasks.push(Task::Evaluate(target));
        }
    }

    fn never_returns(&self, node: NodeId) -> bool {
        let Some((module, name, _)) = self.tree.remote_call(node) else {
            return false;
        };
        match self.tree.node(module).kind {
            Kind::Atom => {
                self.tree.text(module) == "erlang"
                    && matches!(name, "error" | "exit" | "throw" | "raise" | "halt")
            }
            Kind::Call => match self.tree.kids(module) {
                [only] => self.tree.text(*only) == "System" && name == "halt",
                _ => false,
            },
            _ => false,
        }
    }

    /// The right side of `left |> right`.
    pub(super) fn piped(&mut self, left: NodeId, right: NodeId) {
        match self.tree.node(right).kind {
            Kind::Call => match (self.form(right), self.tree.kids(right)) {
                (Form::Case, [list]) if self.has(*list, "do") => self.case(right, left, *list),
                (Form::Plain, _) => self.local_call(right, Some(left)),
                (Form::Raise | Form::Throw, kids) => {
                    self.tasks.push(Task::Stop(right, Some(left)));
                    self.composed(right, kids, FlowKind::Argument);
                }
                _ => {
                    self.flow(left, right, FlowKind::Piped);
                    self.tasks.push(Task::Evaluate(right));
                }
            },
            Kind::Apply => self.application(right, Some(left)),
            Kind::Variable => self.tasks.push(Task::Call(right, Some(left))),
            _ => {
                self.flow(left, right, FlowKind::Piped);
                self.tasks.push(Task::Evaluate(right));
            }
        }
    }

    pub(super) fn pipe_end(&mut self, node: NodeId, right: NodeId) {
        self.flow(right, node, FlowKind::Result);
        let step = self
            .locals
            .of(right)
            .and_then(|at| self.step_of.get(at as usize))
            .copied();
        let at = self.number(node) as usize;
        if let (Some(step), Some(slot)) = (step, self.step_of.get_mut(at)) {
            *slot = step;
        }
    }

    /// The step of a call, the operands of which are done.
    pub(super) fn call(&mut self, node: NodeId, piped: Option<NodeId>) {
        if let Some(piped) = piped {
            self.flow(piped, node, FlowKind::Piped);
        }
        let step = self.step(StepKind::Compute, node);
        self.may_raise(step);
        let is_operator = self.tree.node(node).kind == Kind::Call && self.form(node) == Form::Operator;
        if !is_operator {
            self.record(node, piped);
        }
    }

    /// Notes who is called with what.
    fn record(&mut self, node: NodeId, piped: Option<NodeId>) {
        let tree = self.tree;
        let (callee, written) = match tree.node(node).kind {
            Kind::Apply => {
                let kids = tree.kids(node);
                let callee = match kids
                    .first()
                    .map(|callee| (tree.is_call(*callee, ".", 2), tree.kids(*callee)))
                {
                    Some((true, [module, name])) => Callee::Remote(*module, tree.node(*name).symbol),
                    _ => Callee::Dynamic,
                };
                (callee, kids.get(1..).unwrap_or_default())
            }
            Kind::Call => (Callee::Local(tree.node(node).symbol), tree.kids(node)),
            _ => (Callee::Local(tree.node(node).symbol), &[][..]),
        };
        let first = self.dfg.arguments.len() as u32;
        for argument in piped.iter().chain(written) {
            let number = self.number(*argument);
            self.dfg.arguments.push(number);
        }
        let arity = self.dfg.arguments.len() as u32 - first;
        self.dfg.calls.push(Call {
            node,
            callee,
            arity,
            captured: false,
            first,
        });
        self.pass(node, callee, first, arity);
    }

    /// Values that get into closures: the arguments of `f.(...)` where `f` is bound to a closure here; and what stands
    /// beside a closure in a call, because the callee may hand it on (`Enum.map(list, fn x -> ... end)`).
    fn pass(&mut self, node: NodeId, callee: Callee, first: u32, arity: u32) {
        let all = first as usize..(first + arity) as usize;
        if let Some(closure) = self.known_closure(node).filter(|_| callee == Callee::Dynamic) {
            self.invoke(closure, node, all.clone(), None);
        }
        if self.given.is_empty() {
            return;
        }
        for at in all.clone() {
            let Origin::Node(argument) = self.locals.origin(self.dfg.arguments[at]) else {
                continue;
            };
            if let Some(closure) = self.closure_of(argument) {
                self.invoke(closure, node, all.clone(), Some(at));
            }
        }
    }

    /// A call may run a closure, with these arguments but one.
    fn invoke(
        &mut self,
        closure: NodeId,
        call: NodeId,
        arguments: std::ops::Range<usize>,
        but: Option<usize>,
    ) {
        let Some((_, given)) = self
            .given
            .iter()
            .rev()
            .find(|(node, _)| *node == closure)
            .copied()
        else {
            return;
        };
        self.invoked.push((self.number(closure), self.number(call)));
        for at in arguments.filter(|at| Some(*at) != but) {
            let from = self.dfg.arguments[at];
            self.flow_between(from, given, FlowKind::Passed);
        }
    }

    /// The closure that `f.(...)` calls, if `f` is bound to one here.
    fn known_closure(&self, call: NodeId) -> Option<NodeId> {
        let callee = self
            .tree
            .kid(call, 0)
            .filter(|callee| self.tree.is_call(*callee, ".", 1))?;
        self.closure_of(self.tree.kid(callee, 0)?)
    }

    /// The closure that an expression is: written here, or bound to the variable.
    fn closure_of(&self, node: NodeId) -> Option<NodeId> {
        match (self.tree.node(node).kind, self.form(node)) {
            (Kind::Call, Form::Fn | Form::Capture) => Some(node),
            (Kind::Variable, _) => {
                let bound = self.scope.get(self.tree.node(node).symbol)?;
                self.dfg.bindings.get(bound as usize)?.closure
            }
            _ => None,
        }
    }

    /// `raise` and its like.
    pub(super) fn stop(&mut self, node: NodeId, piped: Option<NodeId>) {
        if let Some(piped) = piped {
            self.flow(piped, node, FlowKind::Piped);
        }
        let step = self.step(StepKind::Stop, node);
        self.record(node, piped);
        let thrown = self.form(node) == Form::Throw;
        self.frontier.clear();
        let (to, implicit) = match self.handlers.last().copied() {
            Some(handler) => {
                if let Some(value) = handler.value {
                    self.flow(node, value, FlowKind::Raised);
                }
                (if thrown { handler.thrown } else { handler.raised }, false)
            }
            None => (self.graph().raise, false),
        };
        self.edge(step, to, EdgeKind::Exception, implicit);
    }

    /// Captures of named functions: nothing is evaluated, but the function is known.
    pub(super) fn reference(&mut self, node: NodeId, named: NodeId, arity: NodeId) -> bool {
        let tree = self.tree;
        let Ok(count) = tree.text(arity).parse::<u32>() else {
            return false;
        };
        let callee = match (tree.node(named).kind, tree.remote_call(named)) {
            (Kind::Variable, _) => Callee::Local(tree.node(named).symbol),
            (Kind::Apply, Some((module, _, []))) => {
                let name = tree
                    .kid(named, 0)
                    .and_then(|dot| tree.kid(dot, 1))
                    .map(|name| tree.node(name).symbol);
                let Some(name) = name else {
                    return false;
                };
                if self.form(module) != Form::Literal {
                    self.flow(module, node, FlowKind::Operand);
                    self.tasks.push(Task::Evaluate(module));
                }
                Callee::Remote(module, name)
            }
            _ => return false,
        };
        self.dfg.calls.push(Call {
            node,
            callee,
            arity: count,
            captured: true,
            first: u32::MAX,
        });
        true
    }

    pub(super) fn is_clauses(&self, body: NodeId) -> bool {
        let kids = self.tree.kids(body);
        self.tree.node(body).kind == Kind::List
            && !kids.is_empty()
            && kids.iter().all(|kid| self.tree.is_call(*kid, "->", 2))
    }

    pub(super) fn case(&mut self, node: NodeId, subject: NodeId, list: NodeId) {
        let Some(body) = self.tree.keyword(list, "do") else {
            return;
        };
        let clauses = self.tree.kids(body);
        let frame = self.frame(node);
        frame.clauses = clauses;
        frame.subject = Subject::Node(subject);
        self.tasks.extend([Task::Join(node), Task::NextClause]);
    }
}
