//! Aliases, lists, tuples, maps, structs, bitstrings; and which of all forms a call is.

use super::operators::{binary, unary};
use super::{Context, PRIMARY, Task, Writer};
use crate::quoted::{Kind, NodeId};

impl Writer<'_> {
    pub(super) fn call(&mut self, node: NodeId, context: Context) {
        let tree = self.tree;
        match tree.text(node) {
            "__aliases__" => self.alias(node),
            "__block__" => self.sequence(node),
            "{}" => {
                self.put("{");
                self.all(tree.kids(node));
                self.then(Task::Text("}"));
            }
            "%{}" => {
                self.put("%");
                self.out.push('{');
                self.pairs(node);
            }
            "%" => self.structure(node),
            "<<>>" => {
                if !self.interpolated(node) {
                    self.put("<<");
                    self.all(tree.kids(node));
                    self.then(Task::Text(">>"));
                }
            }
            "fn" => self.function(node, context),
            "->" => self.clause(node),
            name if name.starts_with("sigil_") && self.sigil(node) => {}
            _ if self.operator(node, context) => {}
            _ => self.named_call(node, context),
        }
    }

    fn alias(&mut self, node: NodeId) {
        let tree = self.tree;
        for (place, part) in tree.kids(node).iter().enumerate() {
            if place > 0 {
                self.then(Task::Text("."));
            }
            self.then(match tree.node(*part).kind {
                Kind::Atom => Task::Piece(*part, '"'),
                _ => Task::Node(*part, Context::Operand(PRIMARY)),
            });
        }
    }

    pub(super) fn list(&mut self, node: NodeId) {
        let tree = self.tree;
        if self.is_clauses(node) {
            self.put("(");
            for (place, clause) in tree.kids(node).iter().enumerate() {
                if place > 0 {
                    self.then(Task::Text("; "));
                }
                self.then(Task::Clause(*clause));
            }
            self.then(Task::Text(")"));
            return;
        }
        let kids = tree.kids(node);
        let keywords = kids
            .iter()
            .rev()
            .take_while(|kid| self.keyword_pair(**kid).is_some())
            .count();
        let (before, pairs) = kids.split_at(kids.len() - keywords);
        self.put("[");
        self.all(before);
        if !before.is_empty() && !pairs.is_empty() {
            self.then(Task::Comma);
        }
        self.keywords(pairs);
        self.then(Task::Text("]"));
    }

    /// What is between the braces of a map, and the last of these.
    fn pairs(&mut self, node: NodeId) {
        let tree = self.tree;
        match tree.kids(node) {
            [update] if tree.is_call(*update, "|", 2) => {
                if let [base, list] = tree.kids(*update) {
                    self.then(Task::Node(*base, Context::Operand(71)));
                    self.then(Task::Text(" | "));
                    if tree.node(*list).kind == Kind::List {
                        self.entries(tree.kids(*list));
                    } else {
                        self.then(Task::Node(*list, Context::Operand(70)));
                    }
                }
            }
            kids => self.entries(kids),
        }
        self.then(Task::Text("}"));
    }

    fn entries(&mut self, entries: &[NodeId]) {
        if entries.iter().all(|entry| self.keyword_pair(*entry).is_some()) {
            return self.keywords(entries);
        }
        for (place, entry) in entries.iter().enumerate() {
            if place > 0 {
                self.then(Task::Comma);
            }
            self.then(Task::Arrow(*entry));
        }
    }

    pub(super) fn arrow(&mut self, node: NodeId) {
        let tree = self.tree;
        match (tree.node(node).kind, tree.kids(node)) {
            (Kind::Pair, [key, value]) => {
                // The operand of `&` before an arrow takes nothing along: it binds tighter.
                self.then(Task::Node(*key, Context::Operand(81)));
                self.then(Task::Text(" => "));
                self.then(Task::Node(*value, Context::Operand(81)));
            }
            _ => self.then(Task::Node(node, Context::Element)),
        }
    }

    /// `%Name{...}`.
    fn structure(&mut self, node: NodeId) {
        let tree = self.tree;
        let [name, map] = tree.kids(node) else {
            return self.named_call(node, Context::Element);
        };
        self.put("%");
        let plain = tree.node(*name).kind != Kind::Call
            || binary(tree.text(*name)).is_none()
                && (unary(tree.text(*name)).is_none() || tree.text(*name) != "&");
        let context = if plain {
            Context::Element
        } else {
            Context::Operand(PRIMARY)
        };
        self.then(Task::Node(*name, context));
        self.then(Task::Text("{"));
        self.pairs(*map);
    }
}
