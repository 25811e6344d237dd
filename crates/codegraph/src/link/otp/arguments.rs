//! A call's arguments, the piped one included.

use crate::link::Call;
use crate::quoted::{Kind, NodeId, Quoted};

/// The arguments of a call; the first of a piped one is the pipe's left side. `None` if that cannot be told.
#[must_use]
pub fn of(tree: &Quoted, parents: &[Option<NodeId>], call: &Call) -> Option<Vec<NodeId>> {
    if call.is_captured {
        return None;
    }
    let written = match tree.node(call.node).kind {
        Kind::Apply => tree.kids(call.node).get(1..).unwrap_or_default(),
        Kind::Call => tree.kids(call.node),
        _ => &[],
    };
    let mut arguments = Vec::with_capacity(written.len() + 1);
    if written.len() + 1 == usize::from(call.arity) {
        let pipe = parents.get(call.node.index()).copied().flatten()?;
        if !tree.is_call(pipe, "|>", 2) {
            return None;
        }
        let left = tree.kid(pipe, 0)?;
        // `a |> f() |> g()`: what is piped into `g` is the whole left side.
        arguments.push(left);
    }
    arguments.extend_from_slice(written);
    (arguments.len() == usize::from(call.arity)).then_some(arguments)
}
