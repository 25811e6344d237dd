//! Local facts of a file: what can be said of it without looking at any other, as a record of the code store.
//!
//! [`LocalFacts`] follow from the shape of the tree alone and name nodes by number; [`Places`] say where these nodes are in
//! one source text. Many texts (other comments, another layout) share the same facts.

mod facts;
mod places;
#[cfg(test)]
mod tests;

pub use facts::{LocalClause, LocalFacts, LocalFunction, LocalModule};
pub use places::{ClausePlace, Places};
