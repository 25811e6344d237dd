//! What source text is lowered to, a test a rule.

mod shapes;

use codegraph::quoted::{Kind, Quoted};

use super::{Lowered, Lowerer};

/// Lowers a text that has no errors.
#[track_caller]
fn lower(source: &str) -> Quoted {
    let Lowered { quoted, errors } = Lowerer::new().unwrap().lower(source);
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
