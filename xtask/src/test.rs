//! `cargo xtask test`: all tests, Rust and Elixir.

use anyhow::{Context, Result, bail};

use crate::{machine, run};

#[derive(clap::Args)]
pub struct Args {
    /// Run only the Rust tests.
    #[arg(long, conflicts_with = "beam")]
    rust: bool,
    /// Run only the Elixir tests.
    #[arg(long)]
    beam: bool,
}

/// Runs every suite, also if one before it failed.
pub fn run(args: &Args) -> Result<()> {
    machine::for_tests()?;
    let mut failed = Vec::new();
    let mut suite = |name: &str, outcome: Result<()>| {
        if let Err(error) = outcome {
            failed.push(format!("{name}: {error:#}"));
        }
    };
    if !args.rust {
        suite("beam", beam("beam"));
        suite("beam/demo", beam("beam/demo"));
    }
    if !args.beam {
        suite("rust", rust());
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!("{}", failed.join("; "))
}

/// The whole workspace at once: a part of it would resolve other features, and RocksDB be built again.
fn rust() -> Result<()> {
    run::check(&mut run::cargo(&[
        "nextest",
        "run",
        "--workspace",
        "--no-fail-fast",
    ]))
}

/// ExUnit of one Mix project, built outside the source tree. Some tests race real nodes and sockets for time on a busy
/// machine: what failed runs once more, alone, and is reported as unsteady if it then holds; a second failure counts.
fn beam(project: &str) -> Result<()> {
    let build = run::mix_build(&format!("beam-test/{}", project.replace('/', "-")))?;
    let mix = |args: &[&str]| {
        let mut mix = run::command("mix", args);
        mix.current_dir(run::root().join(project))
            .env("MIX_ENV", "test")
            .env("MIX_BUILD_PATH", &build);
        run::check(&mut mix)
    };
    let Err(first) = mix(&["test"]) else { return Ok(()) };
    mix(&["test", "--failed"]).with_context(|| format!("{first:#}, and again alone"))?;
    eprintln!("unsteady: tests of {project} failed among others and passed alone; see above");
    Ok(())
}
