//! Operators: how tightly they bind, and where parentheses are needed. The table is that of `elixir_parser.yrl` 1.14.

use super::{Context, PRIMARY, Task, UNARY, Writer};
use crate::quoted::{Kind, NodeId};

/// How tightly a binary operator binds, and whether the right one of two equal ones is first.
pub(super) fn binary(name: &str) -> Option<(u16, bool)> {
    Some(match name {
        "<-" | "\\\\" => (40, false),
        "when" => (50, true),
        "::" => (60, true),
        "|" => (70, true),
        "=>" => (80, true),
        "=" => (100, true),
        "||" | "|||" | "or" => (120, false),
        "&&" | "&&&" | "and" => (130, false),
        "==" | "!=" | "=~" | "===" | "!==" => (140, false),
        "<" | ">" | "<=" | ">=" => (150, false),
        "|>" | "<<<" | ">>>" | "<<~" | "~>>" | "<~" | "~>" | "<~>" | "<|>" => (160, false),
        "in" => (170, false),
        "^^^" => (180, false),
        "++" | "--" | "+++" | "---" | "<>" | ".." => (200, true),
        "+" | "-" => (210, false),
        "*" | "/" => (220, false),
        "**" => (230, false),
        _ => return None,
    })
}

pub(super) fn unary(name: &str) -> Option<u16> {
    Some(match name {
        "&" => 90,
        "+" | "-" | "!" | "^" | "not" | "~~~" => UNARY,
        "@" => 320,
        _ => return None,
    })
}

/// How each operator is written between its operands.
fn spaced(name: &str) -> Option<&'static str> {
    const SPACED: &[&str] = &[
        " <- ", " \\\\ ", " when ", " :: ", " | ", " => ", " = ", " || ", " ||| ", " or ", " && ", " &&& ",
        " and ", " == ", " != ", " =~ ", " === ", " !== ", " < ", " > ", " <= ", " >= ", " |> ", " <<< ",
        " >>> ", " <<~ ", " ~>> ", " <~ ", " ~> ", " <~> ", " <|> ", " in ", " ^^^ ", " ++ ", " -- ",
        " +++ ", " --- ", " <> ", " + ", " - ", " * ", " / ", " ** ",
    ];
    if name == ".." {
        return Some("..");
    }
    SPACED.iter().find(|text| text.trim() == name).copied()
}

/// Whether what binds so tightly needs parentheses here.
pub(super) fn is_loose(context: Context, binds: u16) -> bool {
    matches!(context, Context::Operand(least) if binds < least)
}

