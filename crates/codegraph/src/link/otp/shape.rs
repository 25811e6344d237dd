//! The shape of a message: what a sender's expression and a handler's pattern say of it.

use crate::definitions::Outline;
use crate::quoted::{Kind, NodeId, Quoted};

/// What is known of a message without running anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// Nothing.
    Any,
    /// This atom.
    Atom(String),
    /// A tuple of this size; its first element, if that is an atom.
    Tuple(Option<String>, u8),
    /// A struct of this module.
    Struct(String),
    /// Another value: a map, a list, a number, a text.
    Other(ValueKind),
}

/// Kinds of values that differ from one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// A map.
    Map,
    /// A list.
    List,
    /// A number.
    Number,
    /// A binary.
    Binary,
}

/// Most `=` around a pattern that are looked through.
const ALIASES_MAX: usize = 8;

/// The shape that a pattern takes; a variable takes any.
pub(super) fn of_pattern(tree: &Quoted, outline: &Outline, pattern: NodeId) -> Shape {
    let mut at = pattern;
    for _ in 0..ALIASES_MAX {
        let [left, right] = tree.kids(at) else {
            break;
        };
        if !tree.is_call(at, "=", 2) {
            break;
        }
        at = if tree.node(*left).kind == Kind::Variable {
            *right
        } else {
            *left
        };
    }
    of(tree, outline, at)
}

/// The shape of an expression's value.
#[must_use]
pub fn of(tree: &Quoted, outline: &Outline, node: NodeId) -> Shape {
    let kids = tree.kids(node);
    let tag = |first: &NodeId| (tree.node(*first).kind == Kind::Atom).then(|| tree.text(*first).to_owned());
    match tree.node(node).kind {
        Kind::Atom => Shape::Atom(tree.text(node).to_owned()),
        Kind::Pair => Shape::Tuple(kids.first().and_then(tag), 2),
        Kind::List | Kind::Charlist => Shape::Other(ValueKind::List),
        Kind::Integer | Kind::Float => Shape::Other(ValueKind::Number),
        Kind::String => Shape::Other(ValueKind::Binary),
        Kind::Call => match (tree.text(node), kids) {
            ("{}", elements) => Shape::Tuple(
                elements.first().and_then(tag),
                u8::try_from(elements.len()).unwrap_or(u8::MAX),
            ),
            ("%", [name, _]) => outline.expand(tree, *name).map_or(Shape::Any, Shape::Struct),
            ("%{}", _) => Shape::Other(ValueKind::Map),
            ("<<>>", _) => Shape::Other(ValueKind::Binary),
            ("__aliases__", _) => outline.expand(tree, node).map_or(Shape::Any, Shape::Atom),
            _ => Shape::Any,
        },
        Kind::Variable | Kind::Apply | Kind::Error => Shape::Any,
    }
}

impl Shape {
    /// Whether a handler of this shape may take what was sent.
    #[must_use]
    pub fn takes(&self, sent: &Self) -> bool {
        let is_map = |shape: &Self| matches!(shape, Self::Struct(_) | Self::Other(ValueKind::Map));
        match (self, sent) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Tuple(a, n), Self::Tuple(b, m)) => n == m && (a.is_none() || b.is_none() || a == b),
            (Self::Struct(a), Self::Struct(b)) => a == b,
            (a, b) => a == b || (is_map(a) && is_map(b)),
        }
    }

    /// Whether it names a message: an atom, a tagged tuple, a struct.
    #[must_use]
    pub fn is_tagged(&self) -> bool {
        matches!(self, Self::Atom(_) | Self::Tuple(Some(_), _) | Self::Struct(_))
    }
}
