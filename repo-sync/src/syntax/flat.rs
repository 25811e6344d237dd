//! A parsed tree as one preorder list of all nodes, anonymous ones included, so that nothing below walks recursively.

use codegraph::NONE;
use tree_sitter::{Language, Node, Tree};

/// Fields that are asked for.
const FIELDS: &[&str] = &["key", "left", "operand", "operator", "right", "target", "value"];

/// Names of the grammar's kinds and fields, by number.
#[derive(Debug)]
pub(super) struct Grammar<'s> {
    kinds: Vec<&'s str>,
    fields: Vec<&'static str>,
}

impl<'s> Grammar<'s> {
    pub(super) fn new(language: &'s Language) -> Self {
        let kind = |id| language.node_kind_for_id(id).unwrap_or_default();
        let known = |id| {
            let name = language.field_name_for_id(id).unwrap_or_default();
            FIELDS
                .iter()
                .find(|field| **field == name)
                .copied()
                .unwrap_or_default()
        };
        Self {
            kinds: (0..language.node_kind_count() as u16).map(kind).collect(),
            fields: (0..=language.field_count() as u16).map(known).collect(),
        }
    }

    fn kind(&self, node: &Node<'_>) -> &'s str {
        if node.is_error() {
            return "ERROR";
        }
        self.kinds
            .get(node.kind_id() as usize)
            .copied()
            .unwrap_or_default()
    }

    fn field(&self, id: Option<std::num::NonZeroU16>) -> &'static str {
        id.and_then(|id| self.fields.get(id.get() as usize).copied())
            .unwrap_or_default()
    }
}

/// A node. Indices are into [`FlatTree::nodes`].
#[derive(Clone, Copy, Debug)]
pub(super) struct FlatNode<'s> {
    pub(super) kind: &'s str,
    /// The field of the parent that it fills; empty for none.
    pub(super) field: &'static str,
    pub(super) start: u32,
    pub(super) end: u32,
    /// [`NONE`] for the root.
    pub(super) parent: u32,
    /// After its last descendant.
    pub(super) next: u32,
    /// Its number among the named nodes; [`NONE`] for an anonymous one.
    pub(super) named: u32,
    pub(super) error: bool,
    /// Not in the text: the parser made it up to go on.
    pub(super) missing: bool,
}

/// All nodes of a tree, in preorder.
#[derive(Debug)]
pub(super) struct FlatTree<'s> {
    pub(super) text: &'s str,
    pub(super) nodes: Vec<FlatNode<'s>>,
}

impl<'s> FlatTree<'s> {
    pub(super) fn new(tree: &Tree, grammar: &Grammar<'s>, text: &'s str) -> Self {
        let mut nodes: Vec<FlatNode<'s>> = Vec::new();
        let mut cursor = tree.walk();
        let (mut parent, mut named) = (NONE, 0);
        loop {
            let node = cursor.node();
            let index = nodes.len() as u32;
            let is_named = node.is_named() || node.is_error();
            nodes.push(FlatNode {
                kind: grammar.kind(&node),
                field: grammar.field(cursor.field_id()),
                start: node.start_byte() as u32,
                end: node.end_byte() as u32,
                parent,
                next: index + 1,
                named: if is_named { named } else { NONE },
                error: node.is_error(),
                missing: node.is_missing(),
            });
            named += u32::from(is_named);
            if cursor.goto_first_child() {
                parent = index;
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return Self { text, nodes };
                }
                let end = nodes.len() as u32;
                if let Some(closed) = nodes.get_mut(parent as usize) {
                    closed.next = end;
                    parent = closed.parent;
                }
            }
        }
    }

    pub(super) fn node(&self, index: u32) -> &FlatNode<'s> {
        &self.nodes[index as usize]
    }

    /// The node's own text.
    pub(super) fn text_of(&self, index: u32) -> &'s str {
        let node = self.node(index);
        self.text
            .get(node.start as usize..node.end as usize)
            .unwrap_or_default()
    }

    pub(super) fn is_leaf(&self, index: u32) -> bool {
        self.node(index).next == index + 1
    }

    pub(super) fn children(&self, index: u32) -> impl Iterator<Item = u32> {
        let end = self.node(index).next;
        let next_of = move |child: &u32| Some(self.node(*child).next).filter(|next| *next < end);
        std::iter::successors(Some(index + 1).filter(|first| *first < end), next_of)
    }

    /// Children that the grammar names, without comments.
    pub(super) fn terms(&self, index: u32) -> impl Iterator<Item = u32> {
        let is_term = |child: &u32| self.node(*child).named != NONE && self.node(*child).kind != "comment";
        self.children(index).filter(is_term)
    }

    pub(super) fn field(&self, index: u32, field: &str) -> Option<u32> {
        self.children(index)
            .find(|child| self.node(*child).field == field)
    }

    pub(super) fn child(&self, index: u32, kind: &str) -> Option<u32> {
        self.children(index).find(|child| self.node(*child).kind == kind)
    }

    /// The operator of a binary or unary operation.
    pub(super) fn operator(&self, index: u32) -> Option<(u32, &'s str)> {
        self.field(index, "operator")
            .map(|operator| (operator, self.text_of(operator)))
    }

    /// The arguments of a call, in order; keywords at the end are one.
    pub(super) fn arguments(&self, call: u32) -> Vec<u32> {
        self.child(call, "arguments")
            .map(|arguments| self.terms(arguments).collect())
            .unwrap_or_default()
    }

    /// The value of a key in the keywords that end a call's arguments.
    pub(super) fn keyword(&self, call: u32, key: &str) -> Option<u32> {
        let arguments = self.child(call, "arguments")?;
        let keywords = self
            .terms(arguments)
            .filter(|argument| self.node(*argument).kind == "keywords")
            .last()?;
        let pair = self.terms(keywords).find(|pair| {
            let name = self.field(*pair, "key").map(|name| self.text_of(name).trim_end());
            name.and_then(|name| name.strip_suffix(':')) == Some(key)
        })?;
        self.field(pair, "value")
    }
}
