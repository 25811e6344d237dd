//! `elixirscope`: one binary, a subcommand a role. Thin: it wires the roles together and translates questions to HTTP.

mod agent_role;
mod all_spans;
mod api;
mod ask;
mod certificates;
mod checks;
mod client;
mod cluster;
mod cluster_checks;
mod code;
mod code_blobs;
mod collector_role;
mod config;
mod control_plane;
mod coordinator_role;
mod doctor;
mod doors;
mod export;
mod jaeger;
mod lacks;
mod last_manifest;
mod log;
mod member;
mod member_args;
mod process;
mod routes;
mod serving;
mod sync;
mod tempo;
mod token;
mod turns;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Distributed traces of BEAM clusters, down to the clause and the value, in the code that ran.
#[derive(Debug, Parser)]
#[command(name = "elixirscope", version, about, args_override_self = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything in one process: coordinator, collector and agent, with one data folder.
    Up(up::Args),
    /// Run an agent alone, beside BEAM nodes, for a collector elsewhere.
    Agent(agent_role::Args),
    /// Run a coordinator alone: one of three or five that agree on members, shards and versions.
    Coordinator(coordinator_role::Args),
    /// Run a collector that joins a cluster: it takes in, keeps and answers, and only follows what the coordinators agree.
    Collector(collector_role::Args),
    /// Show a cluster's members, who leads, who holds what; take a member out.
    Cluster(cluster::Args),
    /// Index a project's sources and publish the version, so that events resolve to its code.
    Sync(sync::Args),
    /// Ask about a project's code: who calls what, what a change reaches, what is dead. Needs no server.
    Code(code::Args),
    /// List traces, newest first.
    Traces(ask::TracesArgs),
    /// Show one trace over all nodes: calls, clauses, values, places in the source.
    Trace(ask::TraceArgs),
    /// Make, list and revoke the tokens of the doors.
    Token(token::Args),
    /// Check a settings file, show what a role would run with, write the reference of all settings.
    Config(config::ConfigArgs),
    /// Show what a running process logs, or let it log more for a while.
    Log(log::Args),
    /// Check the installation and say what to do about what is wrong.
    Doctor(doctor::Args),
}

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let args: Args = match config::parse(&Args::command(), &words) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let result = match args.command {
        Command::Up(args) => up::run(args),
        Command::Agent(args) => agent_role::run(args),
        Command::Coordinator(args) => coordinator_role::run(args),
        Command::Collector(args) => collector_role::run(args),
        Command::Cluster(args) => cluster::run(&args),
        Command::Sync(args) => sync::run(&args),
        Command::Code(args) => code::run(&args),
        Command::Traces(args) => ask::traces(&args),
        Command::Trace(args) => ask::trace(&args),
        Command::Token(args) => token::run(&args),
        Command::Config(args) => config::run::<Args>(&args),
        Command::Log(args) => log::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            client::complain(&error);
            ExitCode::FAILURE
        }
    }
}
