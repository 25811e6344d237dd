//! The concrete tree as one preorder list, walked once with a cursor: what lowering reads, without recursion and without
//! a call into the parser's library per question.

use tree_sitter::Tree;

use super::columns::QuotedText;
use super::grammar::{Grammar, Syntax};
use super::{ERRORS_MAX, SyntaxError};

/// A node. Indices are into [`Flat::nodes`].
#[derive(Clone, Copy, Debug)]
pub(super) struct FlatNode {
    pub(super) syntax: Syntax,
    /// An error, or a token that is missing, is among its direct children.
    pub(super) broken: bool,
    pub(super) start: u32,
    pub(super) end: u32,
    /// Line from 0.
    pub(super) row: u32,
    /// Bytes before it on its line.
    pub(super) offset: u32,
    /// After its last descendant.
    pub(super) next: u32,
}

/// All nodes that mean something, in preorder.
#[derive(Debug, Default)]
pub(super) struct Flat {
    pub(super) nodes: Vec<FlatNode>,
    /// Where quoted text lies, for columns.
    pub(super) quoted: QuotedText,
    /// An escape that the grammar reads and Elixir does not: `~S[\\]` ends at its first bracket.
    pub(super) misread: Option<u32>,
    /// `&(...)`, by the node of `&`.
    pub(super) parenthesized_captures: Vec<u32>,
    /// Comments, from `#` to the end of the line, as bytes of the text, in its order.
    pub(super) comments: Vec<(u32, u32)>,
    /// What was refused.
    pub(super) errors: Vec<SyntaxError>,
}

