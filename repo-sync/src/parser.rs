//! The parser with its grammar: the one place that parses, with a limit on the time that one file may take.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Language, ParseOptions, ParseState, Range, Tree};

use crate::SourceFault;

/// Longest parse of one file.
pub(crate) const PARSE_TIME_MAX: Duration = Duration::from_secs(20);

pub(crate) struct Parser {
    language: Language,
    parser: tree_sitter::Parser,
}

impl std::fmt::Debug for Parser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parser")
    }
}

impl Parser {
    /// Loads the grammar.
    pub(crate) fn new() -> Result<Self, SourceFault> {
        let language = Language::new(tree_sitter_elixir::LANGUAGE);
        let mut parser = tree_sitter::Parser::new();
        parser
            .set_language(&language)
            .map_err(|fault| SourceFault::Grammar(fault.to_string()))?;
        Ok(Self { language, parser })
    }

    /// The grammar.
    pub(crate) fn language(&self) -> &Language {
        &self.language
    }

    /// The tree of a part of a text, with places as in the whole; `None` if it took too long.
    pub(crate) fn parse_part(&mut self, source: &[u8], part: Range) -> Option<Tree> {
        self.parser.set_included_ranges(&[part]).ok()?;
        let tree = self.parse(source);
        // No ranges mean all of the text, which is always accepted.
        let _ = self.parser.set_included_ranges(&[]);
        tree
    }

    /// The tree of a text; `None` if it took too long.
    pub(crate) fn parse(&mut self, source: &[u8]) -> Option<Tree> {
        let until = Instant::now() + PARSE_TIME_MAX;
        let mut progress = |_: &ParseState| {
            if Instant::now() > until {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let mut rest = |at: usize, _| source.get(at..).unwrap_or_default();
        let tree = self.parser.parse_with_options(&mut rest, None, Some(options));
        if tree.is_none() {
            self.parser.reset();
        }
        tree
    }
}
