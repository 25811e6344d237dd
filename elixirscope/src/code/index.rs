//! `index`: commits of git, or the working tree, as versions in the code store.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::store::code_records::CodeRecords;
use anyhow::Result;
use codegraph::records::Records;
use repo_sync::git::Repository;
use repo_sync::history::{
    GitOptions, HistoryProgress, NoFacts, Shelf, VersionFacts, index_folder, index_git,
};
use repo_sync::project::{FactsAhead, ProjectOptions};
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
  elixirscope code index --git v1.7.0..main --facts

Without --git, what the folder has now becomes a version. A commit that is a version already is not read again, so the
same command brings a store up to date, and goes on after it was interrupted.")]
pub(crate) struct IndexArgs {
    /// Commits along first parents: a branch, tag or commit with all before it, or FROM..TO.
    #[arg(long, value_name = "RANGE")]
    git: Option<String>,
    /// Begin again with the oldest commit of the range, though later ones are in the store: for ids that begin there.
    #[arg(long, requires = "git")]
    anew: bool,
    /// Also the facts that questions with --at need, so that the first one about each of these versions is as quick as the
    /// next.
    #[arg(long, requires = "git")]
    facts: bool,
}

/// Indexes.
pub(super) fn run(common: &Common, args: &IndexArgs, records: &CodeRecords) -> Result<()> {
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
    let ahead = args.facts.then(|| facts_ahead(common, records));
    let mut ahead = ahead.transpose()?;
    let facts: &mut dyn VersionFacts = match &mut ahead {
        Some(ahead) => ahead,
        None => &mut NoFacts,
    };
    let indexed = index_git(&mut shelf, &mut git, &options, facts, &mut progress)?;
    let made = match &ahead {
        Some(ahead) => {
            ahead.save()?;
            Some(ahead.made())
        }
        None => None,
    };
    if common.json {
        return open::print(&json!({
            "version": indexed.newest.to_string(),
            "added": indexed.added,
            "known": indexed.known,
            "left_out": indexed.left_out,
            "facts": made.map(|made| json!({
                "versions": made.versions,
                "files": made.files,
                "parsed": made.parsed,
                "computed": made.measured,
                "linked": made.linked,
                "seconds": made.took.as_secs_f64(),
            })),
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
    if let Some(made) = made {
        let _ = writeln!(
            text,
            "facts of {} versions in {:.2} s: {} files differ, {} parsed, facts of {} computed, {} linked",
            made.versions,
            made.took.as_secs_f64(),
            made.files,
            made.parsed,
            made.measured,
            made.linked,
        );
    }
    client::print(&text)
}

fn facts_ahead(common: &Common, records: &CodeRecords) -> Result<FactsAhead> {
    let options = ProjectOptions {
        tests: common.tests,
        ..ProjectOptions::default()
    };
    let records: Arc<dyn Records> = Arc::new(records.clone());
    Ok(FactsAhead::new(&common.project, &options, &records)?)
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
