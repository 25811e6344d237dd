//! From a site's position to its piece of source. Right or unmapped: a place is given only if the source has the
//! site's token there.
//!
//! The document must be that of the source which the module was compiled from: find it by the site table's source
//! hash ([`crate::Manifest::find`]), never by path alone, so that two releases running at once keep their own places.

use event::SiteKind;

use crate::{Anchor, AnchorRole, NONE, SyntaxDocument};

/// How a place was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// The token is at the site's line and column.
    Exact,
    /// The column is not known; the token is on that line once.
    OnlyOnLine,
    /// Only the line is known: a macro made the site. The token is the line's text.
    LineOnly,
}

impl Precision {
    /// The name used in APIs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::OnlyOnLine => "only_on_line",
            Self::LineOnly => "line_only",
        }
    }
}

/// The function around a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFunction {
    /// The module's name in the VM; empty if it is computed.
    pub module: String,
    /// The function's name.
    pub name: String,
    /// Its number of parameters, those with defaults included.
    pub arity: u8,
    /// The clause, from 0 in the order of the file; [`NONE`] for a head without a body.
    pub clause: u32,
    /// First and after the last byte of the clause.
    pub clause_bytes: (u32, u32),
    /// A syntax error is inside the clause.
    pub damaged: bool,
}

/// A piece of source that a site stands for. Byte ranges are `(first, after the last)` in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// How it was found.
    pub precision: Precision,
    /// From 1.
    pub line: u32,
    /// Elixir's column, from 1; of the line's first token if only the line is known, 0 if there is none.
    pub column: u32,
    /// The token; the line's text without its indentation if only the line is known.
    pub token_bytes: (u32, u32),
    /// The clause, branch, call or variable that the token stands for.
    pub node_bytes: (u32, u32),
    /// Index of that node in the document.
    pub node: u32,
    /// What the grammar calls it.
    pub node_kind: String,
    /// The function around it, if any.
    pub function: Option<InFunction>,
}

/// Why a site has no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmapped {
    /// The text is not the one that the document was made of.
    #[error("the source has {found} bytes, the document describes one of {expected}")]
    OtherSource {
        /// Length of the text in bytes.
        found: usize,
        /// Length that the document says.
        expected: u32,
    },
    /// The site table says no line.
    #[error("the site has no line")]
    NoLine,
    /// The source is shorter.
    #[error("the source has {lines} lines, none numbered {line}")]
    NoSuchLine {
        /// The site's line.
        line: u32,
        /// How many there are.
        lines: usize,
    },
    /// Something else is there.
    #[error("line {line} has {found:?} at column {column}, not {token:?}")]
    OtherToken {
        /// The site's line.
        line: u32,
        /// The site's column.
        column: u32,
        /// The site's token.
        token: String,
        /// The token that is there.
        found: String,
    },
    /// No token begins there.
    #[error("no token begins at line {line}, column {column}; {token:?} was expected")]
    NoToken {
        /// The site's line.
        line: u32,
        /// The site's column.
        column: u32,
        /// The site's token.
        token: String,
    },
    /// A function's name, but not where the function is defined.
    #[error("{token:?} at line {line}, column {column} is not the name in a definition's head")]
    NoHead {
        /// The site's line.
        line: u32,
        /// The site's column.
        column: u32,
        /// The site's token.
        token: String,
    },
}

/// The place of a site. `line` and `column` are Elixir's, from 1; column 0 = not known: the token's only occurrence on
/// the line is taken, else the line as a whole. For a site that its table flags as macro-made use [`resolve_line`]:
/// the macro's token need not be one that the line shows.
pub fn resolve(
    document: &SyntaxDocument,
    source: &[u8],
    line: u32,
    column: u32,
    token: &str,
    kind: SiteKind,
) -> Result<Place, Unmapped> {
    let anchors = anchors_of(document, source, line)?;
    if column == 0 {
        let mut same = anchors
            .iter()
            .filter(|anchor| text(source, anchor) == token.as_bytes() && fits(anchor, kind));
        return match (same.next(), same.next()) {
            (Some(anchor), None) => Ok(place(document, anchor, Precision::OnlyOnLine)),
            _ => resolve_line(document, source, line),
        };
    }
    let Ok(index) = anchors.binary_search_by_key(&column, |anchor| anchor.column) else {
        return Err(Unmapped::NoToken {
            line,
            column,
            token: token.to_owned(),
        });
    };
    let anchor = &anchors[index];
    let found = text(source, anchor);
    if found != token.as_bytes() {
        let found = String::from_utf8_lossy(found).chars().take(64).collect();
        return Err(Unmapped::OtherToken {
            line,
            column,
            token: token.to_owned(),
            found,
        });
    }
    if !fits(anchor, kind) {
        return Err(Unmapped::NoHead {
            line,
            column,
            token: token.to_owned(),
        });
    }
    Ok(place(document, anchor, Precision::Exact))
}

