//! One source text into one [`SyntaxDocument`]: parse, flatten, find definitions, place anchors.

mod aliases;
mod anchors;
mod columns;
mod definitions;
mod flat;
mod grafted;
mod head;
mod modules;

use codegraph::quoted::Quoted;
use codegraph::{NONE, SOURCE_BYTES_MAX, SourceHash, SyntaxDocument, SyntaxNode};
use flat::{FlatTree, Grammar};

use crate::lower::{Lowerer, Reading};
use crate::parser::PARSE_TIME_MAX;

/// Why a text has no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceFault {
    /// Larger than any source.
    #[error("source of {bytes} bytes exceeds the limit of {SOURCE_BYTES_MAX}")]
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// Elixir source is UTF-8.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// The compiler refuses it too.
    #[error("the file begins with a byte order mark, which Elixir does not accept")]
    ByteOrderMark,
    /// The parser gave up.
    #[error("not parsed within {} s", PARSE_TIME_MAX.as_secs())]
    TooSlow,
    /// The parser and this program do not fit.
    #[error("the grammar cannot be loaded: {0}")]
    Grammar(String),
    /// Indices or offsets that a document cannot hold.
    #[error("the tree cannot be stored: {0}")]
    Tree(String),
}

/// A parser with its grammar, for many files.
#[derive(Debug)]
pub struct Indexer {
    lowerer: Lowerer,
}

impl Indexer {
    /// Loads the grammar.
    pub fn new() -> Result<Self, SourceFault> {
        Ok(Self {
            lowerer: Lowerer::new()?,
        })
    }

    /// The document of a source text. Syntax errors are no fault: they are in the document.
    pub fn index(&mut self, source: &[u8]) -> Result<SyntaxDocument, SourceFault> {
        let text = checked(source)?;
        let reading = self.lowerer.read(text).ok_or(SourceFault::TooSlow)?;
        document_of(source, text, &reading, &Grammar::new(self.lowerer.language()))
    }
}

impl Indexer {
    /// The document and the quoted form of a text, of one reading.
    pub(crate) fn index_and_lower(&mut self, text: &str) -> Result<(SyntaxDocument, Quoted), SourceFault> {
        checked(text.as_bytes())?;
        let reading = self.lowerer.read(text).ok_or(SourceFault::TooSlow)?;
        let grammar = Grammar::new(self.lowerer.language());
        let document = document_of(text.as_bytes(), text, &reading, &grammar)?;
        Ok((document, self.lowerer.lower_reading(text, reading).quoted))
    }
}

/// The document of a text that was read.
fn document_of(
    source: &[u8],
    text: &str,
    reading: &Reading,
    grammar: &Grammar<'_>,
) -> Result<SyntaxDocument, SourceFault> {
    let mut flat = FlatTree::new(&reading.tree, grammar, text);
    for parts in &reading.grafts {
        flat.graft(parts, grammar);
    }
    let mut document = SyntaxDocument {
        source: SourceHash::of(source),
        source_bytes: source.len() as u32,
        line_starts: line_starts(source),
        ..SyntaxDocument::default()
    };
    add_nodes(&mut document, &flat);
    let found = definitions::find(&flat);
    let (placed, anchor_of_leaf) = anchors::place(&flat, &document.line_starts, &found.heads);
    document.anchors = placed;
    document.definitions = found.into_definitions(&flat, &document.errors, &anchor_of_leaf);
    if !document.number_nodes() {
        return Err(SourceFault::Tree("nodes are not in preorder".to_owned()));
    }
    Ok(document)
}

/// The document of one source text.
pub fn index_source(source: &[u8]) -> Result<SyntaxDocument, SourceFault> {
    Indexer::new()?.index(source)
}

pub(crate) fn checked(source: &[u8]) -> Result<&str, SourceFault> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(SourceFault::TooLarge {
            bytes: source.len() as u64,
        });
    }
    if source.starts_with(b"\xef\xbb\xbf") {
        return Err(SourceFault::ByteOrderMark);
    }
    std::str::from_utf8(source).map_err(|fault| SourceFault::NotUtf8 {
        at: fault.valid_up_to(),
    })
}

/// The first byte of each line.
pub(crate) fn line_starts(source: &[u8]) -> Vec<u32> {
    let after_breaks = source
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at as u32 + 1);
    std::iter::once(0).chain(after_breaks).collect()
}

fn add_nodes(document: &mut SyntaxDocument, flat: &FlatTree<'_>) {
    let mut kinds = std::collections::HashMap::new();
    for node in &flat.nodes {
        let broken = node.error || node.missing;
        if node.named == NONE {
            if broken && node.parent != NONE {
                document.errors.push(flat.nodes[node.parent as usize].named);
            }
            continue;
        }
        let kind = *kinds.entry(node.kind).or_insert_with(|| {
            document.kinds.push(node.kind.to_owned());
            document.kinds.len() as u32 - 1
        });
        if broken {
            document.errors.push(node.named);
        }
        let parent = if node.parent == NONE {
            NONE
        } else {
            flat.nodes[node.parent as usize].named
        };
        document.nodes.push(SyntaxNode {
            kind,
            start_byte: node.start,
            end_byte: node.end,
            parent,
            post: 0,
        });
    }
    document.errors.sort_unstable();
    document.errors.dedup();
}
