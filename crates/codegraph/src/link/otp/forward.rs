//! Functions that hand a message on: `def call(name, role, message), do: GenServer.call({name, node(role)}, message)`.
//! Who calls them sends, so a message's way does not end in the wrapper. One level; the message must be a parameter that
//! is named by a plain variable, the receiver such a parameter, a name with a node, or a module.

use super::super::{Asking, Call, How, Links};
use super::{Kind as Sends, Sent, Shape, To, arguments, shape};
use crate::definitions::{Clause, Outline};
use crate::quoted::{Kind, NodeId, Quoted};

/// Who gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Receiver {
    Parameter(u8),
    Module(String),
}

/// A function that hands a message on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Forward {
    pub(in super::super) kind: Sends,
    pub(in super::super) receiver: Receiver,
    pub(in super::super) message: u8,
}

/// Module, name, least arguments, kind; receiver and message are the first two arguments.
const SENDS: &[(&str, &str, Sends)] = &[
    ("Elixir.GenServer", "call", Sends::Call),
    ("Elixir.GenServer", "cast", Sends::Cast),
    ("gen_server", "call", Sends::Call),
    ("gen_server", "cast", Sends::Cast),
    ("Elixir.Process", "send", Sends::Info),
    ("Elixir.Process", "send_after", Sends::Info),
];

/// The wrappers of a file.
pub(in super::super) fn find(tree: &Quoted, outline: &Outline) -> Vec<((String, String, u8), Forward)> {
    let mut found = Vec::new();
    for clause in &outline.clauses {
        let Some(function) = outline.functions.get(clause.function as usize) else {
            continue;
        };
        let module = function.module.and_then(|at| outline.modules.get(at as usize));
        let (Some(name), Some(body)) = (module.and_then(|module| module.names.first()), clause.body) else {
            continue;
        };
        let parameters = clause.parameters(tree);
        if parameters.is_empty() {
            continue;
        }
        let called = tree.symbols().text(function.name);
        for node in tree.subtree(body).map(NodeId::new) {
            if let Some(forward) = forward(tree, outline, clause, node) {
                // A default does not move the parameters before it.
                for arity in function.arity.saturating_sub(function.defaults)..=function.arity {
                    let is_last = arity == function.arity;
                    if is_last
                        || parameters
                            .iter()
                            .all(|one| tree.node(*one).kind == Kind::Variable)
                    {
                        found.push(((name.clone(), called.to_owned(), arity), forward.clone()));
                    }
                }
                break;
            }
        }
    }
    found
}

fn forward(tree: &Quoted, outline: &Outline, clause: &Clause, node: NodeId) -> Option<Forward> {
    let (kind, args) = if tree.is_call(node, "send", 2) {
        (Sends::Info, tree.kids(node))
    } else {
        let (module, name, args) = tree.remote_call(node)?;
        if !SENDS.iter().any(|(_, known, _)| *known == name) {
            return None;
        }
        let module = outline.expand(tree, module)?;
        let known = SENDS.iter().find(|(m, n, _)| *m == module && *n == name)?;
        (known.2, args)
    };
    let [to, message, ..] = args else {
        return None;
    };
    let to = match tree.node(*to).kind {
        Kind::Pair => tree.kid(*to, 0)?,
        _ => *to,
    };
    let receiver = match parameter(tree, clause, to) {
        Some(place) => Receiver::Parameter(place),
        None => Receiver::Module(outline.expand(tree, to)?),
    };
    Some(Forward {
        kind,
        receiver,
        message: parameter(tree, clause, *message)?,
    })
}

/// Which parameter a variable is.
fn parameter(tree: &Quoted, clause: &Clause, node: NodeId) -> Option<u8> {
    let is = tree.node(node);
    if is.kind != Kind::Variable {
        return None;
    }
    let found = clause.parameters(tree).iter().position(|parameter| {
        let one = tree.node(*parameter);
        let inner = if tree.is_call(*parameter, "\\\\", 2) {
            tree.kid(*parameter, 0).map_or(one, |inner| tree.node(inner))
        } else {
            one
        };
        inner.kind == Kind::Variable && inner.symbol == is.symbol
    });
    u8::try_from(found?).ok()
}

/// What a file's calls of wrappers send.
pub(super) fn sends(tree: &Quoted, outline: &Outline, links: &Links, asking: &Asking<'_>) -> Vec<Sent> {
    let mut parents = None;
    let mut sends = Vec::new();
    for call in &links.calls {
        if !matches!(call.how, How::Local | How::Imported | How::Remote) || call.is_captured {
            continue;
        }
        let found = asking.forward(links.text(call.target), links.text(call.name), call.arity);
        let Some(forward) = found else {
            continue;
        };
        let parents = parents.get_or_insert_with(|| tree.parents());
        sends.extend(sent(tree, outline, parents, call, forward));
    }
    sends
}

fn sent(
    tree: &Quoted,
    outline: &Outline,
    parents: &[Option<NodeId>],
    call: &Call,
    forward: &Forward,
) -> Option<Sent> {
    let arguments = arguments::of(tree, parents, call)?;
    let shape = shape::of(tree, outline, *arguments.get(usize::from(forward.message))?);
    if shape == Shape::Any {
        return None;
    }
    let to = match &forward.receiver {
        Receiver::Module(module) => To::Module(module.clone()),
        Receiver::Parameter(place) => {
            let node = *arguments.get(usize::from(*place))?;
            let node = match tree.node(node).kind {
                Kind::Pair => tree.kid(node, 0)?,
                _ => node,
            };
            if tree.is_call(node, "self", 0) {
                To::Own
            } else {
                outline.expand(tree, node).map_or(To::Unknown, To::Module)
            }
        }
    };
    Some(Sent {
        kind: forward.kind,
        node: call.node,
        module: call.module,
        clause: call.clause,
        to,
        shape,
    })
}
