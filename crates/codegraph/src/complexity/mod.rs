//! Complexity of functions: cyclomatic, cognitive, ABC, nesting. All count syntax; the rules are in
//! `docs/code-graph/metrics.md`, which changes with this file.
//!
//! Read [`measure`] first, or [`Meter`] for all functions of a file.

mod count;
#[cfg(test)]
mod tests;

use crate::definitions::{Clause, Outline};
use crate::flow::forms::Forms;
use crate::quoted::Quoted;

/// The measures of one function, all clauses and closures together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Complexity {
    /// McCabe's: one and the decisions.
    pub cyclomatic: u32,
    /// `SonarSource`'s: breaks of the linear flow, weighted by nesting.
    pub cognitive: u32,
    /// Fitzpatrick's A: matches that bind.
    pub assignments: u32,
    /// Fitzpatrick's B: calls.
    pub branches: u32,
    /// Fitzpatrick's C: comparisons and arms.
    pub conditions: u32,
    /// The deepest nesting of constructs with arms and of closures.
    pub nesting: u32,
    /// Clauses with a body.
    pub clauses: u32,
    /// Lines from the first of its clauses' nodes to the last, each clause for itself; 0 if the tree has no lines.
    pub lines: u32,
    /// It calls itself.
    pub recursive: bool,
}

impl Complexity {
    /// The length of the vector of A, B and C.
    #[must_use]
    pub fn abc(&self) -> f64 {
        let square = |count: u32| f64::from(count) * f64::from(count);
        (square(self.assignments) + square(self.branches) + square(self.conditions)).sqrt()
    }
}

/// Measures the functions of one tree.
#[derive(Debug)]
pub struct Meter<'t> {
    tree: &'t Quoted,
    outline: &'t Outline,
    forms: Forms,
}

impl<'t> Meter<'t> {
    /// For the functions of this tree; the outline is the tree's.
    #[must_use]
    pub fn new(tree: &'t Quoted, outline: &'t Outline) -> Self {
        Self {
            tree,
            outline,
            forms: Forms::of(tree),
        }
    }

    /// The measures of a function, by its index in [`Outline::functions`]; `None` if there is no such.
    #[must_use]
    pub fn function(&self, function: u32) -> Option<Complexity> {
        let found = self.outline.functions.get(function as usize)?;
        let clauses = found.clauses.iter();
        let clauses: Vec<&Clause> = clauses
            .filter_map(|clause| self.outline.clauses.get(*clause as usize))
            .collect();
        Some(count::count(self.tree, &self.forms, found, &clauses))
    }
}

/// The measures of one function, by its index in [`Outline::functions`]. For many functions of a tree use a [`Meter`].
#[must_use]
pub fn measure(tree: &Quoted, outline: &Outline, function: u32) -> Option<Complexity> {
    Meter::new(tree, outline).function(function)
}
