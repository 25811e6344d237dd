//! What a line depends on, and what depends on it. [`FileSource::slice`] looks at one file: backward through calls between
//! its functions, forward inside the function. [`CodeProject::slice`](super::CodeProject::slice) goes through the whole
//! project.

mod across;
pub(super) mod loaded;
mod otp;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use codegraph::definitions::Outline;
use codegraph::flow::{Analyzer, Call, Callee, Program};
use codegraph::quoted::{NodeId, Quoted};

pub use across::{FunctionSlice, ProjectSlice, SliceBudget, SliceLine};

use super::FileSource;
use crate::FileFault;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceDirection {
    /// What the value is made of.
    Backward,
    /// What is made of it.
    Forward,
}

/// The lines of one function that are in a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePart {
    /// Its index in the file's outline.
    pub in_outline: u32,
    /// Lines, ascending, from 1.
    pub lines: Vec<u32>,
}

/// Why there is no slice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SliceRefused {
    /// The line is no part of a function's body.
    #[error("line {0} is in no function's body")]
    NoFunction(u32),
    /// There is no expression there.
    #[error("no expression begins on line {0}; say a column with FILE:LINE:COLUMN")]
    NoExpression(u32),
    /// A file that the slice needs cannot be read.
    #[error(transparent)]
    File(#[from] FileFault),
}

impl FileSource {
    /// The slice of the expression at a place: the innermost one at the column, without a column the largest one that
    /// begins on the line. Lines and columns from 1.
    pub fn slice(
        &self,
        line: u32,
        column: Option<u32>,
        direction: SliceDirection,
    ) -> Result<Vec<SlicePart>, SliceRefused> {
        let (function, node) = self.expression(line, column)?;
        let mut analyzer = Analyzer::new(&self.tree, &self.outline);
        let parts = match direction {
            SliceDirection::Forward => {
                let flow = analyzer.function(function);
                let nodes = flow
                    .map(|flow| flow.forward(&self.tree, node))
                    .unwrap_or_default();
                vec![(function, nodes)]
            }
            SliceDirection::Backward => {
                let flows = analyzer.all();
                let callee = |from: u32, call: &Call| called(&self.tree, &self.outline, from, call);
                Program::new(&flows, callee).backward(function, node)
            }
        };
        let part = |(in_outline, nodes): (u32, Vec<NodeId>)| SlicePart {
            in_outline,
            lines: nodes
                .into_iter()
                .map(|node| self.line_of(node))
                .collect::<BTreeSet<u32>>()
                .into_iter()
                .collect(),
        };
        Ok(parts.into_iter().map(part).collect())
    }

    /// The line of the token that a node is named after.
    pub(super) fn line_of(&self, node: NodeId) -> u32 {
        match self.tree.node(node).line {
            0 => self.lines(node).0,
            line => line,
        }
    }

    /// The function and the node of a place.
    pub(super) fn expression(&self, line: u32, column: Option<u32>) -> Result<(u32, NodeId), SliceRefused> {
        let around = |node: NodeId| {
            let (first, last) = self.lines(node);
            (first..=last).contains(&line)
        };
        let clauses = self.outline.clauses.iter();
        // A definition inside another one comes later.
        let clause = clauses.rev().find(|clause| around(clause.node));
        let clause = clause.ok_or(SliceRefused::NoFunction(line))?;
        let head = clause.body.filter(|_| column.is_none()).unwrap_or(clause.node);
        let nodes = self.tree.subtree(head).map(NodeId::new);
        let found = if let Some(column) = column {
            let byte = self.byte_of(line, column);
            let holds = |node: &NodeId| {
                let node = self.tree.node(*node);
                node.start <= byte && byte < node.end
            };
            // A key that the text does not write has the place of what it stands for: `do` that of the whole block.
            nodes.filter(holds).min_by_key(|node| {
                let node = self.tree.node(*node);
                (node.end - node.start, std::cmp::Reverse(node.size))
            })
        } else {
            let begins = |node: &NodeId| self.lines(*node).0 == line;
            nodes.filter(begins).max_by_key(|node| self.tree.node(*node).size)
        };
        let node = found.ok_or(SliceRefused::NoExpression(line))?;
        Ok((clause.function, node))
    }
}

/// The function of the same file that a call calls.
fn called(tree: &Quoted, outline: &Outline, from: u32, call: &Call) -> Option<u32> {
    let from = outline.functions.get(from as usize)?;
    let (module, name) = match call.callee {
        Callee::Local(name) => (from.module, name),
        Callee::Remote(module, name) => {
            let module = outline.expand(tree, module)?;
            let at = outline
                .modules
                .iter()
                .position(|known| known.names.contains(&module))?;
            (u32::try_from(at).ok(), name)
        }
        Callee::Dynamic => return None,
    };
    let arity = u8::try_from(call.arity).ok()?;
    let found = outline
        .functions
        .iter()
        .position(|function| function.module == module && function.name == name && function.takes(arity))?;
    u32::try_from(found).ok()
}
