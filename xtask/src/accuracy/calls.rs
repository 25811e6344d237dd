//! `cargo xtask accuracy calls`: compiles Elixir's own sources and this repository's with a tracer and compares its events
//! with the code graph's edges. The comparison is an example of `repo-sync`, so that this program depends on nothing of
//! the product.

use anyhow::Result;

use super::corpus;
use crate::run;

/// Elixir's applications whose sources are compiled; `elixir` itself last, because its modules are those that compile.
const APPLICATIONS: &[&str] = &["eex", "ex_unit", "iex", "logger", "mix", "elixir"];

/// Compares.
pub fn run() -> Result<()> {
    let elixir = corpus::elixir()?;
    let out = run::target().join("accuracy").join("calls");
    let mut compare = super::example("accuracy_calls");
    compare.arg(&out);
    for application in APPLICATIONS {
        let folder = elixir.join("lib").join(application).join("lib");
        compare.arg(format!("single:{}", folder.display()));
    }
    compare.arg(run::root().join("beam/lib"));
    compare.arg(run::root().join("repo-sync/examples/accuracy_calls/sources"));
    super::measured("accuracy-calls", &mut compare)
}
