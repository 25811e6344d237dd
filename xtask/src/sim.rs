//! `cargo xtask sim` and `cargo xtask planted`: the simulation (`docs/replication.md`), its table shown, its figures written to
//! `target/report/sim.json` and `planted.json`.

use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::{report, run};

#[derive(clap::Args)]
pub struct Args {
    /// How many seeds; of `planted`, at most so many for each mistake.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Few seeds, as CI has them.
    #[arg(long)]
    short: bool,
}

pub fn run(args: &Args, what: &str) -> Result<()> {
    let seeds = args.seeds.unwrap_or(match (what, args.short) {
        ("sim", true) => 20,
        ("sim", false) | (_, true) => 1_000,
        (_, false) => 5_000,
    });
    run::check(&mut run::cargo(&["build", "-q", "-p", "simulation"]))?;
    let (seed, seeds) = (args.seed.to_string(), seeds.to_string());
    let mut program = run::cargo(&[
        "run",
        "-q",
        "-p",
        "simulation",
        "--",
        what,
        "--seed",
        &seed,
        "--seeds",
        &seeds,
    ]);
    let ended = program
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the simulation")?;
    let printed = String::from_utf8_lossy(&ended.stdout);
    for line in printed.lines().filter(|line| !line.starts_with('{')) {
        println!("{line}");
    }
    report::printed(what, &printed)?;
    if !ended.status.success() {
        bail!(
            "the simulation found something (`cargo run -p simulation -- words SEED` says all that happened in a seed)"
        );
    }
    if what == "planted" {
        wrong_hash()?;
    }
    Ok(())
}

/// The mistake that belongs to the coordinators: a blob is accepted under a wrong hash.
fn wrong_hash() -> Result<()> {
    let features = ["--features", "coordinator/planted", "--test", "liars"];
    let test = ["nextest", "run", "-p", "coordinator", "-p", "elixirscope"];
    run::check(&mut run::cargo(&[&test[..], &features].concat()))?;
    println!("wrong-hash blob accepted: found");
    Ok(())
}
