//! `cargo xtask test`: all tests, Rust and Elixir.

use anyhow::{Context, Result};

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

pub fn run(args: &Args) -> Result<()> {
    machine::for_tests()?;
    if !args.rust {
        beam("beam")?;
        beam("beam/demo")?;
    }
    if !args.beam {
        run::check(&mut run::cargo(&["build", "--package", "elixirscope", "--bins"]))?;
        run::check(&mut run::cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--no-fail-fast",
        ]))?;
    }
    Ok(())
}

/// ExUnit of one Mix project, built outside the source tree.
fn beam(project: &str) -> Result<()> {
    let build = run::target().join("beam-test").join(project.replace('/', "-"));
    std::fs::create_dir_all(&build).with_context(|| format!("cannot create {}", build.display()))?;
    let mut mix = run::command("mix", &["test"]);
    mix.current_dir(run::root().join(project))
        .env("MIX_ENV", "test")
        .env("MIX_BUILD_PATH", &build);
    run::check(&mut mix)
}
