//! Finding code by example: a pattern is Elixir itself.
//!
//! | in a pattern | matches |
//! |---|---|
//! | `_` | any one expression |
//! | `x`, any other variable | any one expression, kept under that name; the same name again: an equal expression |
//! | `...` among arguments, elements or statements | any number of them, also none; alone as a body: anything |
//! | `... -> ...` among clauses | any number of clauses |
//! | `%{a: 1}`, `%User{id: x}` | maps and structs that have at least these pairs, in any order |
//! | everything else | itself |
//!
//! `a |> f(b)` and `f(a, b)` are the same, in the pattern and in the code. Positions, comments and parentheses do not
//! matter. Variables of the code are matched by captures and `_` only.

mod compile;
mod equal;
mod find;

pub use compile::PatternFault;
pub use equal::equal;
pub use find::{Capture, Found};

use crate::quoted::Kind;

/// A pattern, made by [`Pattern::compile`]; [`Pattern::find`] looks for it.
#[derive(Clone, Debug)]
pub struct Pattern {
    root: Part,
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Any,
    Capture(String),
    /// Any number; alone: any one.
    Rest,
    Leaf(Kind, Vec<u8>),
    /// A local call, operator or special form by its name.
    Call(String, Vec<Part>),
    /// The callee, then the arguments.
    Apply(Box<Part>, Vec<Part>),
    /// `%{...}` and the inside of `%Name{...}`: at least these, in any order.
    Entries(Vec<Part>),
    List(Vec<Part>),
    /// Of any size: `{:reserve, ...}` is written as a pair and stands for all tuples that begin so.
    Tuple(Vec<Part>),
}
