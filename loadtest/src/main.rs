//! `loadtest`: open-loop load with HDR histograms. Now: a synthetic BEAM node on an agent's socket. Latency runs from
//! when an event was *due* to when the agent confirmed it as stored, so a stalled agent shows (no coordinated omission;
//! Tene, "How NOT to Measure Latency").

mod node;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Open-loop load for ElixirScope.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, about)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a BEAM node: call and return events in traces of twenty, through an agent's socket.
    Node(NodeArgs),
}

/// Arguments of `node`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NodeArgs {
    /// The agent's socket.
    #[arg(long, env = "ELIXIRSCOPE_SOCKET")]
    pub(crate) socket: PathBuf,
    /// Events a second.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub(crate) rate: u64,
    /// Seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    /// As JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]
fn main() -> ExitCode {
    let Command::Node(args) = Args::parse().command;
    match node::run(&args) {
        Ok(report) => {
            println!("{}", if args.json { report.json() } else { report.text() });
            if report.stored == report.sent {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
