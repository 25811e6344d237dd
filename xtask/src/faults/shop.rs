//! The end-to-end tests with many kills and orders.

use anyhow::Result;

use crate::run;

/// Runs them; `short` with the counts of the test suite.
pub fn run(short: bool, kills: u32, orders: u32, seed: u64) -> Result<()> {
    let mut tests = run::cargo(&[
        "nextest",
        "run",
        "--package",
        "elixirscope",
        "--test",
        "first_light",
        "--no-capture",
        "--no-fail-fast",
        "--profile",
        "faults",
    ]);
    if !short {
        tests.env("ELIXIRSCOPE_KILLS", kills.to_string());
        tests.env("ELIXIRSCOPE_ORDERS", orders.to_string());
    }
    run::check(tests.env("ELIXIRSCOPE_SEED", seed.to_string()))
}
