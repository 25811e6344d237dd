//! `index`: commits of git, or the working tree, as versions in the code store.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use codegraph::records::Records;
use repo_sync::git::Repository;
use repo_sync::history::{GitOptions, HistoryProgress, NoFacts, Shelf, index_folder, index_git};
use serde_json::json;

use super::{Common, open};
use crate::client;

/// Time between two lines of progress.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// Arguments of `index`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code index
  elixirscope code index --git main
  elixirscope code index --git v1.7.0..main

Without --git, what the folder has now becomes a version. A commit that is a version already is not read again, so the
same command brings a store up to date, and goes on after it was interrupted.")]
pub(crate) struct IndexArgs {
    /// Commits along first parents: a branch, tag or commit with all before it, or FROM..TO.
    #[arg(long, value_name = "RANGE")]
    git: Option<String>,
    /// Begin again with the oldest commit of the range, though later ones are in the store: for ids that begin there.
    #[arg(long, requires = "git")]
    anew: bool,
}

/// Indexes.
pub(super) fn run(common: &Common, args: &IndexArgs, records: &dyn Records) -> Result<()> {
    let mut shelf = Shelf::new(records)?;
    let Some(range) = &args.git else {
        return folder(common, &mut shelf);
    };
    let options = GitOptions {
        range: range.clone(),
        anew: args.anew,
    };
    let watched = std::io::stderr().is_terminal();
    let mut told = Instant::now();
    let mut progress = |at: HistoryProgress<'_>| {
        if watched && told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            let commit: String = at.commit.id.to_string().chars().take(12).collect();
            client::say(&format!("{} of {} commits, {commit}", at.done, at.total));
        }
    };
    let mut git = Repository::open(&common.project)?;
    let indexed = index_git(&mut shelf, &mut git, &options, &mut NoFacts, &mut progress)?;
    if common.json {
        return open::print(&json!({
            "version": indexed.newest.to_string(),
            "added": indexed.added,
            "known": indexed.known,
            "left_out": indexed.left_out,
        }));
    }
    let mut text = format!(
        "{} commits became versions, {} were; the newest is version {}\n",
        indexed.added, indexed.known, indexed.newest
    );
    if indexed.left_out > 0 {
        let _ = writeln!(
            text,
            "{} commits are older than the oldest version and were left out; to begin with them: --anew",
            indexed.left_out
        );
    }
    client::print(&text)
}

fn folder(common: &Common, shelf: &mut Shelf<'_>) -> Result<()> {
    let worked = index_folder(shelf, &common.project, &mut NoFacts)?;
    for fault in &worked.faults {
        client::say(&fault.to_string());
    }
    if common.json {
        return open::print(&json!({
            "version": worked.version.to_string(),
            "changed": worked.changed,
            "faults": worked.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    }
    client::print(&match worked.changed {
        0 => format!("nothing changed; this is version {}\n", worked.version),
        files => format!("{files} files changed; this is version {}\n", worked.version),
    })
}
