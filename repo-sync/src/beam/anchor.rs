//! Expanded nodes meet source nodes: by the token at the node's line and column, if it is the token that the node was
//! made of. A node that a macro made has the line of the macro's call; its column, if it has one, is of the macro's own
//! text (Elixir 1.14), so a token that does not fit is no error but the sign of a macro.

use std::collections::HashMap;
use std::sync::LazyLock;

use codegraph::quoted::{Flags, Kind, NodeId, Quoted};
use codegraph::{Anchor, AnchorRole, SyntaxDocument, Unmapped, resolve_line};

use super::Expanded;

/// Where an expanded node comes from in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linked {
    /// A token of the source, the node's own.
    Token {
        /// First byte of the token, and the byte after it.
        bytes: (u32, u32),
        /// Index in [`SyntaxDocument::nodes`] of what the token stands for.
        node: u32,
        /// The node has no column, and the token is on its line once.
        only_on_line: bool,
    },
    /// A macro made it; the source node that begins the line of the macro's call.
    Macro {
        /// Index in [`SyntaxDocument::nodes`].
        node: u32,
    },
    /// The module was compiled without columns, and the line has the token more than once.
    Line {
        /// Index in [`SyntaxDocument::nodes`].
        node: u32,
    },
    /// Nowhere, and why.
    Unmapped(Unmapped),
}

/// Links the nodes that have a token of their own: clauses, variables, calls, operators, `->`, `fn`, `&`, `case` and its
/// kin, maps, tuples. Literals, lists, pairs and blocks have none. In the order of the arena. `source` is the text that
/// `document` describes.
#[must_use]
pub fn link(expanded: &Expanded, document: &SyntaxDocument, source: &[u8]) -> Vec<(NodeId, Linked)> {
    let tree = &expanded.tree;
    let has_columns = tree.nodes().iter().any(|node| node.column > 0);
    let linker = Linker {
        document,
        source,
        has_columns,
    };
    let mut heads: HashMap<NodeId, &str> = HashMap::new();
    for function in &expanded.functions {
        for clause in &function.clauses {
            heads.insert(clause.node, &function.name);
        }
    }
    let mut found = Vec::new();
    for index in 0..tree.nodes().len() {
        let node = NodeId::new(index);
        let at = tree.node(node);
        if at.line == 0 {
            continue;
        }
        let made = at.flags.has(Flags::MACRO_MADE);
        let linked = if let Some(name) = heads.get(&node) {
            linker.head(at.line, name, made)
        } else {
            let tokens = tokens(tree, node);
            if tokens.is_empty() {
                continue;
            }
            linker.node(at.line, at.column, &tokens, made)
        };
        found.push((node, linked));
    }
    found
}

/// Calls that Elixir renames while it expands: by Erlang's module and function, the names that the source may have.
static REWRITES: LazyLock<HashMap<(&str, &str), Vec<&str>>> = LazyLock::new(|| {
    let mut rewrites: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    for line in include_str!("rewrites.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
    {
        let mut words = line.split(' ');
        if let (Some(module), Some(name), Some(written)) = (words.next(), words.next(), words.next()) {
            rewrites.entry((module, name)).or_default().push(written);
        }
    }
    rewrites
});

/// Tokens that no anchor stands at.
const MARKS: &[&str] = &["[", "{", "%", "<<"];

/// The texts that a node's token may have; none of nodes without a token.
#[must_use]
pub fn tokens(tree: &Quoted, node: NodeId) -> Vec<&str> {
    let name = tree.text(node);
    match tree.node(node).kind {
        Kind::Variable => vec![name],
        Kind::Call => match name {
            // `&(&1 + 1)` expands to `fn`.
            "fn" => vec!["fn", "&"],
            "{}" | "%{}" => vec!["{"],
            "<<>>" => vec!["<<"],
            "__block__" | "__aliases__" | "." | "" => Vec::new(),
            _ => vec![name],
        },
        Kind::Apply => match tree.remote_call(node) {
            Some((module, name, _)) => {
                let rewritten = REWRITES.get(&(tree.text(module), name));
                let mut tokens = vec![name];
                tokens.extend(rewritten.into_iter().flatten().copied());
                match name {
                    "get" if tree.text(module) == "Elixir.Access" => tokens.push("["),
                    "not" => tokens.push("not in"),
                    _ => {}
                }
                tokens
            }
            None => vec!["."],
        },
        _ => Vec::new(),
    }
}

struct Linker<'a> {
    document: &'a SyntaxDocument,
    source: &'a [u8],
    has_columns: bool,
}

