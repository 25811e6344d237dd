//! `elixirscope code`: questions about a project's code graph, answered from its sources. Needs no server.

mod behind;
mod build;
mod calls;
mod diff;
mod entities;
mod export;
mod gc;
mod history;
mod index;
mod kept;
mod list;
mod matches;
mod metrics;
mod open;
mod picture;
mod places;
mod reach;
mod search;
mod show;
mod since;
mod store;
mod structure;
pub(crate) mod table;
mod tables;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;
use entities::Entities;

/// Arguments of `code`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  elixirscope code status
  elixirscope code functions reserve --project path/to/shop
  elixirscope code callers Shop.Stock.reserve/2 --depth 3
  elixirscope code show Shop.Stock.reserve/2 --cfg --svg > reserve.svg
  elixirscope code impact Shop.Stock.reserve/2 --json
  elixirscope code callers Shop.Stock.reserve/2 --at v1.7.0

A function is written Shop.Stock.reserve/2, or Shop.Stock.reserve for all numbers of arguments; an Erlang one :maps.keys/1.";

/// What all questions take.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// The project's root: the folder with its mix.exs.
    #[arg(long, global = true, default_value = ".", value_name = "PATH")]
    project: PathBuf,
    /// Also the sources under test/.
    #[arg(long, global = true)]
    tests: bool,
    /// Ask about the project as it was: a commit, branch or tag as git writes it (HEAD~3), or a version's id; default:
    /// what the folder has now.
    #[arg(long, global = true, value_name = "REVISION")]
    at: Option<String>,
    /// As JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    build: build::BuildArgs,
    #[command(flatten)]
    store: store::StoreArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What was read: files, lines, modules, functions, calls, faults; what is kept of it.
    Status,
    /// Keep the graph in step with the files while they are edited.
    Watch(watch::WatchArgs),
    /// Make commits of git, or what the folder has now, versions in the store.
    Index(index::IndexArgs),
    /// What became of a function or module, through renames and moves.
    History(history::HistoryArgs),
    /// What differs between two versions, by function: added, removed, renamed, moved, edited, extracted.
    Diff(diff::DiffArgs),
    /// Remove from the store what no project, branch or version leads to any more.
    Gc(gc::GcArgs),
    /// List the modules, with what they are.
    Modules(list::ModulesArgs),
    /// List the functions.
    Functions(list::FunctionsArgs),
    /// Show a function's source, control flow, data flow, syntax, or what macros made of it.
    Show(show::Args),
    /// Who calls a function, also by messages and captures.
    Callers(calls::Args),
    /// What a function calls, also by messages and captures.
    Callees(calls::Args),
    /// What may feel a change of a function or module, the nearest first.
    Impact(reach::ImpactArgs),
    /// How one function leads to another.
    Path(reach::PathArgs),
    /// What a line depends on, or what depends on it.
    Slice(places::SliceArgs),
    /// Complexity of functions, callers, callees, PageRank.
    Metrics(metrics::MetricsArgs),
    /// Functions that nothing calls, and how sure that is.
    Dead(metrics::DeadArgs),
    /// Code that is written several times.
    Clones(places::ClonesArgs),
    /// Write the code graph for other tools: a JSON document a module, a SCIP index.
    Export(export::ExportArgs),
    /// Find functions, modules and types by words of their names, documentation and code.
    Search(search::Args),
    /// Code found by example: a pattern in Elixir.
    Match(matches::Args),
}

impl Command {
    /// Whether it can be asked of a version.
    fn is_of_a_version(&self) -> bool {
        !matches!(
            self,
            Self::Watch(_) | Self::Gc(_) | Self::Index(_) | Self::Diff(_)
        )
    }
}

/// Answers.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let common = &args.common;
    if common.at.is_some() && !args.command.is_of_a_version() {
        bail!("--at is for questions: index, watch, gc and diff are not about one version");
    }
    // These need no project in memory.
    match &args.command {
        Command::Watch(args) => watch::run(common, args)?,
        Command::Gc(args) => gc::run(common, args)?,
        Command::Index(args) => index::run(common, args, &common.store.required()?)?,
        Command::History(args) => history::run(common, args, &common.store.required()?)?,
        Command::Diff(args) => diff::run(common, args, &common.store.required()?)?,
        _ => return of_project(args),
    }
    Ok(ExitCode::SUCCESS)
}

/// Answers what is about the project as it is now.
fn of_project(args: &Args) -> Result<ExitCode> {
    let common = &args.common;
    let json = common.json;
    let (live, records) = open::live(common)?;
    let (project, head) = (live.project().clone(), live.head().map(str::to_owned));
    drop(live);
    let names_entities = matches!(&args.command, Command::Functions(_) | Command::Show(_));
    let mut entities = if json && names_entities {
        Entities::of(&project, records.as_ref())?
    } else {
        Entities::NONE
    };
    match &args.command {
        Command::Watch(_) | Command::Gc(_) | Command::Index(_) | Command::History(_) | Command::Diff(_) => {
            Ok(())
        }
        Command::Status => list::status(&project, records.as_ref(), json),
        Command::Modules(args) => list::modules(&project, args, json),
        Command::Functions(args) => list::functions(&project, args, &mut entities, json),
        Command::Show(args) => show::run(&project, args, &mut entities, json),
        Command::Callers(args) => calls::run(&project, args, calls::Way::Callers, json),
        Command::Callees(args) => calls::run(&project, args, calls::Way::Callees, json),
        Command::Impact(args) => match &args.since {
            Some(since) => since::run(common, &project, args, since, records.as_ref()),
            None => reach::impact(&project, args, json),
        },
        Command::Path(args) => reach::path(&project, args, json),
        Command::Slice(args) => places::slice(&project, args, json),
        Command::Metrics(args) => metrics::metrics(&project, args, json),
        Command::Dead(args) => metrics::dead(&project, args, json),
        Command::Clones(args) => places::clones(&project, args, json),
        Command::Export(args) => export::run(&project, args, records.as_ref(), json),
        Command::Search(args) => {
            // Of a version no index is kept: it would grow with each that is asked about.
            let kept = records.as_ref().zip(head.as_deref());
            search::run(&project, args, kept, json)
        }
        Command::Match(args) => matches::run(&project, args, json),
    }?;
    Ok(ExitCode::SUCCESS)
}
