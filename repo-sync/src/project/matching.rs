//! Code found by example, over all files of a project.

use codegraph::pattern::{Pattern, PatternFault};

use super::CodeProject;
use crate::FileFault;
use crate::lower::Lowerer;
use crate::syntax::SourceFault;

/// A place that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternMatch {
    /// Its file, an index into [`CodeProject::files`].
    pub file: u32,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// The expression, as it is written.
    pub text: String,
    /// What the pattern's variables stand for, as it is written.
    pub captures: Vec<(String, String)>,
}

/// Why nothing was looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternRefused {
    /// The text is no pattern.
    #[error(transparent)]
    Pattern(#[from] PatternFault),
    /// No parser.
    #[error(transparent)]
    Parser(#[from] SourceFault),
}

/// The pattern that a text is.
///
/// # Errors
/// If it is none.
pub fn pattern(text: &str) -> Result<Pattern, PatternRefused> {
    let lowered = Lowerer::new()?.lower(text);
    if lowered.errors.is_empty() {
        Ok(Pattern::compile(&lowered.quoted)?)
    } else {
        Err(PatternFault::Syntax.into())
    }
}

impl CodeProject {
    /// The places that match, by file and line, at most `limit`; whether these are all; and the files that cannot be
    /// read any more. An error is a parser that cannot be made.
    pub fn matches(
        &self,
        pattern: &Pattern,
        limit: usize,
    ) -> Result<(Vec<PatternMatch>, bool, Vec<FileFault>), SourceFault> {
        let mut lowerer = Lowerer::new()?;
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for file in 0..u32::try_from(self.files.len()).unwrap_or(u32::MAX) {
            let source = match self.source_by(&mut lowerer, file) {
                Ok(source) => source,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            let mut here: Vec<PatternMatch> = pattern
                .find(&source.tree)
                .into_iter()
                .map(|one| {
                    let (line, end_line) = source.lines(one.node);
                    let captures = one.captures.into_iter();
                    PatternMatch {
                        file,
                        line,
                        end_line,
                        text: source.text_of(one.node).to_owned(),
                        captures: captures
                            .map(|capture| (capture.name, source.text_of(capture.node).to_owned()))
                            .collect(),
                    }
                })
                .collect();
            here.sort_by_key(|one| (one.line, one.end_line));
            found.append(&mut here);
            if found.len() > limit {
                found.truncate(limit);
                return Ok((found, false, faults));
            }
        }
        Ok((found, true, faults))
    }
}