impl Flat {
    /// Reads a tree. Columns of errors are bytes until [`super::Lowerer`] knows better.
    pub(super) fn new(tree: &Tree, grammar: &Grammar, text: &str) -> Self {
        let mut flat = Self::default();
        flat.nodes.reserve(text.len() / 6);
        let damaged = tree.root_node().has_error();
        let mut cursor = tree.walk();
        let mut open: Vec<u32> = Vec::new();
        // Whether the tokens of the innermost open node are quotes, which are not trivia.
        let mut quotes = false;
        loop {
            let node = cursor.node();
            let mut syntax = grammar.syntax(node.kind_id());
            let (start, end) = (node.start_byte() as u32, node.end_byte() as u32);
            if damaged && start == end && node.is_missing() {
                flat.miss(&node, open.last().copied());
                syntax = if node.is_named() {
                    Syntax::Error
                } else {
                    Syntax::Trivia
                };
            } else if syntax == Syntax::Error {
                flat.refuse(&node, text, open.last().copied());
            } else if syntax == Syntax::Trivia && quotes && start < end && !node.is_extra() {
                syntax = Syntax::Token;
            }
            let mut inside = false;
            match syntax {
                Syntax::Trivia => flat.add_comment(&node, text),
                Syntax::Quoted => flat.add_quoted(start, end, text),
                _ => {
                    let place = node.start_position();
                    let index = flat.nodes.len() as u32;
                    if let (Syntax::Parenthesis, Some(parent)) = (syntax, open.last())
                        && flat.syntax(*parent) == Syntax::UnaryOperator
                    {
                        flat.parenthesized_captures.push(*parent);
                    }
                    flat.nodes.push(FlatNode {
                        syntax,
                        broken: false,
                        start,
                        end,
                        row: place.row as u32,
                        offset: place.column as u32,
                        next: index + 1,
                    });
                    inside = cursor.goto_first_child();
                    if inside {
                        open.push(index);
                        quotes = is_quotes(syntax);
                    }
                }
            }
            if inside {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return flat;
                }
                let end = flat.nodes.len() as u32;
                if let Some(closed) = open.pop().and_then(|index| flat.nodes.get_mut(index as usize)) {
                    closed.next = end;
                }
                quotes = open
                    .last()
                    .is_some_and(|index| is_quotes(flat.node(*index).syntax));
            }
        }
    }

    fn add_comment(&mut self, node: &tree_sitter::Node<'_>, text: &str) {
        let (start, end) = (node.start_byte(), node.end_byte());
        if text.as_bytes().get(start) == Some(&b'#') && node.is_extra() {
            self.comments.push((start as u32, end as u32));
        }
    }

    fn add_quoted(&mut self, start: u32, end: u32, text: &str) {
        let bytes = text.as_bytes();
        if end - start == 2 && bytes.get(start as usize) == Some(&b'\\') {
            let escaped = bytes.get(start as usize + 1).copied();
            if escaped == Some(b'#') && bytes.get(end as usize) == Some(&b'{') {
                self.quoted.escaped_holes.push(start);
            } else if self.misread.is_none() && escaped != Some(b'\\') {
                // Where escapes count, two backslashes are one, and an odd number of them precedes none.
                let before = bytes.get(..start as usize).unwrap_or_default();
                let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
                self.misread = (slashes % 2 == 1).then_some(start);
            }
        }
        match self.quoted.spans.last_mut() {
            Some(last) if last.1 == start => last.1 = end,
            _ => self.quoted.spans.push((start, end)),
        }
    }

    fn miss(&mut self, node: &tree_sitter::Node<'_>, parent: Option<u32>) {
        self.report(node, parent, format!("missing {}", node.kind()));
    }

    fn refuse(&mut self, node: &tree_sitter::Node<'_>, text: &str, parent: Option<u32>) {
        let piece = text.get(node.start_byte()..node.end_byte()).unwrap_or_default();
        let line = piece.lines().next().unwrap_or_default();
        let mut shown: String = line.chars().take(40).collect();
        if shown.len() < piece.len() {
            shown.push_str("...");
        }
        self.report(node, parent, format!("unexpected {shown}"));
    }

    fn report(&mut self, node: &tree_sitter::Node<'_>, parent: Option<u32>, message: String) {
        if let Some(parent) = parent.and_then(|index| self.nodes.get_mut(index as usize)) {
            parent.broken = true;
        }
        if self.errors.len() < ERRORS_MAX {
            let place = node.start_position();
            self.errors.push(SyntaxError {
                start: node.start_byte() as u32,
                end: node.end_byte() as u32,
                line: place.row as u32 + 1,
                column: place.column as u32 + 1,
                message,
            });
        }
    }

    /// A node; of a wrong index the empty error.
    pub(super) fn node(&self, index: u32) -> FlatNode {
        self.nodes
            .get(index as usize)
            .copied()
            .unwrap_or_else(|| FlatNode {
                syntax: Syntax::Error,
                broken: true,
                start: 0,
                end: 0,
                row: 0,
                offset: 0,
                next: index.saturating_add(1),
            })
    }

    pub(super) fn syntax(&self, index: u32) -> Syntax {
        self.nodes
            .get(index as usize)
            .map_or(Syntax::Error, |node| node.syntax)
    }

    /// Direct children, tokens included.
    pub(super) fn children(&self, index: u32) -> Children<'_> {
        Children {
            flat: self,
            at: index.saturating_add(1),
            end: self.node(index).next,
        }
    }

    /// Direct children that are no tokens.
    pub(super) fn terms(&self, index: u32) -> impl Iterator<Item = u32> {
        self.children(index).filter(|child| !self.is_token(*child))
    }

    /// The first direct child that is no token.
    pub(super) fn term(&self, index: u32) -> Option<u32> {
        self.terms(index).next()
    }

    /// The first direct child that is a token.
    pub(super) fn token(&self, index: u32) -> Option<u32> {
        self.children(index).find(|child| self.is_token(*child))
    }

    /// The first direct child of this kind.
    pub(super) fn child(&self, index: u32, syntax: Syntax) -> Option<u32> {
        self.children(index).find(|child| self.syntax(*child) == syntax)
    }

    pub(super) fn is_token(&self, index: u32) -> bool {
        matches!(
            self.syntax(index),
            Syntax::Token | Syntax::NotIn | Syntax::Parenthesis | Syntax::Bracket | Syntax::Brace
        )
    }
}

/// Direct children, in order.
pub(super) struct Children<'a> {
    flat: &'a Flat,
    at: u32,
    end: u32,
}

impl Iterator for Children<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.at >= self.end {
            return None;
        }
        let child = self.at;
        self.at = self.flat.node(child).next;
        Some(child)
    }
}

fn is_quotes(syntax: Syntax) -> bool {
    matches!(
        syntax,
        Syntax::String | Syntax::Charlist | Syntax::Sigil | Syntax::QuotedAtom | Syntax::QuotedKeyword
    )
}
