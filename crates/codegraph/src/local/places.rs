//! Where the nodes of a shape are in one source text.

use crate::bytes::{Malformed, Reader, Writer};
use crate::definitions::Outline;
use crate::identity::ContentId;
use crate::quoted::{NodeId, Quoted};

/// The format of [`Places::encode`].
const FORMAT: u8 = 1;
/// Most bytes of a file's places.
const BYTES_MAX: usize = 1 << 28;

/// Where a clause is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClausePlace {
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// Lines from the first of its nodes to the last: a measure ([`crate::complexity`]).
    pub lines: u32,
}

/// Where all is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The shape of the tree.
    pub shape: ContentId,
    /// Lines of the text.
    pub lines: u32,
    /// Bytes of the text.
    pub bytes: u32,
    /// Syntax errors, and the line of the first.
    pub errors: Option<(u32, u32)>,
    /// First and last line of each module.
    pub modules: Vec<(u32, u32)>,
    /// Each clause.
    pub clauses: Vec<ClausePlace>,
    /// Elixir's line of each node, by number.
    pub nodes: Vec<u32>,
}

impl Places {
    /// Reads them off a tree. `starts` are the bytes at which the lines of the text begin.
    #[must_use]
    pub fn of(tree: &Quoted, outline: &Outline, starts: &[u32], text: &str) -> Self {
        let line_at = |byte: u32| starts.partition_point(|start| *start <= byte) as u32;
        let span = |node: NodeId| {
            let node = tree.node(node);
            let last = node.end.saturating_sub(1).max(node.start);
            (line_at(node.start), line_at(last))
        };
        let clause = |node: NodeId| {
            let (line, end_line) = span(node);
            let nodes = tree.nodes().get(tree.subtree(node)).unwrap_or_default();
            let lines = nodes.iter().map(|node| node.line).filter(|line| *line > 0);
            let (first, last) = lines.fold((u32::MAX, 0), |(first, last), line| {
                (first.min(line), last.max(line))
            });
            ClausePlace {
                line,
                end_line,
                lines: (last + 1).saturating_sub(first),
            }
        };
        Self {
            shape: tree.shape(),
            lines: text.lines().count() as u32,
            bytes: text.len() as u32,
            errors: None,
            modules: outline.modules.iter().map(|module| span(module.node)).collect(),
            clauses: outline.clauses.iter().map(|one| clause(one.node)).collect(),
            nodes: tree.nodes().iter().map(|node| node.line).collect(),
        }
    }

    /// The line of a node; 0 if it has none.
    #[must_use]
    pub fn line(&self, node: NodeId) -> u32 {
        self.nodes.get(node.index()).copied().unwrap_or_default()
    }

    /// Their bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(FORMAT);
        to.raw(&self.shape.0);
        to.number(self.lines);
        to.number(self.bytes);
        let (errors, line) = self.errors.unwrap_or_default();
        to.number(errors);
        to.number(line);
        to.count(self.modules.len());
        for (line, end_line) in &self.modules {
            to.number(*line);
            to.number(end_line.saturating_sub(*line));
        }
        to.count(self.clauses.len());
        let mut before = 0;
        for clause in &self.clauses {
            to.number(zigzag(clause.line.wrapping_sub(before)));
            to.number(clause.end_line.saturating_sub(clause.line));
            to.number(clause.lines);
            before = clause.line;
        }
        // Neighbours are mostly on one line: a run is a step and a length.
        let mut before = 0;
        let runs = self.nodes.chunk_by(|a, b| a == b);
        to.count(runs.clone().count());
        for run in runs {
            let line = run.first().copied().unwrap_or_default();
            to.number(zigzag(line.wrapping_sub(before)));
            to.count(run.len());
            before = line;
        }
        to.bytes
    }

    /// Reads what [`Places::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes, BYTES_MAX)?;
        let found = from.byte("the format")?;
        if found != FORMAT {
            return Err(Malformed::Version { found, known: FORMAT });
        }
        let mut shape = ContentId::default();
        shape.0.copy_from_slice(from.raw(16, "the shape")?);
        let lines = from.number("lines")?;
        let bytes = from.number("bytes")?;
        let errors = (from.number("errors")?, from.number("a line")?);
        let mut places = Self {
            shape,
            lines,
            bytes,
            errors: (errors.0 > 0).then_some(errors),
            ..Self::default()
        };
        for _ in 0..from.count(2, "modules")? {
            let line = from.number("a line")?;
            let length = from.number("lines")?;
            places.modules.push((line, line.saturating_add(length)));
        }
        let mut before = 0;
        for _ in 0..from.count(3, "clauses")? {
            let line = unzigzag(from.number("a line")?).wrapping_add(before);
            places.clauses.push(ClausePlace {
                line,
                end_line: line.saturating_add(from.number("lines")?),
                lines: from.number("lines")?,
            });
            before = line;
        }
        let mut before = 0;
        for _ in 0..from.count(2, "runs")? {
            let line = unzigzag(from.number("a line")?).wrapping_add(before);
            let run = from.number("a run")? as usize;
            // A node has a byte of its own, or was put around one that has.
            let most = (places.bytes as usize).min(crate::SOURCE_BYTES_MAX) * 2 + 16;
            if places.nodes.len() + run > most {
                return Err(from.invalid("a run"));
            }
            places.nodes.resize(places.nodes.len() + run, line);
            before = line;
        }
        from.finish()?;
        Ok(places)
    }
}

fn zigzag(step: u32) -> u32 {
    (step << 1) ^ ((step as i32 >> 31) as u32)
}

fn unzigzag(coded: u32) -> u32 {
    (coded >> 1) ^ (coded & 1).wrapping_neg()
}
