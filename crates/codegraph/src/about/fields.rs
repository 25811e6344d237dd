//! The fields of a struct.

use super::{ModuleAbout, VALUE_BYTES_MAX, render};
use crate::definitions::Module;
use crate::quoted::{Kind, NodeId, Quoted};

/// Most fields of one struct.
const FIELDS_MAX: usize = 4096;

/// A field of a struct or an exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it is if nothing is said, as Elixir; `None`: `nil`, written by the name alone.
    pub default: Option<String>,
    /// It is in `@enforce_keys`.
    pub is_enforced: bool,
    /// Its name.
    pub node: NodeId,
}

/// The fields that `defstruct` writes out; of a computed list the Elixir that makes it.
pub(super) fn read(tree: &Quoted, module: &Module, about: &mut ModuleAbout) {
    let Some((node, _)) = &module.fields else {
        return;
    };
    let Some(list) = tree.kid(*node, 0) else {
        return;
    };
    if tree.node(list).kind != Kind::List {
        about.computed_fields = Some(render(tree, list, VALUE_BYTES_MAX).text);
        return;
    }
    for item in tree.kids(list).iter().take(FIELDS_MAX) {
        let (name, default) = match (tree.node(*item).kind, tree.kids(*item)) {
            (Kind::Pair, [name, default]) => (*name, Some(*default)),
            _ => (*item, None),
        };
        if tree.node(name).kind == Kind::Atom {
            about.fields.push(Field {
                name: tree.text(name).to_owned(),
                default: default.map(|default| render(tree, default, VALUE_BYTES_MAX).text),
                is_enforced: false,
                node: name,
            });
        }
    }
}

/// `@enforce_keys`: one name or a list of them.
pub(super) fn enforce(tree: &Quoted, value: NodeId, names: &mut Vec<String>) {
    let one = [value];
    let kids = match tree.node(value).kind {
        Kind::List => tree.kids(value),
        _ => &one[..],
    };
    let atoms = kids.iter().filter(|kid| tree.node(**kid).kind == Kind::Atom);
    names.extend(atoms.take(FIELDS_MAX).map(|atom| tree.text(*atom).to_owned()));
}