/// The place of a whole line: the outermost node that begins with the line's first token.
pub fn resolve_line(document: &SyntaxDocument, source: &[u8], line: u32) -> Result<Place, Unmapped> {
    let anchors = anchors_of(document, source, line)?;
    let (start, end) = document.line_range(line, source).ok_or(Unmapped::NoLine)?;
    let bytes = &source[start as usize..end as usize];
    let indentation = bytes.len() - bytes.trim_ascii_start().len();
    let token_bytes = (
        start + indentation as u32,
        start + bytes.trim_ascii_end().len().max(indentation) as u32,
    );
    let first = anchors.first();
    let from = first.map_or_else(|| innermost(document, token_bytes.0), |anchor| anchor.node);
    let mut node = from;
    for outer in document.ancestry(from) {
        let begins = document
            .nodes
            .get(outer as usize)
            .is_some_and(|node| node.start_byte >= token_bytes.0);
        if !begins || matches!(document.kind(outer), "source" | "body" | "block" | "do_block") {
            break;
        }
        node = outer;
    }
    Ok(Place {
        line,
        column: first.map_or(0, |anchor| anchor.column),
        token_bytes,
        ..place_of(document, node, Precision::LineOnly)
    })
}

fn anchors_of<'a>(document: &'a SyntaxDocument, source: &[u8], line: u32) -> Result<&'a [Anchor], Unmapped> {
    if source.len() != document.source_bytes as usize {
        return Err(Unmapped::OtherSource {
            found: source.len(),
            expected: document.source_bytes,
        });
    }
    match line {
        0 => Err(Unmapped::NoLine),
        line if line as usize > document.line_starts.len() => Err(Unmapped::NoSuchLine {
            line,
            lines: document.line_starts.len(),
        }),
        line => Ok(document.line(line)),
    }
}

fn text<'a>(source: &'a [u8], anchor: &Anchor) -> &'a [u8] {
    source
        .get(anchor.start_byte as usize..anchor.end_byte as usize)
        .unwrap_or_default()
}

/// A clause's site stands at a head and nowhere else; every other kind stands where its token is.
fn fits(anchor: &Anchor, kind: SiteKind) -> bool {
    use SiteKind::{Callback, CallbackReturn, Clause, Entry, Return};
    !matches!(kind, Clause | Return | Callback | CallbackReturn | Entry) || anchor.role == AnchorRole::Head
}

/// The last node in preorder that begins at or before this byte, or one around it that reaches it.
fn innermost(document: &SyntaxDocument, byte: u32) -> u32 {
    let after = document.nodes.partition_point(|node| node.start_byte <= byte);
    let last = after.checked_sub(1).map_or(NONE, |index| index as u32);
    let reaches = |node: &u32| {
        document
            .nodes
            .get(*node as usize)
            .is_some_and(|node| node.end_byte > byte)
    };
    document.ancestry(last).find(reaches).unwrap_or(0)
}

fn place(document: &SyntaxDocument, anchor: &Anchor, precision: Precision) -> Place {
    Place {
        line: anchor.line,
        column: anchor.column,
        token_bytes: (anchor.start_byte, anchor.end_byte),
        ..place_of(document, anchor.node, precision)
    }
}

fn place_of(document: &SyntaxDocument, node: u32, precision: Precision) -> Place {
    let node_bytes = bytes_of(document, node);
    Place {
        precision,
        line: 0,
        column: 0,
        token_bytes: node_bytes,
        node_bytes,
        node,
        node_kind: document.kind(node).to_owned(),
        function: function_around(document, node),
    }
}

fn bytes_of(document: &SyntaxDocument, node: u32) -> (u32, u32) {
    document
        .nodes
        .get(node as usize)
        .map_or((0, 0), |node| (node.start_byte, node.end_byte))
}

fn function_around(document: &SyntaxDocument, node: u32) -> Option<InFunction> {
    let definitions = &document.definitions;
    let clause = document
        .ancestry(node)
        .find_map(|node| definitions.clause_at(node))?;
    let function = definitions.functions.get(clause.function as usize)?;
    let module = definitions
        .modules
        .get(function.module as usize)
        .and_then(|module| module.names.first());
    Some(InFunction {
        module: module.cloned().unwrap_or_default(),
        name: function.name.clone(),
        arity: function.arity,
        clause: clause.index,
        clause_bytes: bytes_of(document, clause.node),
        damaged: clause.damaged,
    })
}
