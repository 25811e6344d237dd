//! Elixir source text into Elixir's quoted form: tree-sitter's concrete tree, lowered node by node to what
//! `Code.string_to_quoted(text, columns: true)` of Elixir 1.14 gives, with a byte span for every node.
//!
//! Use [`Lowerer::lower`]. A text with syntax errors has a quoted form too: what could not be read is
//! [`Kind::Error`], what was read inside it are its children, and
//! [`Lowered::errors`] says where. Neither parsing nor lowering recurses: nesting costs memory, not stack.

mod blocks;
mod calls;
mod captures;
mod collections;
mod columns;
mod escapes;
mod flat;
mod grafts;
mod grammar;
mod infix;
mod literals;
mod machine;
mod masks;
mod names;
mod operators;
mod quotes;
mod reading;

#[cfg(test)]
mod tests;

use codegraph::SOURCE_BYTES_MAX;
use codegraph::quoted::{Builder, Flags, Kind, Place, Quoted};
pub use columns::ColumnRules;
use columns::Columns;
use flat::Flat;
pub(crate) use grafts::{Graft, SiteKind};
use grammar::Grammar;
pub(crate) use reading::Reading;

use crate::SourceFault;
use crate::parser::Parser;

/// Most errors that are listed of one file.
const ERRORS_MAX: usize = 1000;

/// A place that Elixir would not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
    /// Elixir's line, from 1.
    pub line: u32,
    /// Elixir's column, from 1.
    pub column: u32,
    /// What is wrong, in lowercase.
    pub message: String,
}

/// The quoted form of a source text.
#[derive(Clone, Debug, Default)]
pub struct Lowered {
    /// All of the text; its root is never `None`.
    pub quoted: Quoted,
    /// What could not be read, in the order of the text; at most 1000.
    pub errors: Vec<SyntaxError>,
    /// Comments, from `#` to the end of the line, as bytes of the text, in its order.
    pub comments: Vec<(u32, u32)>,
}

/// A parser with its grammar, for many files.
pub struct Lowerer {
    parser: Parser,
    grammar: Grammar,
    rules: ColumnRules,
}

impl std::fmt::Debug for Lowerer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lowerer")
    }
}

impl Lowerer {
    /// Loads the grammar.
    pub fn new() -> Result<Self, SourceFault> {
        let parser = Parser::new()?;
        Ok(Self {
            grammar: Grammar::new(parser.language()),
            parser,
            rules: ColumnRules::default(),
        })
    }

    /// With the columns of another Elixir than 1.14.
    #[must_use]
    pub fn with_columns(mut self, rules: ColumnRules) -> Self {
        self.rules = rules;
        self
    }

    /// The quoted form of a source text. A text that is too large, or that takes too long to parse, is one error.
    pub fn lower(&mut self, source: &str) -> Lowered {
        if source.len() > SOURCE_BYTES_MAX {
            return refused(
                source,
                format!(
                    "source of {} bytes exceeds the limit of {SOURCE_BYTES_MAX}",
                    source.len()
                ),
            );
        }
        match self.read(source) {
            Some(reading) => self.lower_flat(source, reading.flat),
            None => refused(source, SourceFault::TooSlow.to_string()),
        }
    }

    /// The quoted form of a text that was read.
    pub(crate) fn lower_reading(&self, source: &str, reading: Reading) -> Lowered {
        self.lower_flat(source, reading.flat)
    }

    /// The quoted form of a text that is parsed already. The tree must be of this text and of this grammar.
    pub fn lower_tree(&self, source: &str, tree: &tree_sitter::Tree) -> Lowered {
        self.lower_flat(source, Flat::new(tree, &self.grammar, source))
    }

    fn lower_flat(&self, source: &str, mut flat: Flat) -> Lowered {
        let columns = Columns::new(source, &flat.quoted, self.rules);
        let mut errors = std::mem::take(&mut flat.errors);
        let comments = std::mem::take(&mut flat.comments);
        for error in &mut errors {
            error.column = columns.column(error.start, error.column.saturating_sub(1));
        }
        Lowered {
            quoted: machine::Machine::new(source, &flat, &columns).run(),
            errors,
            comments,
        }
    }
}

/// One error over all of the text.
fn refused(source: &str, message: String) -> Lowered {
    let end = u32::try_from(source.len()).unwrap_or(u32::MAX);
    let place = Place {
        end,
        ..Place::default()
    };
    let mut builder = Builder::new();
    let root = builder.named(Kind::Error, "", Flags::default(), place, &[]);
    Lowered {
        quoted: builder.finish(Some(root)),
        errors: vec![SyntaxError {
            start: 0,
            end,
            line: 1,
            column: 1,
            message,
        }],
        comments: Vec::new(),
    }
}
