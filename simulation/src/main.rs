//! Runs seeds and prints what they showed, in words and, a JSON object a line, in figures (`cargo xtask sim`, `cargo xtask planted`).

mod figures;

use clap::{Parser, Subcommand};
use simulation::plant::{ELSEWHERE, PLANTS, Plant};
use simulation::run::{run, run_in_words};
use std::io::{self, Write};
use std::process::ExitCode;

/// The cluster in one thread.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs seeds, one after the other.
    Sim {
        /// How many.
        #[arg(long, default_value_t = 300)]
        seeds: u64,
        /// The first.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Plants each mistake, and runs seeds until it is found.
    Planted {
        /// Seeds at most for each.
        #[arg(long, default_value_t = 2_000)]
        seeds: u64,
        /// The first.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Only those whose names have this.
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Runs one seed and says all that happened.
    Words {
        /// Which.
        seed: u64,
        /// With a mistake planted, by its name.
        #[arg(long)]
        plant: Option<String>,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Sim { seeds, seed } => sim(seed, seeds),
        Command::Planted { seeds, seed, only } => planted(seed, seeds, &only),
        Command::Words { seed, plant } => words(seed, plant.as_deref()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn sim(seed: u64, seeds: u64) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    let mut sum = figures::Sum::default();
    for seed in seed..seed.saturating_add(seeds) {
        let outcome = run(seed, None);
        if let Some(violation) = &outcome.violation {
            writeln!(out, "seed {seed}: {}: {}", violation.invariant, violation.seen)?;
        }
        sum.add(&outcome);
    }
    sum.print(&mut out, seed, seeds)?;
    Ok(sum.violated == 0)
}

fn planted(seed: u64, seeds: u64, only: &str) -> io::Result<bool> {
    let plants: Vec<_> = PLANTS.iter().filter(|(name, _)| name.contains(only)).collect();
    let mut out = io::stdout().lock();
    let mut found = 0u64;
    writeln!(out, "{:<36} {:>6}  invariant", "planted", "seed")?;
    for (name, plant) in &plants {
        let by = (seed..seed.saturating_add(seeds))
            .find_map(|seed| run(seed, Some(*plant)).violation.map(|v| (seed, v)));
        match by {
            Some((seed, violation)) => {
                found += 1;
                writeln!(out, "{name:<36} {seed:>6}  {}", violation.invariant)?;
            }
            None => writeln!(
                out,
                "{name:<36} {:>6}  NOT FOUND in {seeds} seeds from {seed}",
                "-"
            )?,
        }
        out.flush()?;
    }
    for (name, why) in ELSEWHERE {
        writeln!(out, "{name:<36} {:>6}  {why}", "-")?;
    }
    figures::figure(
        &mut out,
        "planted mistakes found",
        found,
        "mistakes",
        Some((plants.len() as u64, true)),
    )?;
    Ok(found == plants.len() as u64)
}

fn words(seed: u64, plant: Option<&str>) -> io::Result<bool> {
    let by_name = |name: &str| PLANTS.iter().find(|(n, _)| *n == name).map(|(_, p)| *p);
    let plant: Option<Plant> = plant.and_then(by_name);
    let (outcome, lines) = run_in_words(seed, plant);
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{outcome:#?}")?;
    Ok(outcome.violation.is_none())
}
