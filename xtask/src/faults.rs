//! `cargo xtask faults`: the long forms of the end-to-end tests, with kills and clocks; `--short` is what the tests run.

use anyhow::Result;

use crate::{machine, run};

#[derive(clap::Args)]
pub struct Args {
    /// The counts that the test suite uses.
    #[arg(long)]
    short: bool,
    /// SIGKILLs of the collector, and of the agent.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// Orders with clocks five minutes apart.
    #[arg(long, default_value_t = 10_000)]
    orders: u32,
    /// Seed of the moments of the kills; printed by each run.
    #[arg(long)]
    seed: Option<u64>,
}

pub fn run(args: &Args) -> Result<()> {
    machine::for_tests()?;
    let mut tests = run::cargo(&[
        "nextest",
        "run",
        "--package",
        "elixirscope",
        "--test",
        "first_light",
        "--test",
        "spans_crash",
        "--no-capture",
        "--no-fail-fast",
        "--profile",
        "faults",
    ]);
    if !args.short {
        tests.env("ELIXIRSCOPE_KILLS", args.kills.to_string());
        tests.env("ELIXIRSCOPE_CRASH_CYCLES", args.kills.to_string());
        tests.env("ELIXIRSCOPE_ORDERS", args.orders.to_string());
    }
    if let Some(seed) = args.seed {
        tests.env("ELIXIRSCOPE_SEED", seed.to_string());
    }
    run::check(&mut tests)
}
