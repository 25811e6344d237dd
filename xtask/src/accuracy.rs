//! `cargo xtask accuracy`: what the code graph says against what Elixir itself says, printed and written to
//! `target/report/accuracy-<name>.json`.

mod calls;
pub mod corpus;
mod identity;
mod quoted;
mod search;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::{machine, report, run};

#[derive(clap::Args)]
pub struct Args {
    /// What to compare.
    #[arg(value_enum)]
    what: What,
    /// For `quoted`: a folder whose subfolders are the projects to compare, instead of Debian's sources of Elixir.
    /// `xtask/corpus.txt` names those that docs/code-graph/corpus.md has figures of.
    #[arg(long, value_name = "FOLDER")]
    corpus: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// The quoted form of source text, against `Code.string_to_quoted`, over Elixir's own sources.
    Quoted,
    /// Call edges and anchors, against the compiler's own tracer and parser, over Elixir's own sources.
    Calls,
    /// Nids that refactorings keep and clones that are found, over Elixir's own sources.
    Identity,
    /// Code search, asked for functions of Elixir's own sources, against plain BM25.
    Search,
}

pub fn run(args: &Args) -> Result<()> {
    if args.corpus.is_some() && !matches!(args.what, What::Quoted) {
        bail!("--corpus is for `quoted` only");
    }
    machine::for_accuracy()?;
    match args.what {
        What::Quoted => quoted::run(args.corpus.as_deref()),
        What::Calls => calls::run(),
        What::Identity => identity::run(),
        What::Search => search::run(),
    }
}

/// An example of `repo-sync`, to be given its arguments.
fn example(name: &str) -> Command {
    run::cargo(&["run", "-q", "-p", "repo-sync", "--example", name, "--"])
}

/// Runs a comparison: its figures are reported, its other lines shown.
fn measured(name: &str, comparison: &mut Command) -> Result<()> {
    let printed = run::output(comparison)?;
    for line in printed.lines().filter(|line| !line.starts_with('{')) {
        println!("{line}");
    }
    report::printed(name, &printed)
}
