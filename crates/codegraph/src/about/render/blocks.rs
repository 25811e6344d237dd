//! Bodies, sections of `do` blocks, clauses with `->`, `fn`.

use super::literals::unwrapped;
use super::{Context, Task, Writer};
use crate::quoted::{Kind, NodeId};

impl Writer<'_> {
    /// ` do ... end`, if there is one.
    pub(super) fn block(&mut self, sections: Option<NodeId>) {
        let Some(sections) = sections else {
            return;
        };
        let tree = self.tree;
        for (place, pair) in tree.kids(sections).iter().enumerate() {
            let [key, body] = tree.kids(*pair) else {
                continue;
            };
            if place > 0 {
                self.then(Task::Line);
            }
            self.then(Task::Text(match tree.text(*key) {
                "after" => "after",
                "rescue" => "rescue",
                "catch" => "catch",
                "else" => "else",
                _ => " do",
            }));
            self.then(Task::Body(*body));
        }
        self.then(Task::Line);
        self.then(Task::Text("end"));
    }

    /// The lines of a body, each after a line break, one level deeper.
    pub(super) fn body(&mut self, node: NodeId) {
        let tree = self.tree;
        self.then(Task::Indent(true));
        if self.is_clauses(node) {
            for clause in tree.kids(node) {
                self.then(Task::Line);
                self.then(Task::Clause(*clause));
            }
        } else {
            for line in self.lines(node) {
                self.then(Task::Line);
                self.then(Task::Node(line, Context::Statement));
            }
        }
        self.then(Task::Indent(false));
    }

    /// The expressions of a body.
    fn lines(&self, node: NodeId) -> Vec<NodeId> {
        let tree = self.tree;
        let is_block = tree.node(node).kind == Kind::Call && tree.text(node) == "__block__";
        if is_block && tree.kids(node).len() != 1 {
            return tree.kids(node).to_vec();
        }
        vec![unwrapped(tree, node)]
    }

    /// A list of clauses, as a body has them.
    pub(super) fn is_clauses(&self, node: NodeId) -> bool {
        let kids = self.tree.kids(node);
        self.tree.node(node).kind == Kind::List
            && !kids.is_empty()
            && kids.iter().all(|kid| self.tree.is_call(*kid, "->", 2))
    }

    /// `args -> body`.
    pub(super) fn clause(&mut self, node: NodeId) {
        let tree = self.tree;
        let [head, body] = tree.kids(node) else {
            return self.put("...");
        };
        let arguments = tree.kids(*head);
        match arguments {
            [only] if tree.node(*only).kind == Kind::Call && tree.text(*only) == "when" => {
                if let Some((guard, patterns)) = tree.kids(*only).split_last() {
                    if patterns.is_empty() {
                        self.put("()");
                    }
                    self.patterns(patterns);
                    self.then(Task::Text(" when "));
                    self.then(Task::Node(*guard, Context::Operand(50)));
                }
            }
            _ => self.patterns(arguments),
        }
        self.then(Task::Text(if arguments.is_empty() { "->" } else { " ->" }));
        let lines = self.lines(*body);
        match lines.as_slice() {
            [line] if !self.has_blocks(&[*line]) => {
                self.then(Task::Text(" "));
                self.then(Task::Node(*line, Context::Element));
            }
            [] => self.then(Task::Text(" ()")),
            [line] => {
                self.then(Task::Indent(true));
                self.then(Task::Line);
                self.then(Task::Node(*line, Context::Statement));
                self.then(Task::Indent(false));
            }
            _ => self.then(Task::Body(*body)),
        }
    }

    fn patterns(&mut self, patterns: &[NodeId]) {
        for (place, pattern) in patterns.iter().enumerate() {
            if place > 0 {
                self.then(Task::Comma);
            }
            self.then(Task::Node(*pattern, Context::Operand(51)));
        }
    }

    /// `fn ... end`.
    pub(super) fn function(&mut self, node: NodeId, context: Context) {
        let tree = self.tree;
        let wrap = matches!(context, Context::Operand(super::PRIMARY));
        if wrap {
            self.put("(");
        }
        self.put("fn ");
        let kids = tree.kids(node);
        if let [clause] = kids {
            self.then(Task::Clause(*clause));
            self.then(Task::Text(" end"));
        } else {
            self.then(Task::Indent(true));
            for clause in kids {
                self.then(Task::Line);
                self.then(Task::Clause(*clause));
            }
            self.then(Task::Indent(false));
            self.then(Task::Line);
            self.then(Task::Text("end"));
        }
        if wrap {
            self.then(Task::Text(")"));
        }
    }

    /// `(a; b)`, `()`, `(!a)`.
    pub(super) fn sequence(&mut self, node: NodeId) {
        let tree = self.tree;
        match tree.kids(node) {
            [] => self.put("()"),
            [only] => {
                self.put("(");
                self.then(Task::Node(*only, Context::Element));
                self.then(Task::Text(")"));
            }
            kids => {
                self.put("(");
                self.then(Task::Indent(true));
                for kid in kids {
                    self.then(Task::Line);
                    self.then(Task::Node(*kid, Context::Statement));
                }
                self.then(Task::Indent(false));
                self.then(Task::Line);
                self.then(Task::Text(")"));
            }
        }
    }
}
