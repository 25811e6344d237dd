//! An expanded definition as Elixir text.

use std::fmt::Write as _;

use codegraph::about::render;
use codegraph::quoted::{Builder, Flags, Kind, NodeId, Place, Quoted};

use crate::beam::{Expanded, ExpandedFunction, ExpandedKind, Origin};

/// Most bytes of one clause's body; what is longer is cut by the writer, with a mark.
const BODY_BYTES_MAX: usize = 256 << 10;
/// Most bytes of a parameter or guard.
const PART_BYTES_MAX: usize = 16 << 10;

/// One clause of an expanded definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpandedText {
    /// Line of the clause, or of the macro's call that made it; 0: none.
    pub line: u32,
    /// The module whose macro made it; empty: a macro did, and does not say which.
    pub made_by: Option<String>,
    /// `def name(...) do ... end`.
    pub text: String,
}

/// The clauses of a function after expansion, as Elixir text. Modules are written as in source, generated variables by
/// their names.
#[must_use]
pub fn expanded_text(expanded: &Expanded, function: &ExpandedFunction) -> Vec<ExpandedText> {
    let word = match function.kind {
        ExpandedKind::Def => "def",
        ExpandedKind::Defp => "defp",
        ExpandedKind::Defmacro => "defmacro",
        ExpandedKind::Defmacrop => "defmacrop",
    };
    let clauses = function.clauses.iter().map(|clause| {
        let (tree, root) = as_written(&expanded.tree, clause.node);
        let part = |node: &NodeId| render(&tree, *node, PART_BYTES_MAX).text;
        let mut text = format!("{word} {}(", function.name);
        let [args, guards, body] = tree.kids(root) else {
            return ExpandedText {
                line: clause.line,
                made_by: None,
                text,
            };
        };
        let args: Vec<String> = tree.kids(*args).iter().map(&part).collect();
        let _ = write!(text, "{})", args.join(", "));
        for guard in tree.kids(*guards) {
            let _ = write!(text, " when {}", part(guard));
        }
        text.push_str(" do\n");
        let is_block = tree.node(*body).kind == Kind::Call && tree.text(*body) == "__block__";
        let statements = if is_block {
            tree.kids(*body)
        } else {
            std::slice::from_ref(body)
        };
        for statement in statements {
            for line in render(&tree, *statement, BODY_BYTES_MAX).text.lines() {
                text.push_str(format!("  {line}").trim_end());
                text.push('\n');
            }
        }
        text.push_str("end\n");
        ExpandedText {
            line: clause.line,
            made_by: match &clause.origin {
                Origin::Source => None,
                Origin::Macro { by, .. } => Some(by.clone().unwrap_or_default()),
            },
            text,
        }
    });
    clauses.collect()
}

/// What takes blocks.
const BLOCKS: &[&str] = &["case", "cond", "for", "receive", "try", "with"];

/// A copy of a subtree as a source would write it: modules as aliases, blocks as blocks.
fn as_written(tree: &Quoted, root: NodeId) -> (Quoted, NodeId) {
    let mut builder = Builder::new();
    let subtree = tree.subtree(root);
    let mut copies: Vec<NodeId> = Vec::with_capacity(subtree.len());
    let first = subtree.start;
    for index in subtree {
        let id = NodeId::new(index);
        let node = tree.node(id);
        let place = Place {
            line: node.line,
            column: node.column,
            ..Place::default()
        };
        let alias = tree.text(id).strip_prefix("Elixir.");
        let copy = if let (Kind::Atom, Some(alias)) = (node.kind, alias) {
            let parts: Vec<NodeId> = alias
                .split('.')
                .map(|part| builder.named(Kind::Atom, part, Flags::default(), place, &[]))
                .collect();
            builder.named(Kind::Call, "__aliases__", Flags::default(), place, &parts)
        } else {
            let kids: Vec<NodeId> = tree
                .kids(id)
                .iter()
                .filter_map(|kid| copies.get(kid.index().checked_sub(first)?).copied())
                .collect();
            let has_block = BLOCKS.contains(&tree.text(id))
                && node.kind == Kind::Call
                && tree
                    .kids(id)
                    .last()
                    .is_some_and(|last| tree.keyword(*last, "do").is_some());
            let flags = if has_block {
                node.flags.with(Flags::DO_BLOCK).with(Flags::NO_PARENS)
            } else {
                node.flags
            };
            let symbol = builder.symbol(tree.bytes(id));
            builder.add(node.kind, symbol, flags, place, &kids)
        };
        copies.push(copy);
    }
    let root = copies.last().copied().unwrap_or_else(|| NodeId::new(0));
    (builder.finish(Some(root)), root)
}
