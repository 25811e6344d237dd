//! One source file's syntax: nodes, definitions and anchors. The text itself is a blob apart.

mod decode;
mod definition;
mod encode;
#[cfg(test)]
mod tests;

pub use definition::{Clause, DefinitionKind, Definitions, Function, Module};

use crate::{ContentHash, SourceHash};

/// Largest source file, in bytes.
pub const SOURCE_BYTES_MAX: usize = 4 << 20;
/// Largest document, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// "None" where an index is expected.
pub const NONE: u32 = u32::MAX;

/// A named node of the syntax tree. Nodes are in preorder: a node's index is its pre number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxNode {
    /// Index into [`SyntaxDocument::kinds`].
    pub kind: u32,
    /// First byte in the source.
    pub start_byte: u32,
    /// After the last byte.
    pub end_byte: u32,
    /// Index of the parent; [`NONE`] for the root.
    pub parent: u32,
    /// Postorder number: `a` is around `b` when `a.pre <= b.pre` and `b.post <= a.post`.
    pub post: u32,
}

/// What a token is to the node that it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AnchorRole {
    /// An identifier: a variable, or a call without arguments.
    Identifier = 0,
    /// The name of a called function or macro; the node is the call.
    Call = 1,
    /// The name in a definition's head; the node is the definition.
    Head = 2,
    /// `->`; the node is the clause.
    Arrow = 3,
    /// An operator; the node is the operation.
    Operator = 4,
    /// Anything else: keywords, aliases, atoms, literals.
    Other = 5,
}

/// A token by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// From 1.
    pub line: u32,
    /// Elixir's column, from 1: graphemes inside strings, sigils, charlists and quoted atoms, else code points.
    pub column: u32,
    /// First byte of the token.
    pub start_byte: u32,
    /// After the token.
    pub end_byte: u32,
    /// The node that the token stands for.
    pub node: u32,
    /// What the token is to that node.
    pub role: AnchorRole,
}

/// One source file's syntax.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyntaxDocument {
    /// SHA-256 of the source.
    pub source: SourceHash,
    /// Length of the source in bytes.
    pub source_bytes: u32,
    /// First byte of each line.
    pub line_starts: Vec<u32>,
    /// Names of node kinds, as the grammar has them, each once.
    pub kinds: Vec<String>,
    /// The tree, in preorder.
    pub nodes: Vec<SyntaxNode>,
    /// Modules, functions, clauses.
    pub definitions: Definitions,
    /// Tokens by line and column.
    pub anchors: Vec<Anchor>,
    /// Nodes that are syntax errors, ascending.
    pub errors: Vec<u32>,
}

impl SyntaxDocument {
    /// Is this the text that the document describes?
    pub fn describes(&self, source: &[u8]) -> bool {
        source.len() == self.source_bytes as usize && SourceHash::of(source) == self.source
    }

    /// The document's bytes; equal documents have equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        encode::encode(self)
    }

    /// Reads what [`encode`](Self::encode) wrote; refuses everything else, and every document that is inconsistent.
    pub fn decode(bytes: &[u8]) -> Result<Self, crate::Malformed> {
        decode::decode(bytes)
    }

    /// The hash of the document's bytes.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(&self.encode())
    }

    /// A node's kind, as the grammar names it; empty for no such node.
    pub fn kind(&self, node: u32) -> &str {
        let kind = self
            .nodes
            .get(node as usize)
            .and_then(|node| self.kinds.get(node.kind as usize));
        kind.map_or("", String::as_str)
    }

    /// The anchors of a line, by column.
    pub fn line(&self, line: u32) -> &[Anchor] {
        let first = self.anchors.partition_point(|anchor| anchor.line < line);
        let end = self.anchors.partition_point(|anchor| anchor.line <= line);
        &self.anchors[first..end]
    }

    /// The bytes of a line, without its end; `None` for no such line.
    pub fn line_range(&self, line: u32, source: &[u8]) -> Option<(u32, u32)> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.line_starts.get(index)?;
        let end = self
            .line_starts
            .get(index + 1)
            .copied()
            .unwrap_or(self.source_bytes);
        let text = source.get(start as usize..end as usize)?;
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Some((start, start + text.len() as u32))
    }

    /// Is `inner` inside `outer`, or the same?
    pub fn is_around(&self, outer: u32, inner: u32) -> bool {
        let (Some(a), Some(b)) = (self.nodes.get(outer as usize), self.nodes.get(inner as usize)) else {
            return false;
        };
        outer <= inner && b.post <= a.post
    }

    /// A node and those around it, from the inside.
    pub fn ancestry(&self, node: u32) -> impl Iterator<Item = u32> {
        std::iter::successors((node != NONE).then_some(node), |node| {
            self.nodes
                .get(*node as usize)
                .map(|node| node.parent)
                .filter(|parent| *parent != NONE)
        })
    }
}

/// Sets the postorder number of each node from the parents.
/// `None` if the parents are no preorder.
pub(crate) fn number_postorder(nodes: &mut [SyntaxNode]) -> Option<()> {
    let mut open: Vec<usize> = Vec::new();
    let mut closed = 0;
    for index in 0..nodes.len() {
        let parent = nodes[index].parent;
        while open.last().is_some_and(|top| *top as u32 != parent) {
            nodes[open.pop()?].post = closed;
            closed += 1;
        }
        if open.is_empty() && (index > 0 || parent != NONE) {
            return None;
        }
        open.push(index);
    }
    while let Some(index) = open.pop() {
        nodes[index].post = closed;
        closed += 1;
    }
    Some(())
}

impl SyntaxDocument {
    /// Numbers the nodes in postorder, from their parents. False if they are not in preorder.
    pub fn number_nodes(&mut self) -> bool {
        number_postorder(&mut self.nodes).is_some()
    }
}