impl Writer<'_> {
    /// An operator with its operands. False: the call is none.
    pub(super) fn operator(&mut self, node: NodeId, context: Context) -> bool {
        let tree = self.tree;
        let name = tree.text(node);
        match tree.kids(node) {
            [first, last, step] if name == "..//" => {
                self.range(node, context, *first, *last, *step);
                true
            }
            [left, right] => {
                let Some((binds, right_first)) = binary(name) else {
                    return false;
                };
                if is_loose(context, binds) {
                    self.parenthesized(node);
                } else {
                    self.infix(*left, name, *right, (binds, right_first), context);
                }
                true
            }
            [operand] => match unary(name) {
                Some(binds) => {
                    self.prefix(node, *operand, binds, context);
                    true
                }
                None => false,
            },
            [] if name == ".." => {
                self.put("..");
                true
            }
            _ => false,
        }
    }

    fn range(&mut self, node: NodeId, context: Context, first: NodeId, last: NodeId, step: NodeId) {
        if is_loose(context, 190) {
            return self.parenthesized(node);
        }
        self.then(Task::Node(first, Context::Operand(201)));
        self.then(Task::Text(".."));
        self.then(Task::Node(last, Context::Operand(201)));
        self.then(Task::Text("//"));
        self.then(Task::Node(step, Context::Operand(201)));
    }

    fn infix(
        &mut self,
        left: NodeId,
        name: &str,
        right: NodeId,
        (binds, right_first): (u16, bool),
        context: Context,
    ) {
        let (at_left, at_right) = if right_first {
            (binds + 1, binds)
        } else {
            (binds, binds + 1)
        };
        let Some(written) = spaced(name) else {
            return;
        };
        self.then(Task::Node(left, Context::Operand(at_left)));
        self.then(Task::Text(written));
        let last = context == Context::Statement && name == "=";
        let right_context = match (last, self.tree.is_call(right, "&", 1)) {
            (true, _) if !self.is_weak(right, at_right) => Context::Statement,
            (_, true) if name == "=" && context != Context::Operand(binds) => Context::Element,
            _ => Context::Operand(at_right),
        };
        self.then(Task::Node(right, right_context));
    }

    /// Whether an expression is an operator that binds less tightly.
    fn is_weak(&self, node: NodeId, least: u16) -> bool {
        let tree = self.tree;
        let name = tree.text(node);
        tree.node(node).kind == Kind::Call
            && match tree.kids(node).len() {
                2 => binary(name).is_some_and(|(binds, _)| binds < least),
                3 => name == "..//",
                _ => false,
            }
    }

    fn prefix(&mut self, node: NodeId, operand: NodeId, binds: u16, context: Context) {
        let tree = self.tree;
        let name = tree.text(node);
        match name {
            "&" if tree.node(operand).kind == Kind::Integer => {
                self.put("&");
                return self.out.push_str(tree.text(operand));
            }
            "@" => return self.attribute(node, operand, context),
            "not" if tree.is_call(operand, "in", 2) && !is_loose(context, 171) => {
                if let [left, right] = tree.kids(operand) {
                    self.then(Task::Node(*left, Context::Operand(171)));
                    self.then(Task::Text(" not in "));
                    self.then(Task::Node(*right, Context::Operand(171)));
                }
                return;
            }
            _ => {}
        }
        if is_loose(context, binds) {
            return self.parenthesized(node);
        }
        if name == "&" {
            return self.capture(operand);
        }
        self.put(tree.text(node));
        if name == "not" {
            self.out.push(' ');
        }
        self.then(Task::Node(operand, Context::Operand(UNARY)));
    }

    /// `&f/1`, `&M.f/1`, `&(&1 + 1)`.
    fn capture(&mut self, operand: NodeId) {
        let tree = self.tree;
        self.put("&");
        if let ([function, arity], true) = (tree.kids(operand), tree.is_call(operand, "/", 2))
            && tree.node(*arity).kind == Kind::Integer
        {
            let named = match tree.node(*function).kind {
                Kind::Variable => {
                    let name = tree.text(*function);
                    if name.starts_with('&') {
                        self.out.push(' ');
                    }
                    self.out.push_str(name);
                    true
                }
                Kind::Apply => tree.remote_call(*function).is_some_and(|(module, _, arguments)| {
                    let name = tree.kid(tree.kids(*function).first().copied().unwrap_or(module), 1);
                    if let (Some(name), true) = (name, arguments.is_empty()) {
                        self.tasks.push(Task::Node(module, Context::Operand(PRIMARY)));
                        self.tasks.push(Task::Name(name));
                        return true;
                    }
                    false
                }),
                _ => false,
            };
            if named {
                self.then(Task::Text("/"));
                self.then(Task::Node(*arity, Context::Operand(PRIMARY)));
                return;
            }
        }
        let name = tree.text(operand);
        let operator = tree.node(operand).kind == Kind::Call
            && match tree.kids(operand).len() {
                2 | 3 => binary(name).is_some() || name == "..//",
                1 => unary(name).is_some() && name != "@",
                _ => false,
            };
        let weak_in = name == "not";
        if (operator && !super::literals::is_lone(tree, operand)) || weak_in {
            self.out.push('(');
            self.then(Task::Node(operand, Context::Element));
            self.then(Task::Text(")"));
            return;
        }
        self.then(Task::Node(operand, Context::Operand(UNARY)));
    }

    /// `@name`, `@name value`.
    fn attribute(&mut self, node: NodeId, operand: NodeId, context: Context) {
        let tree = self.tree;
        match (tree.node(operand).kind, tree.kids(operand)) {
            (Kind::Variable, _) => {
                self.put("@");
                self.out.push_str(tree.text(operand));
            }
            (Kind::Call, [_])
                if binary_or_unary(tree.text(operand)) || tree.text(operand) == "__aliases__" =>
            {
                self.put("@");
                self.then(Task::Node(operand, Context::Operand(PRIMARY)));
            }
            (Kind::Call, _) if is_loose(context, UNARY) => self.parenthesized(node),
            (Kind::Call, _) => {
                self.put("@");
                let inner = if context == Context::Statement {
                    context
                } else {
                    Context::Operand(PRIMARY)
                };
                self.then(Task::Node(operand, inner));
            }
            _ => {
                self.put("@");
                self.then(Task::Node(operand, Context::Operand(PRIMARY)));
            }
        }
    }
}

fn binary_or_unary(name: &str) -> bool {
    binary(name).is_some() || unary(name).is_some()
}
