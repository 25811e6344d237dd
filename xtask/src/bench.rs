//! `cargo xtask bench`: measurements, printed as tables and written to `target/report/<name>.json`.

mod agent;
mod ingest;
mod load;
mod publish;
mod query;
mod replicas;
mod shop;

pub use load::build;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::accuracy::corpus;
use crate::{machine, report, run};

#[derive(clap::Args)]
pub struct Args {
    /// What to measure.
    #[arg(value_enum)]
    what: What,
    /// Pairs of the shop's comparison.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(5..=500))]
    pairs: u16,
    /// Of `history`: a git repository to measure with, instead of one that is made of Elixir's own sources.
    #[arg(long, value_name = "FOLDER")]
    repository: Option<PathBuf>,
    /// For `code` and `increments`: a folder whose subfolders are the projects to read, instead of Debian's sources of Elixir.
    #[arg(long, value_name = "FOLDER")]
    corpus: Option<PathBuf>,
    /// Of `ingest`, `replicas` and `agent`: seconds of each measurement. With fewer than 60 the figures are a trial.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(2..=7_200))]
    seconds: u16,
    /// Of `query`: millions of spans that are stored.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=1_000))]
    millions: u16,
    /// Of `agent`: a folder of programs that are built already.
    #[arg(long, value_name = "FOLDER")]
    programs: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum What {
    /// The BEAM library: nanoseconds an event for each kind of site, traced, untraced and switched off.
    Beam,
    /// The shop's 99th percentiles: traced against untraced, agent dead against alive.
    Shop,
    /// The graph engine on 100,000 nodes and 1.7 million edges: PageRank, components, impact, decoding.
    Graph,
    /// A project's code graph from Elixir's own sources: lines a second, peak memory.
    Code,
    /// An edit to queryable, a warm open: milliseconds, and what was computed.
    Increments,
    /// The static tables of Elixir's own sources: rows, bytes, seconds, memory; and what DuckDB finds wrong in them.
    Tables,
    /// History in the code store: time a commit, bytes against those of separate indexes.
    History,
    /// Spans over OTLP and events over QUIC into a member: rates, processor time, memory, disk, latencies, conservation.
    Ingest,
    /// Traces and searches over millions of stored spans: latencies, growth, restart.
    Query,
    /// Events into three members with three copies, and into one alone, in turn: processor time of each.
    Replicas,
    /// A one-line change of a project of 400,000 lines, published: bytes sent against the objects that were missing.
    Publish,
    /// An agent beside one idle BEAM node, and beside the shop under load: processor time, peak memory.
    Agent,
}

pub fn run(args: &Args) -> Result<()> {
    if args.corpus.is_some() && !matches!(args.what, What::Code | What::Increments) {
        bail!("--corpus is for `code` and `increments` only");
    }
    if args.programs.is_some() && !matches!(args.what, What::Agent) {
        bail!("--programs is for `agent` only");
    }
    match args.what {
        What::Ingest => ingest::run(args.seconds),
        What::Query => query::run(args.millions),
        What::Publish => publish::run(),
        What::Replicas => replicas::run(args.seconds),
        What::Agent => {
            machine::for_demo()?;
            agent::run(args.seconds, args.programs.as_deref())
        }
        What::Graph => graph(),
        What::Code => {
            machine::for_accuracy()?;
            code(args.corpus.as_deref())
        }
        What::Increments => {
            machine::for_accuracy()?;
            increments(args.corpus.as_deref())
        }
        What::History => {
            machine::for_accuracy()?;
            history(args.repository.as_deref())
        }
        What::Tables => {
            machine::for_accuracy()?;
            machine::for_tables()?;
            tables()
        }
        What::Beam => {
            machine::for_demo()?;
            beam()
        }
        What::Shop => {
            machine::for_demo()?;
            report::figures("shop", shop::figures(args.pairs.into())?)
        }
    }
}

/// Runs the library's own benchmark, which prints one JSON object a figure: `{"name", "value", "unit", "goal"}`.
fn beam() -> Result<()> {
    let dir = run::root().join("beam");
    let build = run::mix_build("beam-bench")?;
    let mut bench = run::command("mix", &["run", "--no-start", "bench/costs.exs", "--json"]);
    bench
        .current_dir(dir)
        .env("MIX_ENV", "prod")
        .env("MIX_BUILD_PATH", build);
    report::printed("beam", &run::output(&mut bench)?)
}

/// Runs the example of `repo-sync` that exports the tables of Elixir's sources.
fn tables() -> Result<()> {
    let mut bench = run::cargo(&["run", "-q", "-p", "repo-sync", "--example", "bench_tables", "--"]);
    let printed = run::output(bench.arg(corpus::elixir()?))?;
    for line in printed.lines().filter(|line| !line.starts_with('{')) {
        println!("{line}");
    }
    report::printed("tables", &printed)
}

/// Runs the graph engine's example, which prints the same.
fn graph() -> Result<()> {
    let mut bench = run::cargo(&["run", "--quiet", "-p", "codegraph", "--example", "bench_graph"]);
    report::printed("graph", &run::output(&mut bench)?)
}

/// Runs the example of `repo-sync` that reads Elixir's sources, or the projects of a corpus.
fn code(folder: Option<&Path>) -> Result<()> {
    let mut bench = run::cargo(&[
        "run",
        "--quiet",
        "-p",
        "repo-sync",
        "--example",
        "bench_code",
        "--",
    ]);
    if let Some(folder) = folder {
        bench.args(corpus::projects(folder)?);
        return report::printed("code-corpus", &run::output(&mut bench)?);
    }
    report::printed("code", &run::output(bench.arg(corpus::elixir()?))?)
}

/// Runs the example of `repo-sync` that edits a project.
fn increments(folder: Option<&Path>) -> Result<()> {
    let args = [
        "run",
        "--quiet",
        "-p",
        "repo-sync",
        "--example",
        "bench_increments",
        "--",
    ];
    let mut bench = run::cargo(&args);
    match folder {
        Some(folder) => bench.args(corpus::projects(folder)?),
        None => bench.arg(corpus::elixir()?),
    };
    report::printed("increments", &run::output(&mut bench)?)
}

/// Runs the example of `repo-sync` that indexes the commits of a repository.
fn history(repository: Option<&Path>) -> Result<()> {
    let args = [
        "run",
        "--quiet",
        "-p",
        "repo-sync",
        "--example",
        "bench_history",
        "--",
    ];
    let mut bench = run::cargo(&args);
    match repository {
        Some(folder) => bench.arg("--repository").arg(folder),
        None => bench.arg(corpus::elixir()?),
    };
    report::printed("history", &run::output(&mut bench)?)
}
