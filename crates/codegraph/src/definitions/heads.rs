//! The head of a clause: name, parameters, guard.

use crate::DefinitionKind;
use crate::quoted::{Kind, NodeId, Quoted, Symbol};

/// What `def` is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Name and parameters.
    pub(super) node: NodeId,
    /// [`Symbol::NONE`]: computed.
    pub(super) name: Symbol,
    pub(super) guard: Option<NodeId>,
    pub(super) arity: u8,
    pub(super) defaults: u8,
}

/// Most nested `when` that are looked through.
const GUARDS_MAX: usize = 4;

pub(super) fn read(tree: &Quoted, written: NodeId) -> Option<Head> {
    let (mut node, mut guard) = (written, None);
    for _ in 0..GUARDS_MAX {
        match tree.kids(node) {
            [head, condition] if tree.is_call(node, "when", 2) => {
                guard = guard.or(Some(*condition));
                node = *head;
            }
            _ => break,
        }
    }
    let parameters = parameters(tree, node);
    let name = match tree.node(node).kind {
        Kind::Call if tree.is_call(node, "unquote", 1) => Symbol::NONE,
        Kind::Call | Kind::Variable => tree.node(node).symbol,
        // `def unquote(:"a b")(x)`: how a name that is no identifier is defined.
        Kind::Apply => match tree.kids(node).first() {
            Some(callee) if tree.is_call(*callee, "unquote", 1) => match tree.kid(*callee, 0) {
                Some(atom) if tree.node(atom).kind == Kind::Atom => tree.node(atom).symbol,
                _ => Symbol::NONE,
            },
            _ => return None,
        },
        _ => return None,
    };
    let defaults = parameters
        .iter()
        .filter(|parameter| tree.is_call(**parameter, "\\\\", 2))
        .count();
    Some(Head {
        node,
        name,
        guard,
        arity: u8::try_from(parameters.len()).ok()?,
        defaults: u8::try_from(defaults).ok()?,
    })
}

pub(super) fn parameters(tree: &Quoted, head: NodeId) -> &[NodeId] {
    match tree.node(head).kind {
        Kind::Call if !tree.is_call(head, "unquote", 1) => tree.kids(head),
        Kind::Apply => tree.kids(head).get(1..).unwrap_or_default(),
        _ => &[],
    }
}

/// The value under a key of any of the keyword lists among a definition's arguments, and the list.
pub(super) fn section(tree: &Quoted, arguments: &[NodeId], key: &str) -> Option<(NodeId, NodeId)> {
    arguments
        .iter()
        .find_map(|list| Some((*list, tree.keyword(*list, key)?)))
}

/// What holds the definition's expression: list and body.
pub(super) fn body(
    tree: &Quoted,
    kind: DefinitionKind,
    head: &Head,
    arguments: &[NodeId],
) -> (Option<NodeId>, Option<NodeId>) {
    match kind {
        DefinitionKind::Defguard | DefinitionKind::Defguardp => (None, head.guard),
        DefinitionKind::Defdelegate => (arguments.get(1).copied(), None),
        _ => match section(tree, arguments.get(1..).unwrap_or_default(), "do") {
            Some((list, body)) => (Some(list), Some(body)),
            None => (None, None),
        },
    }
}
