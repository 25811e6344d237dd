//! `cargo xtask accuracy identity`: refactors Elixir's own sources and this repository's mechanically and counts the nids
//! that are lost, then plants clones in them and counts what is missed. An example of `repo-sync`, so that this program
//! depends on nothing of the product.

use anyhow::Result;

use super::corpus;
use crate::run;

/// Elixir's applications whose sources are refactored.
const APPLICATIONS: &[&str] = &["elixir", "mix", "ex_unit", "eex", "iex", "logger"];
/// Where the refactorings strike.
const SEED: &str = "1";

/// Measures.
pub fn run() -> Result<()> {
    let elixir = corpus::elixir()?;
    let mut measure = super::example("accuracy_identity");
    measure.arg(SEED);
    for application in APPLICATIONS {
        measure.arg(elixir.join("lib").join(application).join("lib"));
    }
    measure.arg(run::root().join("beam"));
    super::measured("accuracy-identity", &mut measure)
}
