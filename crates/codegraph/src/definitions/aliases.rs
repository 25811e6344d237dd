//! What an alias stands for at its place.

use super::NAME_CHARS_MAX;
use crate::quoted::{Kind, NodeId, Quoted};

/// A short name for a module, in a part of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The short name, one segment: `Stock`.
    pub short: String,
    /// What it stands for, as the VM names it.
    pub full: String,
    /// It holds from this node's index on.
    pub from: u32,
    /// To the end of this node's subtree.
    pub scope: NodeId,
}

/// Most levels of `__MODULE__.A.B` that are looked through.
const LEVELS_MAX: usize = 32;

/// The VM's name of what `node` names, inside the module of this name; `known` gives the alias of a short name there.
pub(super) fn expand<'a>(
    tree: &Quoted,
    known: impl FnOnce(&str) -> Option<&'a Alias>,
    module: Option<&str>,
    node: NodeId,
) -> Option<String> {
    match tree.node(node).kind {
        Kind::Atom => Some(tree.text(node).to_owned()).filter(|name| fits(name)),
        Kind::Variable if tree.text(node) == "__MODULE__" => module.map(str::to_owned),
        Kind::Call if tree.text(node) == "__aliases__" => {
            let (first, rest) = tree.kids(node).split_first()?;
            let start = match tree.node(*first).kind {
                Kind::Atom => {
                    let short = tree.text(*first);
                    match known(short) {
                        Some(alias) => alias.full.clone(),
                        None if short == "Elixir" => short.to_owned(),
                        None => format!("Elixir.{short}"),
                    }
                }
                _ => outer(tree, module, *first)?,
            };
            join(tree, start, rest)
        }
        _ => None,
    }
}

/// `__MODULE__`, or aliases that begin with it, as the first segment of others.
fn outer(tree: &Quoted, module: Option<&str>, node: NodeId) -> Option<String> {
    let (mut at, mut parts) = (node, Vec::new());
    for _ in 0..LEVELS_MAX {
        if tree.node(at).kind == Kind::Variable && tree.text(at) == "__MODULE__" {
            let start = module?.to_owned();
            return parts
                .into_iter()
                .rev()
                .try_fold(start, |start, rest| join(tree, start, rest));
        }
        if tree.node(at).kind != Kind::Call || tree.text(at) != "__aliases__" {
            return None;
        }
        let (first, rest) = tree.kids(at).split_first()?;
        parts.push(rest);
        at = *first;
    }
    None
}

fn join(tree: &Quoted, mut start: String, rest: &[NodeId]) -> Option<String> {
    for part in rest {
        if tree.node(*part).kind != Kind::Atom {
            return None;
        }
        start.push('.');
        start.push_str(tree.text(*part));
        if start.len() > 4 * NAME_CHARS_MAX {
            return None;
        }
    }
    fits(&start).then_some(start)
}

fn fits(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX
}

/// The last segment of a name: what `alias` makes it short to.
pub(super) fn last(full: &str) -> &str {
    full.rsplit('.').next().unwrap_or(full)
}
