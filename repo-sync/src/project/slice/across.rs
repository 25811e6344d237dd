//! Slices of a whole project, forward and backward: through calls, messages, replies and the state of processes.

use std::collections::BTreeMap;

use codegraph::fact::Confidence;
use codegraph::flow::{Evidence, Program};
use codegraph::graph::Direction;
use codegraph::quoted::NodeId;

use super::{SliceDirection, SliceRefused, otp};
use crate::project::CodeProject;

/// What a slice may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceBudget {
    /// Functions that are looked at, the nearest first.
    pub functions_max: usize,
    /// Expressions that the slice may hold.
    pub nodes_max: usize,
}

impl Default for SliceBudget {
    /// 2,000 functions, 200,000 expressions: about a second.
    fn default() -> Self {
        Self {
            functions_max: 2_000,
            nodes_max: 200_000,
        }
    }
}

/// A line of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceLine {
    /// The line, from 1.
    pub line: u32,
    /// Why it is in the slice.
    pub evidence: Evidence,
    /// How sure the way there is at its least sure step.
    pub confidence: Confidence,
    /// File (index) and line of the step before; `None` where the slice begins.
    pub from: Option<(u32, u32)>,
}

/// What of one function is in a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionSlice {
    /// Its file, an index into [`CodeProject::files`].
    pub file: u32,
    /// Its index in the file's outline.
    pub in_outline: u32,
    /// Its node; `None` if its name is computed.
    pub node: Option<u32>,
    /// By line.
    pub lines: Vec<SliceLine>,
}

/// A slice of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectSlice {
    /// The function that was asked about first, then by file and place.
    pub functions: Vec<FunctionSlice>,
    /// There are more functions that could have been looked at than the budget allows.
    pub cut_functions: bool,
    /// The slice has more expressions than the budget allows.
    pub cut_nodes: bool,
}

impl CodeProject {
    /// The slice of the expression at a place, as [`super::FileSource::slice`] finds it: what its value is made of and
    /// what decides whether it is computed, or what depends on it.
    pub fn slice(
        &self,
        file: u32,
        line: u32,
        column: Option<u32>,
        direction: SliceDirection,
        budget: &SliceBudget,
    ) -> Result<ProjectSlice, SliceRefused> {
        let (function, node) = self.source(file)?.expression(line, column)?;
        let loaded = self.load_around((file, function), budget.functions_max.max(1))?;
        let Some(start) = loaded.by_written.get(&(file, function)).copied() else {
            return Err(SliceRefused::NoFunction(line));
        };
        let wires = otp::wires(self, &loaded);
        let program = Program::sure(&loaded.flows, |from, call| {
            let source = loaded.source(from)?;
            let (node, sure) = self.called_by(*loaded.nodes.get(from as usize)?, &source.tree, call)?;
            Some((loaded.flow_of(self, node)?, sure))
        });
        let (direction, starts) = match direction {
            SliceDirection::Backward => (Direction::Back, vec![(start, node)]),
            // Also what depends on a part of it.
            SliceDirection::Forward => {
                let tree = &loaded.sources[&file].tree;
                let parts = tree.subtree(node).map(|part| (start, NodeId::new(part)));
                (Direction::Out, parts.collect())
            }
        };
        let trace = program.trace(&starts, direction, &wires, budget.nodes_max.max(starts.len()));
        let place = |at: u32| -> Option<(u32, u32, u32)> {
            // What has no syntax of its own (a parameter, a result) is where the step before it is.
            let mut at = at;
            loop {
                let reached = trace.reached.get(at as usize)?;
                if let Some(node) = reached.node {
                    let source = loaded.source(reached.function)?;
                    return Some((reached.function, source.file, source.line_of(node)));
                }
                at = reached.from?;
            }
        };
        let mut found: BTreeMap<u32, BTreeMap<u32, SliceLine>> = BTreeMap::new();
        for (at, reached) in trace
            .reached
            .iter()
            .enumerate()
            .filter(|(_, reached)| reached.node.is_some())
        {
            let Some((function, _, line)) = place(at as u32) else {
                continue;
            };
            // The first step that leads to a line says why it is there.
            found
                .entry(function)
                .or_default()
                .entry(line)
                .or_insert_with(|| SliceLine {
                    line,
                    evidence: reason(&trace.reached, at),
                    confidence: reached.confidence,
                    from: reached.from.and_then(place).map(|(_, file, line)| (file, line)),
                });
        }
        let mut functions: Vec<FunctionSlice> = Vec::with_capacity(found.len());
        for (function, lines) in found {
            let Some((file, in_outline)) = loaded.written.get(function as usize).copied() else {
                continue;
            };
            functions.push(FunctionSlice {
                file,
                in_outline,
                node: loaded
                    .nodes
                    .get(function as usize)
                    .copied()
                    .filter(|node| *node != u32::MAX),
                lines: lines.into_values().collect(),
            });
        }
        functions.sort_by_key(|one| {
            (
                (one.file, one.in_outline) != (file, function),
                one.file,
                one.in_outline,
            )
        });
        Ok(ProjectSlice {
            functions,
            cut_functions: loaded.is_cut,
            cut_nodes: !trace.extent.is_complete(),
        })
    }
}

/// Why an expression is in the slice: where the step before is a parameter or a result as such, what led there.
fn reason(reached: &[codegraph::flow::Reached], at: usize) -> Evidence {
    let own = reached.get(at).map_or(Evidence::Start, |one| one.evidence);
    let before = reached.get(at).and_then(|one| reached.get(one.from? as usize));
    match before {
        Some(before)
            if before.node.is_none() && before.evidence > Evidence::Control && own <= Evidence::Control =>
        {
            before.evidence
        }
        _ => own,
    }
}
