//! `cargo xtask accuracy identity`: refactors Elixir's own sources and this repository's mechanically and counts the nids
//! that are lost, then plants clones in them and counts what is missed. An example of `repo-sync`, so that this program
//! depends on nothing of the product.

use anyhow::{Result, bail};
use serde_json::Value;

use super::corpus;
use crate::{report, run};

/// Elixir's applications whose sources are refactored.
const APPLICATIONS: &[&str] = &["elixir", "mix", "ex_unit", "eex", "iex", "logger"];
/// Where the refactorings strike.
const SEED: &str = "1";

/// Measures.
pub fn run() -> Result<()> {
    let elixir = corpus::elixir()?;
    let mut measure = run::cargo(&[
        "run",
        "-q",
        "-p",
        "repo-sync",
        "--example",
        "accuracy_identity",
        "--",
        SEED,
    ]);
    for application in APPLICATIONS {
        measure.arg(elixir.join("lib").join(application).join("lib"));
    }
    measure.arg(run::root().join("beam"));
    let printed = run::output(&mut measure)?;
    let (figures, lines): (Vec<&str>, Vec<&str>) = printed.lines().partition(|line| line.starts_with('{'));
    for line in lines {
        println!("{line}");
    }
    let figures = figures
        .into_iter()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Value>, _>>()?;
    if figures.is_empty() {
        bail!("the measurement printed no figures");
    }
    report::figures("accuracy-identity", figures)
}
