//! Opens the project that a question is about, and finds in it what the question names.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::store::code_records::CodeRecords;
use anyhow::{Result, bail};
use codegraph::VersionId;
use codegraph::records::{Memory, Records};
use repo_sync::history::{Shelf, revision_indexed};
use repo_sync::project::{Asked, CodeProject, LiveProject, ProjectOptions};
use serde_json::{Value, json};

use super::{Common, store};
use crate::client;

/// Steps between two lines of progress.
const PROGRESS_STEPS: usize = 1000;

/// Reads the project, as far as the store does not know it, and keeps what is new there. Progress is told only where a
/// person looks.
pub(super) fn live(common: &Common) -> Result<(LiveProject, Option<CodeRecords>)> {
    let records = common.store.open()?;
    let watched = std::io::stderr().is_terminal();
    let told = AtomicUsize::new(0);
    let progress = |done: usize, total: usize| {
        if watched && done.is_multiple_of(PROGRESS_STEPS) && told.fetch_max(done, Ordering::Relaxed) < done {
            client::say(&format!("read {done} of {total}"));
        }
    };
    let live = if let Some(name) = &common.at {
        at(common, name, records.as_ref(), &progress)?
    } else {
        let shared = store::shared(records.as_ref());
        let build = common.build.open(&common.project, shared.as_deref())?;
        LiveProject::open_built(&common.project, &options(common), shared, build, &progress)?
    };
    if live.project().files().is_empty() {
        bail!(
            "{} has no Elixir sources under lib/ or apps/*/lib/; say --project with the folder of its mix.exs",
            common.project.display()
        );
    }
    keep(&live);
    Ok((live, records))
}

fn options(common: &Common) -> ProjectOptions {
    ProjectOptions {
        tests: common.tests,
        ..ProjectOptions::default()
    }
}

fn keep(live: &LiveProject) {
    if let Err(fault) = live.save() {
        client::say(&format!("what was read is not kept: {fault}"));
    }
}

/// The project as it was at a revision. Without a store its history is read into memory, and forgotten.
pub(super) fn at(
    common: &Common,
    name: &str,
    records: Option<&CodeRecords>,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<LiveProject> {
    let root = &common.project;
    let records = store::shared(records).unwrap_or_else(|| Arc::new(Memory::default()));
    let version = version(&*records, root, name)?;
    let build = common.build.named(root, Some(&*records))?;
    let live = LiveProject::open_at(root, &options(common), records, version, build, progress)?;
    keep(&live);
    Ok(live)
}

/// The version that a revision names, indexed now if it is a commit that the store does not have.
pub(super) fn version(records: &dyn Records, root: &Path, name: &str) -> Result<VersionId> {
    let mut shelf = Shelf::new(records)?;
    let found = revision_indexed(&mut shelf, root, name, &mut |_| {})?;
    if found.added > 0 {
        let commits = if found.added == 1 { "commit" } else { "commits" };
        client::say(&format!(
            "{name} was no version yet: {} {commits} indexed for it",
            found.added
        ));
    }
    Ok(found.version)
}

/// The functions that a name stands for.
pub(super) fn functions(project: &CodeProject, name: &str) -> Result<Vec<u32>> {
    match project.find(name)? {
        Asked::Functions(nodes) => Ok(nodes),
        Asked::Module(_) => {
            bail!(
                "'{name}' is a module; name a function of it, or list them: elixirscope code functions {name}"
            )
        }
    }
}

/// `lib/shop.ex:12`; `-` of what the sources do not hold.
pub(super) fn place(project: &CodeProject, node: u32) -> String {
    match project.place(node) {
        Some((path, line)) => format!("{path}:{line}"),
        None => "-".to_owned(),
    }
}

/// A node's name, file and line, as every answer's JSON has them.
pub(super) fn node(project: &CodeProject, node: u32) -> Value {
    let (file, line) = project.place(node).unzip();
    json!({
        "kind": if project.module(node).is_some() { "module" } else { "function" },
        "name": project.text(node),
        "file": file,
        "line": line,
    })
}

/// Prints JSON.
pub(super) fn print(answer: &Value) -> Result<()> {
    client::print(&format!("{answer:#}\n"))
}
