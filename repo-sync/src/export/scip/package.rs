//! The package that a file belongs to: name and version from the nearest `mix.exs`.

use std::path::Path;

use codegraph::quoted::{Kind, NodeId, Quoted};

use crate::lower::Lowerer;

/// Most bytes of a `mix.exs`.
const MIX_BYTES_MAX: u64 = 1 << 20;

/// A Mix project's name and version; empty where they are computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// `app: :shop`.
    pub name: String,
    /// `version: "0.1.0"`, also by an attribute.
    pub version: String,
}

impl Package {
    /// Reads a folder's `mix.exs`; `None` if there is none that can be read.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let path = folder.join("mix.exs");
        let size = std::fs::metadata(&path).ok()?.len();
        if size > MIX_BYTES_MAX {
            return None;
        }
        let text = std::fs::read_to_string(&path).ok()?;
        let tree = Lowerer::new().ok()?.lower(&text).quoted;
        Some(Self {
            name: value(&tree, "app").unwrap_or_default(),
            version: value(&tree, "version").unwrap_or_default(),
        })
    }
}

/// The first literal under a key: `key: "text"`, `key: :atom`, or `key: @attribute` that is one.
fn value(tree: &Quoted, key: &str) -> Option<String> {
    let nodes = || (0..tree.nodes().len()).map(NodeId::new);
    let literal = |node: NodeId| match tree.node(node).kind {
        Kind::String | Kind::Atom => Some(tree.text(node).to_owned()).filter(|text| text != "nil"),
        _ => None,
    };
    let found = nodes().find_map(|node| match (tree.node(node).kind, tree.kids(node)) {
        (Kind::Pair, [name, value]) if tree.node(*name).kind == Kind::Atom && tree.text(*name) == key => {
            Some(*value)
        }
        _ => None,
    })?;
    if !tree.is_call(found, "@", 1) {
        return literal(found);
    }
    let name = tree.text(tree.kid(found, 0)?);
    nodes().find_map(|node| match (tree.node(node).kind, tree.kids(node)) {
        (Kind::Call, [value]) if tree.text(node) == name => literal(*value),
        _ => None,
    })
}
