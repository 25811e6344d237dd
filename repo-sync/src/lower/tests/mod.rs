//! What source text is lowered to, a test a rule. Expected texts are what Elixir 1.14 prints.

mod blocks;
mod broken;
mod calls;
mod collections;
mod invariants;
mod literals;
mod misread;
mod operators;
mod positions;
mod properties;
mod quotes;

use codegraph::quoted::{Kind, Quoted};

use super::{Lowered, Lowerer};

/// Lowers a text that has no errors.
#[track_caller]
fn lower(source: &str) -> Quoted {
    let Lowered { quoted, errors, .. } = Lowerer::new().unwrap().lower(source);
    assert_eq!(errors, []);
    assert!(quoted.nodes().iter().all(|node| node.kind != Kind::Error));
    quoted
}

/// The whole text's quoted form, as text.
#[track_caller]
fn show(source: &str) -> String {
    let quoted = lower(source);
    quoted.show(quoted.root().unwrap())
}

/// Whether two texts have the same quoted form, positions aside.
#[track_caller]
fn same(source: &str, other: &str) {
    assert_eq!(show(source), show(other));
}
