//! Calls: by name, of a module's function, of a value, with and without a `do` block.

use super::literals::{escape, is_name};
use super::{Context, PRIMARY, Task, Writer};
use crate::quoted::{Flags, Kind, NodeId};

/// Keys of a `do` block.
const SECTIONS: &[&str] = &["do", "after", "rescue", "catch", "else"];

impl Writer<'_> {
    /// `name(arguments)`.
    pub(super) fn named_call(&mut self, node: NodeId, context: Context) {
        let (tree, name) = (self.tree, self.tree.text(node));
        if is_name(name) || !name.is_ascii() {
            self.put(name);
        } else {
            self.put("unquote(:\"");
            escape(self.tree.bytes(node), '"', &mut self.out);
            self.out.push_str("\")");
        }
        self.arguments(node, tree.kids(node), context);
    }

    /// A call of what is no plain name.
    pub(super) fn apply(&mut self, node: NodeId) {
        let tree = self.tree;
        let Some((callee, arguments)) = tree.kids(node).split_first() else {
            return self.put("...");
        };
        if let Some((module, name, arguments)) = tree.remote_call(node) {
            let is_module = |text: &str| tree.node(module).kind == Kind::Atom && tree.text(module) == text;
            if let ([target, key], true) = (arguments, is_module("Elixir.Access") && name == "get") {
                self.then(Task::Node(*target, Context::Operand(PRIMARY)));
                self.then(Task::Text("["));
                self.then(Task::Node(*key, Context::Element));
                self.then(Task::Text("]"));
                return;
            }
            self.then(Task::Node(module, Context::Operand(PRIMARY)));
            if name == "{}" {
                self.then(Task::Text(".{"));
                self.all(arguments);
                self.then(Task::Text("}"));
                return;
            }
            let atom = tree.kid(*callee, 1).unwrap_or(module);
            self.then(Task::Name(atom));
            let is_field = arguments.is_empty() && tree.node(node).flags.has(Flags::NO_PARENS);
            if !is_field {
                self.schedule_arguments(node, arguments);
            }
            return;
        }
        if tree.is_call(*callee, ".", 1)
            && let [value] = tree.kids(*callee)
        {
            self.then(Task::Node(*value, Context::Operand(PRIMARY)));
            self.then(Task::Text("."));
        } else {
            self.then(Task::Node(*callee, Context::Operand(PRIMARY)));
        }
        self.schedule_arguments(node, arguments);
    }

    pub(super) fn name(&mut self, node: NodeId) {
        let text = self.tree.text(node);
        let foreign = text.starts_with(|first: char| !first.is_ascii()) && !text.contains(['"', ' ']);
        let operator = super::operators::binary(text).is_some() || super::operators::unary(text).is_some();
        self.out.push('.');
        if is_name(text) || foreign || operator {
            self.out.push_str(text);
        } else {
            self.out.push('"');
            self.out.push_str(text);
            self.out.push('"');
        }
    }

    /// Arguments that follow what was written already.
    fn arguments(&mut self, node: NodeId, arguments: &[NodeId], context: Context) {
        let flags = self.tree.node(node).flags;
        let (plain, block) = self.split(node, arguments);
        let bare = context == Context::Statement && flags.has(Flags::NO_PARENS) && !self.has_blocks(plain);
        if bare && plain.is_empty() && block.is_some() {
            return self.block(block);
        }
        if bare && !plain.is_empty() {
            self.out.push(' ');
            let at = self.out.len();
            self.elements(plain);
            self.then(Task::Close(at));
            return self.block(block);
        }
        self.schedule_arguments(node, arguments);
    }

    /// Arguments in parentheses, and the `do` block.
    fn schedule_arguments(&mut self, node: NodeId, arguments: &[NodeId]) {
        let (plain, block) = self.split(node, arguments);
        self.then(Task::Text("("));
        self.elements(plain);
        self.then(Task::Text(")"));
        self.block(block);
    }

    /// Elements, the keywords at their end without brackets.
    fn elements(&mut self, elements: &[NodeId]) {
        match elements.split_last() {
            Some((last, before)) if self.is_keywords(*last) => {
                self.all(before);
                if !before.is_empty() {
                    self.then(Task::Comma);
                }
                let tree = self.tree;
                self.keywords(tree.kids(*last));
            }
            _ => self.all(elements),
        }
    }

    /// The arguments, and the sections of the `do` block.
    fn split<'b>(&self, node: NodeId, arguments: &'b [NodeId]) -> (&'b [NodeId], Option<NodeId>) {
        let tree = self.tree;
        let Some((last, before)) = arguments.split_last() else {
            return (arguments, None);
        };
        let key = |(place, pair): (usize, &NodeId)| {
            self.keyword_pair(*pair).is_some_and(|(key, _)| {
                match SECTIONS.iter().position(|known| *known == tree.text(key)) {
                    Some(0) => place == 0,
                    found => found.is_some() && place > 0,
                }
            })
        };
        let is_block = tree.node(node).flags.has(Flags::DO_BLOCK)
            && self.is_keywords(*last)
            && tree.kids(*last).iter().enumerate().all(key);
        if is_block {
            (before, Some(*last))
        } else {
            (arguments, None)
        }
    }

    /// Arguments without parentheses that begin like something else get some.
    pub(super) fn close(&mut self, at: usize) {
        let first = self.out.as_bytes().get(at).copied().unwrap_or(b'(');
        if b"([-+&{/.<%^!|*".contains(&first) && at > 0 {
            self.out.replace_range(at - 1..at, "(");
            self.out.push(')');
        }
    }
}
