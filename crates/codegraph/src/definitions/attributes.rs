//! Module attributes: `@name value`.

use super::heads;
use crate::quoted::{NodeId, Quoted, Symbol};

/// Attributes that describe the definition that follows them.
const FORWARD: [&str; 7] = [
    "doc",
    "impl",
    "deprecated",
    "since",
    "dialyzer",
    "decorate",
    "spec",
];

/// Whether it describes the definition that follows.
pub(super) fn describes_next(name: &str) -> bool {
    FORWARD.contains(&name)
}

/// Name and value of `@name value`.
pub(super) fn read(tree: &Quoted, node: NodeId) -> Option<(Symbol, NodeId)> {
    let inner = tree.kid(node, 0)?;
    match tree.kids(inner) {
        [value] if tree.node(inner).kind == crate::quoted::Kind::Call => {
            Some((tree.node(inner).symbol, *value))
        }
        _ => None,
    }
}

/// The name and arity that a type, callback or specification is about: `name(args) :: type`, with or without `when`.
pub(super) fn about(tree: &Quoted, name: &str, value: NodeId) -> Option<(Symbol, u8)> {
    if !matches!(
        name,
        "spec" | "type" | "typep" | "opaque" | "callback" | "macrocallback"
    ) {
        return None;
    }
    let value = match tree.kids(value) {
        [inner, _] if tree.is_call(value, "when", 2) => *inner,
        _ => value,
    };
    let head = match tree.kids(value) {
        [left, _] if tree.is_call(value, "::", 2) => *left,
        _ => value,
    };
    let head = heads::read(tree, head)?;
    (head.name != Symbol::NONE).then_some((head.name, head.arity))
}