impl Linker<'_> {
    fn text(&self, anchor: &Anchor) -> &str {
        let bytes = self
            .source
            .get(anchor.start_byte as usize..anchor.end_byte as usize);
        bytes
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// A clause has the line of its `def`, and never a column.
    fn head(&self, line: u32, name: &str, made: bool) -> Linked {
        let mut heads = self
            .document
            .line(line)
            .iter()
            .filter(|anchor| anchor.role == AnchorRole::Head && self.text(anchor) == name);
        match (heads.next(), heads.next()) {
            (Some(anchor), None) if !made => of_anchor(anchor, true),
            _ => self.macro_made(line),
        }
    }

    fn node(&self, line: u32, column: u32, tokens: &[&str], made: bool) -> Linked {
        if made || (column == 0 && self.has_columns) {
            return self.macro_made(line);
        }
        if column > 0 {
            let found = self.at(line, column, tokens);
            return found.unwrap_or_else(|| self.macro_made(line));
        }
        let anchors = self.document.line(line);
        let mut same = anchors
            .iter()
            .filter(|anchor| tokens.contains(&self.text(anchor)));
        match (same.next(), same.next()) {
            (Some(anchor), None) => of_anchor(anchor, true),
            (Some(_), Some(_)) => match resolve_line(self.document, self.source, line) {
                Ok(place) => Linked::Line { node: place.node },
                Err(why) => Linked::Unmapped(why),
            },
            (None, _) => self.macro_made(line),
        }
    }

    /// The token at a place. Elixir 1.14 counts two columns too few for each `\#{` before it on the line.
    fn at(&self, line: u32, column: u32, tokens: &[&str]) -> Option<Linked> {
        let anchors = self.document.line(line);
        let (start, end) = self.document.line_range(line, self.source)?;
        let text = self.source.get(start as usize..end as usize)?;
        let escaped = text.windows(3).filter(|window| window == b"\\#{").count() as u32;
        (0..=escaped).find_map(|skipped| {
            let column = column.checked_add(skipped.checked_mul(2)?)?;
            let anchor = anchors
                .binary_search_by_key(&column, |anchor| anchor.column)
                .ok()
                .and_then(|index| anchors.get(index))
                .filter(|anchor| tokens.contains(&self.text(anchor)));
            anchor
                .map(|anchor| of_anchor(anchor, false))
                .or_else(|| self.mark(text, start, column, tokens))
        })
    }

    /// Punctuation and quoted names, where no anchor stands: only on ASCII lines, where columns are bytes.
    fn mark(&self, line: &[u8], start: u32, column: u32, tokens: &[&str]) -> Option<Linked> {
        let place = column.checked_sub(1)? as usize;
        let rest = line.get(place..).filter(|_| line.is_ascii())?;
        let length = tokens.iter().find_map(|token| {
            let inside = rest
                .strip_prefix(b"\"")
                .and_then(|rest| rest.strip_prefix(token.as_bytes()));
            if inside.is_some_and(|rest| rest.starts_with(b"\"")) {
                return Some(token.len() + 2);
            }
            let is_mark = MARKS.contains(token) && rest.starts_with(token.as_bytes());
            is_mark.then_some(token.len())
        })?;
        let first = start + place as u32;
        Some(Linked::Token {
            bytes: (first, first + length as u32),
            node: self.innermost(first),
            only_on_line: false,
        })
    }

    /// The innermost node around a byte.
    fn innermost(&self, byte: u32) -> u32 {
        let nodes = &self.document.nodes;
        let after = nodes.partition_point(|node| node.start_byte <= byte);
        let last = after.saturating_sub(1) as u32;
        let reaches = |node: &u32| nodes.get(*node as usize).is_some_and(|node| node.end_byte > byte);
        self.document.ancestry(last).find(reaches).unwrap_or(0)
    }

    fn macro_made(&self, line: u32) -> Linked {
        match resolve_line(self.document, self.source, line) {
            Ok(place) => Linked::Macro { node: place.node },
            Err(why) => Linked::Unmapped(why),
        }
    }
}

fn of_anchor(anchor: &Anchor, only_on_line: bool) -> Linked {
    Linked::Token {
        bytes: (anchor.start_byte, anchor.end_byte),
        node: anchor.node,
        only_on_line,
    }
}
