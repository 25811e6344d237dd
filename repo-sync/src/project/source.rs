//! One file's text and syntax, made again when someone wants to see it.

use codegraph::definitions::{Clause, Outline};
use codegraph::quoted::{NodeId, Quoted};

use super::read::line_at;
use super::{CodeProject, Definition};
use crate::lower::Lowerer;
use crate::syntax::line_starts;
use crate::{FileFault, FileFaultKind};

/// A file's text and syntax.
#[derive(Debug)]
pub struct FileSource {
    /// Its number in [`CodeProject::files`].
    pub file: u32,
    /// Its text.
    pub text: String,
    /// Its quoted form.
    pub tree: Quoted,
    /// What it defines.
    pub outline: Outline,
    starts: Vec<u32>,
}

impl CodeProject {
    /// Reads and parses a file of the project again.
    pub fn source(&self, file: u32) -> Result<FileSource, FileFault> {
        let mut lowerer = Lowerer::new().map_err(|kind| FileFault {
            path: self.path_of(file),
            kind: FileFaultKind::Source(kind),
        })?;
        self.source_by(&mut lowerer, file)
    }

    /// The text of a source of the project, by its path: what the file says now, or what it said in the version.
    pub fn text_at(&self, path: &str) -> Result<String, FileFaultKind> {
        self.texts.text(path)
    }

    fn path_of(&self, file: u32) -> String {
        let file = self.files.get(file as usize);
        file.map(|file| file.path.clone()).unwrap_or_default()
    }

    /// As [`CodeProject::source`], with a parser that is there.
    pub(super) fn source_by(&self, lowerer: &mut Lowerer, file: u32) -> Result<FileSource, FileFault> {
        let path = self.path_of(file);
        let text = self.text_at(&path).map_err(|kind| FileFault { path, kind })?;
        let tree = lowerer.lower(&text).quoted;
        let outline = Outline::of(&tree);
        Ok(FileSource::new(file, text, tree, outline))
    }

    /// A file by its path: as the project lists it, or its end (`warehouse.ex`, `stock/warehouse.ex`) if that is one
    /// file's only.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<u32> {
        let wanted = path.strip_prefix("./").unwrap_or(path);
        let number = |index: usize| u32::try_from(index).ok();
        if let Some(index) = self.files.iter().position(|file| file.path == wanted) {
            return number(index);
        }
        let ends = |file: &super::CodeFile| {
            let before = file.path.strip_suffix(wanted);
            before.is_some_and(|before| before.ends_with('/'))
        };
        let mut found = self.files.iter().enumerate().filter(|(_, file)| ends(file));
        let (index, _) = found.next()?;
        found.next().is_none().then_some(())?;
        number(index)
    }
}

impl FileSource {
    /// Of a text that was parsed.
    pub(crate) fn new(file: u32, text: String, tree: Quoted, outline: Outline) -> Self {
        Self {
            file,
            starts: line_starts(text.as_bytes()),
            text,
            tree,
            outline,
        }
    }

    /// The clauses of a function that lies in this file.
    pub fn clauses<'a>(&'a self, definition: &Definition) -> impl Iterator<Item = &'a Clause> {
        let function = self.outline.functions.get(definition.in_outline as usize);
        function
            .into_iter()
            .flat_map(|function| &function.clauses)
            .filter_map(|clause| self.outline.clauses.get(*clause as usize))
    }

    /// First and last line of a node, from 1.
    #[must_use]
    pub fn lines(&self, node: NodeId) -> (u32, u32) {
        let node = self.tree.node(node);
        let last = node.end.saturating_sub(1).max(node.start);
        (line_at(&self.starts, node.start), line_at(&self.starts, last))
    }

    /// A line's text, without its end.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        let at = (line as usize).wrapping_sub(1);
        let start = self
            .starts
            .get(at)
            .map_or(self.text.len(), |start| *start as usize);
        let rest = self.text.get(start..).unwrap_or_default();
        let end = rest.find('\n').unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default().trim_end_matches('\r')
    }

    /// A node's text.
    #[must_use]
    pub fn text_of(&self, node: NodeId) -> &str {
        let node = self.tree.node(node);
        self.text
            .get(node.start as usize..node.end as usize)
            .unwrap_or_default()
    }

    /// The byte of a place: line from 1, column in characters from 1.
    #[must_use]
    pub fn byte_of(&self, line: u32, column: u32) -> u32 {
        let at = (line as usize).wrapping_sub(1);
        let start = self.starts.get(at).map_or(self.text.len() as u32, |start| *start);
        let before: usize = self
            .line(line)
            .chars()
            .take((column as usize).saturating_sub(1))
            .map(char::len_utf8)
            .sum();
        start + before as u32
    }
}
