//! `cargo xtask accuracy calls`: compiles Elixir's own sources and this repository's with a tracer and compares its events
//! with the code graph's edges. The comparison is an example of `repo-sync`, so that this program depends on nothing of
//! the product.

use anyhow::{Result, bail};
use serde_json::Value;

use super::corpus;
use crate::{report, run};

/// Elixir's applications whose sources are compiled; `elixir` itself last, because its modules are those that compile.
const APPLICATIONS: &[&str] = &["eex", "ex_unit", "iex", "logger", "mix", "elixir"];

/// Compares.
pub fn run() -> Result<()> {
    let elixir = corpus::elixir()?;
    let out = run::target().join("accuracy").join("calls");
    let mut compare = run::cargo(&[
        "run",
        "-q",
        "-p",
        "repo-sync",
        "--example",
        "accuracy_calls",
        "--",
    ]);
    compare.arg(&out);
    for application in APPLICATIONS {
        let folder = elixir.join("lib").join(application).join("lib");
        compare.arg(format!("single:{}", folder.display()));
    }
    compare.arg(run::root().join("beam/lib"));
    compare.arg(run::root().join("repo-sync/examples/accuracy_calls/sources"));
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
    report::figures("accuracy-calls", figures)
}
