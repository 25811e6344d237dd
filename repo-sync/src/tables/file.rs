//! One file on its way into the tables: its syntax, its ids, and the numbers of what it defines.

use std::sync::Arc;

use codegraph::identity::{Born, Contents, Identities, Nid};
use codegraph::quoted::NodeId;
use tables::{Folder, TablesFault};

use super::nids::NidText;
use super::numbers::{Listed, Numbers};
use super::roles::Upward;
use crate::project::{CodeProject, FileSource};

/// Most bytes of a text in a table.
const TEXT_BYTES_MAX: usize = 200;

/// One file.
#[derive(Debug)]
pub(super) struct OneFile<'a> {
    pub(super) project: &'a CodeProject,
    pub(super) version: &'a str,
    pub(super) path: &'a str,
    pub(super) source: FileSource,
    pub(super) ids: Arc<Identities>,
    pub(super) contents: Contents,
    pub(super) listed: Listed,
    // By node: its place in the file's pre-order.
    pre: Vec<u32>,
}

impl<'a> OneFile<'a> {
    /// `None` if the file is not the one that the project was made of.
    pub(super) fn new(
        project: &'a CodeProject,
        version: &'a str,
        source: FileSource,
        numbers: &mut Numbers,
        kept: Option<Arc<Identities>>,
        born: &mut Born,
    ) -> Option<Self> {
        let path = project.files().get(source.file as usize)?.path.as_str();
        let nodes = source.tree.nodes().len();
        let listed = numbers.listed(project, source.file, &source.outline, nodes)?;
        let fits = |ids: &Identities| {
            ids.nids.len() == nodes
                && ids.modules.len() == source.outline.modules.len()
                && ids.functions.len() == source.outline.functions.len()
                && ids.clauses.len() == source.outline.clauses.len()
                && ids.attributes.len() == source.outline.attributes.len()
        };
        let ids = kept.filter(|ids| fits(ids));
        let minted = || Arc::new(Identities::new(born, path, &source.tree, &source.outline));
        Some(Self {
            ids: ids.unwrap_or_else(minted),
            contents: Contents::of(&source.tree, &source.outline),
            pre: pre_order(&source.tree),
            project,
            version,
            path,
            source,
            listed,
        })
    }

    /// Writes all its rows.
    pub(super) fn write(&self, numbers: &mut Numbers, to: &mut Folder) -> Result<(), TablesFault> {
        let up = Upward::new(&self.source.tree);
        self.modules(to)?;
        self.functions(to)?;
        self.clauses(to)?;
        self.entities(to)?;
        self.nodes(&up, to)?;
        self.flows(&up, numbers, to)
    }

    /// A node's number in the version.
    pub(super) fn pre(&self, node: NodeId) -> i64 {
        let within = self.pre.get(node.index()).copied().unwrap_or_default();
        self.listed.first_node + i64::from(within)
    }

    /// The nodes in pre-order.
    pub(super) fn in_pre_order(&self) -> Vec<NodeId> {
        let mut order = vec![NodeId::new(0); self.pre.len()];
        for (index, pre) in self.pre.iter().enumerate() {
            if let Some(slot) = order.get_mut(*pre as usize) {
                *slot = NodeId::new(index);
            }
        }
        order
    }

    pub(super) fn nid(&self, node: NodeId) -> Option<Nid> {
        self.ids.nids.get(node.index())
    }

    pub(super) fn nid_text<'t>(&self, text: &'t mut NidText, node: NodeId) -> Option<&'t str> {
        self.nid(node).map(|nid| text.of(nid))
    }

    /// The line of the token that a node is named after.
    pub(super) fn line(&self, node: NodeId) -> i32 {
        match self.source.tree.node(node).line {
            0 => self.source.lines(node).0 as i32,
            line => line as i32,
        }
    }

    /// The number of a module of the outline: of several that share their syntax the first.
    pub(super) fn module_id(&self, module: Option<u32>) -> Option<i64> {
        let own = self.listed.modules.get(module? as usize)?;
        own.first().copied().map(i64::from)
    }

    /// The number of a function of the outline.
    pub(super) fn function_id(&self, function: u32) -> Option<i64> {
        self.listed.syntax.get(function as usize).copied()
    }

    /// Name and arity of a function of the outline: `reserve/2`.
    pub(super) fn function_text(&self, function: u32) -> String {
        let Some(function) = self.source.outline.functions.get(function as usize) else {
            return String::new();
        };
        match self.source.tree.symbols().text(function.name) {
            "" => format!("?/{}", function.arity),
            name => format!("{name}/{}", function.arity),
        }
    }
}

/// The beginning of a text, at most 200 bytes.
pub(super) fn cut(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Each node's place in pre-order. The arena is in post-order: parents come after their children, so that one pass
/// backwards finds every parent's place before those of its children.
fn pre_order(tree: &codegraph::quoted::Quoted) -> Vec<u32> {
    let nodes = tree.nodes();
    let mut pre = vec![0u32; nodes.len()];
    let mut next_root = 0;
    for (index, parent) in tree.parents().into_iter().enumerate() {
        if parent.is_none()
            && let (Some(slot), Some(node)) = (pre.get_mut(index), nodes.get(index))
        {
            *slot = next_root;
            next_root += node.size;
        }
    }
    for index in (0..nodes.len()).rev() {
        let id = NodeId::new(index);
        let mut at = pre.get(index).copied().unwrap_or_default() + 1;
        for kid in tree.kids(id) {
            if let Some(slot) = pre.get_mut(kid.index()) {
                *slot = at;
            }
            at += tree.node(*kid).size;
        }
    }
    pre
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::Lowerer;

    /// Scenario: a file with nested calls. Guarantee: pre-order numbers are those that a recursive walk gives.
    #[test]
    fn places_are_those_of_a_walk() {
        let text = "defmodule A do\n  def f(x), do: [g(x, 1) | h(%{a: {x, 2}})]\nend\n:b\n";
        let tree = Lowerer::new().unwrap().lower(text).quoted;
        let pre = pre_order(&tree);
        let mut walked = vec![u32::MAX; pre.len()];
        let mut stack = vec![tree.root().unwrap()];
        let mut next = 0;
        while let Some(node) = stack.pop() {
            walked[node.index()] = next;
            next += 1;
            stack.extend(tree.kids(node).iter().rev());
        }
        assert_eq!(pre, walked);
    }

    /// Scenario: a text whose 200th byte is inside a character. Guarantee: it is cut before that character.
    #[test]
    fn a_text_is_cut_between_characters() {
        let text = format!("{}\u{e9}", "a".repeat(199));
        assert_eq!(cut(&text), "a".repeat(199));
        assert_eq!(cut("short"), "short");
    }
}
