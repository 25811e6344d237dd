//! `cargo xtask accuracy quoted`: runs the comparison, which is an example of `repo-sync` so that this program depends on
//! nothing of the product.

use anyhow::{Result, bail};
use serde_json::Value;

use super::corpus;
use crate::{report, run};

/// Compares Elixir's sources and this repository's own.
pub fn run() -> Result<()> {
    let elixir = corpus::elixir()?;
    let mut compare = run::cargo(&[
        "run",
        "-q",
        "-p",
        "repo-sync",
        "--example",
        "accuracy_quoted",
        "--",
    ]);
    compare.arg(elixir).arg(run::root().join("beam"));
    let printed = run::output(&mut compare)?;
    let (figures, lines): (Vec<&str>, Vec<&str>) = printed.lines().partition(|line| line.starts_with('{'));
    for line in lines {
        println!("{line}");
    }
    let figures = figures
        .into_iter()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Value>, _>>()?;
    if figures.is_empty() {
        bail!("the comparison printed no figures");
    }
    report::figures("accuracy-quoted", figures)
}
