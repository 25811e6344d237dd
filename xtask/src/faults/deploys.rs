//! Releases side by side in a cluster of three members: every captured literal resolves, at every member, to its own release.

use anyhow::Result;

use crate::run;

/// Runs the end-to-end test of `elixirscope/tests/federation`; `short` with one shop of three nodes instead of two.
pub fn run(short: bool) -> Result<()> {
    let mut test = run::cargo(&[
        "nextest",
        "run",
        "--package",
        "elixirscope",
        "--test",
        "federation",
        "--no-capture",
        "--run-ignored",
        "only",
        "--profile",
        "faults",
    ]);
    if !short {
        test.env("ELIXIRSCOPE_DEPLOYS", "long");
    }
    run::check(&mut test)
}
