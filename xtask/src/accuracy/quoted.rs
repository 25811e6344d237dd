//! `cargo xtask accuracy quoted`: runs the comparison, which is an example of `repo-sync` so that this program depends on
//! nothing of the product.

use std::path::Path;

use anyhow::Result;

use super::corpus;
use crate::run;

/// Compares Elixir's sources and this repository's own, or the projects of a corpus.
pub fn run(folder: Option<&Path>) -> Result<()> {
    let mut compare = super::example("accuracy_quoted");
    if let Some(folder) = folder {
        compare.args(corpus::projects(folder)?);
        return super::measured("accuracy-quoted-corpus", &mut compare);
    }
    compare.arg(corpus::elixir()?).arg(run::root().join("beam"));
    super::measured("accuracy-quoted", &mut compare)
}
