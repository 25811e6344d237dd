//! `loadtest`: load with HDR histograms, for ElixirScope and for the stores beside it (`docs/loadtest.md`). Latency runs
//! from when something was *due* to when it was acknowledged, so a server that stalls shows (no coordinated omission;
//! Tene, "How NOT to Measure Latency"). Conservation is checked against what the server then returns.

mod args;
mod ask;
mod audit;
mod find_max;
mod http;
mod load;
mod measure;
mod native;
mod node;
mod node_report;
mod otlp;
mod query;
mod random;
mod report;
mod run;
mod run_native;
mod search;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program")]
fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Node(args) => node::run(&args).map(|report| {
            let text = if args.json { report.json() } else { report.text() };
            (text, report.stored == report.sent)
        }),
        Command::Otlp(args) => run::otlp(&args),
        Command::Quic(args) => run_native::quic(&args),
    };
    match ended {
        Ok((text, conserved)) => {
            println!("{text}");
            if conserved {
                ExitCode::SUCCESS
            } else {
                eprintln!("error: what is stored is not what was sent");
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
