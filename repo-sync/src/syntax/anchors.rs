//! Which tokens a site can stand at, and which node each stands for. Elixir's metadata names tokens, not nodes: the name
//! of a call, the operator of an operation, the `->` of a clause.

use std::collections::HashMap;

use codegraph::{Anchor, AnchorRole, NONE};

use super::columns::Columns;
use super::flat::FlatTree;

/// Tokens that no site stands at.
const SILENT: &[&str] = &[
    "quoted_content",
    "escape_sequence",
    "comment",
    "sigil_modifiers",
    "sigil_name",
    "end",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "<<",
    ">>",
    ",",
    ";",
    "%",
    "#{",
    "\"",
    "'",
    "\"\"\"",
    "'''",
];

/// The anchors, by position, and the index of the anchor of each head's token. `heads` maps the token that names a
/// defined function to its definition.
pub(super) fn place(
    flat: &FlatTree<'_>,
    line_starts: &[u32],
    heads: &HashMap<u32, u32>,
) -> (Vec<Anchor>, HashMap<u32, u32>) {
    let mut columns = Columns::new(flat, line_starts);
    let mut anchors: Vec<Anchor> = Vec::new();
    let mut of_head = HashMap::with_capacity(heads.len());
    for leaf in 0..flat.nodes.len() as u32 {
        let node = flat.node(leaf);
        if !flat.is_leaf(leaf) || node.missing || SILENT.contains(&node.kind) {
            continue;
        }
        let token = flat.text_of(leaf).trim_end();
        if token.is_empty() || anchors.last().is_some_and(|last| last.end_byte > node.start) {
            continue;
        }
        let (owner, role) = match heads.get(&leaf) {
            Some(definition) => {
                of_head.insert(leaf, anchors.len() as u32);
                (*definition, AnchorRole::Head)
            }
            None => owner(flat, leaf),
        };
        let (line, column) = columns.locate(node.start);
        let end_byte = node.start + token.len() as u32;
        anchors.push(Anchor {
            line,
            column,
            start_byte: node.start,
            end_byte,
            node: named(flat, owner),
            role,
        });
    }
    (anchors, of_head)
}

fn named(flat: &FlatTree<'_>, mut index: u32) -> u32 {
    while flat.node(index).named == NONE && flat.node(index).parent != NONE {
        index = flat.node(index).parent;
    }
    flat.node(index).named
}

fn owner(flat: &FlatTree<'_>, leaf: u32) -> (u32, AnchorRole) {
    let node = flat.node(leaf);
    if node.parent == NONE {
        return (leaf, AnchorRole::Other);
    }
    let parent = flat.node(node.parent);
    match node.kind {
        "->" => (node.parent, AnchorRole::Arrow),
        "identifier" | "operator_identifier" if node.field == "target" && parent.kind == "call" => {
            (node.parent, AnchorRole::Call)
        }
        "identifier" | "operator_identifier" if node.field == "right" && parent.kind == "dot" => (
            if parent.field == "target" {
                parent.parent
            } else {
                node.parent
            },
            AnchorRole::Call,
        ),
        "identifier" => (leaf, AnchorRole::Identifier),
        "." if parent.kind == "dot" && parent.field == "target" => (parent.parent, AnchorRole::Operator),
        _ if node.field == "operator" => (node.parent, AnchorRole::Operator),
        _ => (leaf, AnchorRole::Other),
    }
}
