//! Clones: code that says the same, or nearly, in several places.
//!
//! Types as in the literature (Roy, Cordy 2007): **I** equal but for layout and comments; **II** equal but for the names
//! of locals, of the function itself, the values of literals, and what means the same in Elixir (pipes, the order of
//! keywords and of a map's keys, `and` and `&&`); **III** alike: at least [`Options::likeness_min`] by Dice's
//! coefficient of their subtrees, candidates by MinHash. Code that depends on its module (`__MODULE__`) is at most of
//! type II with code of another module.

mod find;
mod fragments;
pub(crate) mod minhash;
mod normal;
#[cfg(test)]
mod tests;

pub use find::find;
pub use fragments::{Fragment, FragmentKind};

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Smallest piece of code, in nodes of its quoted form (some 10 a line).
    pub nodes_min: u32,
    /// Least likeness of type III, in thousandths.
    pub likeness_min: u16,
    /// Whether type III is looked for.
    pub near: bool,
    /// Most groups that are reported: the largest ones.
    pub groups_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            nodes_min: 30,
            likeness_min: 560,
            near: true,
            groups_max: 100_000,
        }
    }
}

/// How alike the members of a group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloneType {
    /// Equal but for layout and comments.
    One,
    /// Equal but for names and literals.
    Two,
    /// Alike.
    Three,
}

/// Pieces of code that are clones of one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneGroup {
    /// How alike.
    pub kind: CloneType,
    /// In thousandths: 1000 for types I and II.
    pub likeness: u16,
    /// Indices of its members in [`Clones::fragments`], ascending; two for type III.
    pub members: Vec<u32>,
    /// Whether some member uses `__MODULE__` or `__ENV__`: what it does depends on where it is.
    pub module_dependent: bool,
}

/// What [`find()`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clones {
    /// All pieces of code that were compared: by file and place.
    pub fragments: Vec<Fragment>,
    /// Groups, the largest members first; none lies within one of the same or a stronger type.
    pub groups: Vec<CloneGroup>,
}
