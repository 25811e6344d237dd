//! `cargo xtask accuracy quoted`: runs the comparison, which is an example of `repo-sync` so that this program depends on
//! nothing of the product.

use anyhow::Result;

use super::corpus;
use crate::run;

/// Compares Elixir's sources and this repository's own.
pub fn run() -> Result<()> {
    let elixir = corpus::elixir()?;
    let mut compare = super::example("accuracy_quoted");
    compare.arg(elixir).arg(run::root().join("beam"));
    super::measured("accuracy-quoted", &mut compare)
}
