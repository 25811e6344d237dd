//! The modules of a supervisor's children.

use crate::definitions::Outline;
use crate::quoted::{Kind, NodeId, Quoted};

/// Most expressions that are looked at for one supervisor.
const STEPS_MAX: usize = 1024;

/// The children's modules, in order, of the list that a supervisor is given: written out, in a variable of the same
/// clause, or put together with `++`.
pub(super) fn of(tree: &Quoted, outline: &Outline, clause: Option<u32>, list: NodeId) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![list];
    for _ in 0..STEPS_MAX {
        let Some(node) = open.pop() else {
            break;
        };
        let kids = tree.kids(node);
        match tree.node(node).kind {
            Kind::List => {
                found.extend(kids.iter().filter_map(|child| module(tree, outline, *child)));
            }
            Kind::Call if tree.is_call(node, "++", 2) => open.extend(kids.iter().rev()),
            Kind::Variable => open.extend(assigned(tree, outline, clause, node)),
            _ => {}
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|module| seen.insert(module.clone()));
    found
}

/// What the clause assigns to a variable before this place.
fn assigned(tree: &Quoted, outline: &Outline, clause: Option<u32>, variable: NodeId) -> Vec<NodeId> {
    let body = clause
        .and_then(|clause| outline.clauses.get(clause as usize))
        .and_then(|clause| clause.body);
    let Some(body) = body else {
        return Vec::new();
    };
    let name = tree.node(variable).symbol;
    tree.subtree(body)
        .take_while(|index| *index < variable.index())
        .map(NodeId::new)
        .filter(|node| tree.is_call(*node, "=", 2))
        .filter_map(|node| match tree.kids(node) {
            [left, right] if tree.node(*left).kind == Kind::Variable && tree.node(*left).symbol == name => {
                Some(*right)
            }
            _ => None,
        })
        .collect()
}

/// `Module`, `{Module, argument}`, `%{start: {Module, ...}}`, `Supervisor.child_spec(child, ...)`.
fn module(tree: &Quoted, outline: &Outline, child: NodeId) -> Option<String> {
    let kids = tree.kids(child);
    match tree.node(child).kind {
        Kind::Pair => kids.first().and_then(|module| outline.expand(tree, *module)),
        Kind::Call if tree.text(child) == "%{}" => {
            let start = kids.iter().find_map(|pair| match tree.kids(*pair) {
                [key, value] if tree.text(*key) == "start" => Some(*value),
                _ => None,
            })?;
            outline.expand(tree, tree.kid(start, 0)?)
        }
        Kind::Call if matches!(tree.text(child), "worker" | "supervisor") => {
            outline.expand(tree, *kids.first()?)
        }
        Kind::Apply => {
            let (_, name, args) = tree.remote_call(child)?;
            let first = *args.first()?;
            match name {
                "child_spec" if tree.node(first).kind == Kind::Pair => {
                    outline.expand(tree, tree.kid(first, 0)?)
                }
                "child_spec" => outline.expand(tree, first),
                _ => None,
            }
        }
        _ => outline.expand(tree, child),
    }
}
