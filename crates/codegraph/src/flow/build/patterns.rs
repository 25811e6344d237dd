//! Patterns bind variables and may fail; guards only read.

use super::super::dfg::Binding;
use super::{FlowKind, Form, Kind, Machine, NodeId, Subject, is_constant};

impl<'t> Machine<'t, '_> {
    /// Binds what a pattern binds. `test` is the node that stands for whether it matches. Returns whether it may fail.
    ///
    /// Where pattern and value are written with the same shape (`{a, b} = {x, y}`), each part gets its own value.
    pub(super) fn pattern(&mut self, root: NodeId, value: Subject, test: Option<NodeId>) -> bool {
        let tree = self.tree;
        let (mut refutable, base) = (false, self.stack.len());
        self.stack.push((root, value));
        while self.stack.len() > base {
            let Some((node, value)) = self.stack.pop() else {
                break;
            };
            let kids = tree.kids(node);
            match (self.form(node), kids) {
                (Form::Match, [left, right]) => {
                    self.stack.extend([(*right, value), (*left, value)]);
                    continue;
                }
                _ if tree.is_call(node, "\\\\", 2) => {
                    self.stack.extend(kids.first().map(|left| (*left, value)));
                    continue;
                }
                _ => {}
            }
            if let Some(parts) = self.same_shape(node, value) {
                let pairs = kids.iter().zip(parts);
                self.stack
                    .extend(pairs.rev().map(|(kid, part)| (*kid, Subject::Node(*part))));
                continue;
            }
            self.flow_subject(value, node, FlowKind::Match);
            if self.bind_all(node, test) {
                refutable = true;
                if let Some(test) = test {
                    self.flow(node, test, FlowKind::Test);
                }
            }
        }
        refutable
    }

    /// The parts of a value that is written like the pattern.
    pub(super) fn same_shape(&self, pattern: NodeId, value: Subject) -> Option<&'t [NodeId]> {
        let Subject::Node(value) = value else {
            return None;
        };
        let (left, right) = (self.tree.node(pattern), self.tree.node(value));
        let (kids, parts) = (self.tree.kids(pattern), self.tree.kids(value));
        let alike = match left.kind {
            Kind::Pair => true,
            Kind::List => !kids
                .iter()
                .chain(parts)
                .any(|kid| self.tree.is_call(*kid, "|", 2)),
            Kind::Call => self.tree.text(pattern) == "{}" && self.tree.text(value) == "{}",
            _ => false,
        };
        (left.kind == right.kind && kids.len() == parts.len() && !parts.is_empty() && alike).then_some(parts)
    }

    /// Binds the variables below a pattern, left to right. Returns whether it may fail.
    fn bind_all(&mut self, root: NodeId, test: Option<NodeId>) -> bool {
        let tree = self.tree;
        if tree.node(root).kind == Kind::Variable {
            let name = tree.text(root);
            return if is_constant(name) {
                !matches!(name, "_")
            } else {
                self.bind(root, root, test)
            };
        }
        let base = self.stack.len();
        self.stack.push((root, Subject::Nothing));
        while self.stack.len() > base {
            let Some((node, _)) = self.stack.pop() else {
                break;
            };
            let kids = tree.kids(node);
            match tree.node(node).kind {
                Kind::Variable if is_constant(tree.text(node)) => {}
                Kind::Variable => {
                    self.bind(node, root, test);
                }
                Kind::Call if self.form(node) == Form::Literal => {}
                Kind::Call if tree.is_call(node, "^", 1) => {
                    for kid in kids {
                        self.evaluate_plain(*kid);
                        self.flow(*kid, root, FlowKind::Test);
                    }
                }
                Kind::Call if tree.is_call(node, "::", 2) => {
                    // A size may name a variable that is bound further left in the same pattern.
                    self.sizes(kids[1], root);
                    self.stack.push((kids[0], Subject::Nothing));
                }
                Kind::Call if tree.is_call(node, "unquote", 1) => self.dfg.unknown.push(node),
                Kind::Call if self.form(node) == Form::Var => {
                    self.dfg.unknown.push(node);
                    self.stack
                        .extend(kids.first().map(|kid| (*kid, Subject::Nothing)));
                }
                Kind::Apply => {
                    let arguments = kids.get(1..).unwrap_or_default();
                    self.stack
                        .extend(arguments.iter().rev().map(|kid| (*kid, Subject::Nothing)));
                }
                _ => self
                    .stack
                    .extend(kids.iter().rev().map(|kid| (*kid, Subject::Nothing))),
            }
        }
        true
    }

    /// Binds a variable; the second time in one pattern it is compared instead. Returns whether that may fail.
    fn bind(&mut self, node: NodeId, root: NodeId, test: Option<NodeId>) -> bool {
        let name = self.tree.node(node).symbol;
        if node != root {
            self.flow(root, node, FlowKind::Bind);
        }
        let known = self
            .scope
            .get(name)
            .and_then(|at| self.dfg.bindings.get(at as usize))
            .copied();
        if let Some(known) = known.filter(|known| known.pattern == self.patterns) {
            self.read(node);
            if let Some(test) = test {
                self.flow(known.node, test, FlowKind::Test);
                self.flow(node, test, FlowKind::Test);
            }
            return true;
        }
        let version = self.scope.version(name);
        self.scope.set(name, self.dfg.bindings.len() as u32);
        self.dfg.bindings.push(Binding {
            name,
            version,
            node,
            graph: self.graph,
            pattern: self.patterns,
            closure: None,
        });
        false
    }

    fn evaluate_plain(&mut self, node: NodeId) {
        if self.tree.node(node).kind == Kind::Variable && !is_constant(self.tree.text(node)) {
            self.read(node);
        } else {
            self.read_only(node);
        }
    }

    /// The sizes in the type of a binary's segment: `binary-size(n)`.
    pub(super) fn sizes(&mut self, kind: NodeId, root: NodeId) {
        for index in self.tree.subtree(kind) {
            let node = NodeId::new(index);
            if self.tree.is_call(node, "size", 1) || self.tree.is_call(node, "unit", 1) {
                for kid in self.tree.kids(node) {
                    self.read_only(*kid);
                    self.flow(*kid, root, FlowKind::Test);
                }
            }
        }
    }

    /// A guard, or another expression without branches and bindings: its variables are read, its parts make it up.
    pub(super) fn read_only(&mut self, root: NodeId) {
        let tree = self.tree;
        let range = tree.subtree(root);
        for index in range {
            let node = NodeId::new(index);
            if tree.node(node).kind == Kind::Variable {
                // `@name` is no variable. Its parent is next in post-order.
                let attribute = tree.is_call(NodeId::new(index + 1), "@", 1) && node != root;
                if !attribute && !is_constant(tree.text(node)) {
                    self.read(node);
                }
            }
            for kid in tree.kids(node) {
                self.flow(*kid, node, FlowKind::Operand);
            }
        }
    }
}
