//! `watch`: keeps the graph, its store and its search index in step with the files as they are edited.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use repo_sync::project::{LiveProject, Refreshed};
use repo_sync::watch::{Batch, Watch, WatchOptions};
use serde_json::json;

use super::behind::Behind;
use super::{Common, kept, open};
use crate::client;

/// Arguments of `watch`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code watch
  elixirscope code watch --project path/to/shop --json

While it runs, other questions about the project are answered from what it keeps. Stop it with Ctrl+C.")]
pub(crate) struct WatchArgs {
    /// Stop after so many changes; 0: never.
    #[arg(long, default_value_t = 0, value_name = "N")]
    changes: u64,
}

/// A wait without changes; then it is looked whether the watching still stands.
const WAIT: Duration = Duration::from_secs(1);

/// Watches until it is stopped.
pub(super) fn run(common: &Common, args: &WatchArgs) -> Result<()> {
    // Watching first, so that nothing falls between.
    let options = WatchOptions {
        tests: common.tests,
        ..WatchOptions::default()
    };
    let watch = Watch::start(&common.project, &options)?;
    let (mut live, records) = open::live(common)?;
    if let Some(why) = watch.polling() {
        client::say(&format!("all files are looked at every second: {why}"));
    }
    if let Some(why) = records.as_ref().and_then(|records| records.read_only()) {
        client::say(&format!("what changes is not kept: {why}"));
    }
    ready(&live, common.json)?;
    let behind = match records.as_ref().zip(live.head()) {
        Some((records, head)) => {
            let (store, head) = (records.path().to_owned(), head.to_owned());
            let open = move || kept::open(&store, &head);
            Some(Behind::start(open, live.project().clone()))
        }
        None => None,
    };
    let mut changes = 0;
    loop {
        let Some(batch) = watch.next(WAIT)? else {
            continue;
        };
        let started = Instant::now();
        let (found, why) = match &batch {
            Batch::Files(paths) => (live.refresh_paths(paths)?, None),
            Batch::Everything(why) => (live.refresh()?, Some(why.words())),
        };
        if found.is_same() {
            continue;
        }
        tell(&live, &found, why, started.elapsed(), common.json)?;
        if let Some(behind) = &behind {
            behind.changed(live.project(), &found);
        }
        if let Err(fault) = live.save() {
            client::say(&format!("not kept: {fault}"));
        }
        changes += 1;
        if changes == args.changes {
            return behind.map_or(Ok(()), Behind::finish);
        }
    }
}

fn ready(live: &LiveProject, json: bool) -> Result<()> {
    let project = live.project();
    let (files, lines) = (project.files().len(), project.reading().lines);
    let seconds = project.reading().seconds;
    if json {
        let ready = json!({ "event": "ready", "files": files, "lines": lines, "seconds": seconds });
        return client::print(&format!("{ready}\n"));
    }
    client::print(&format!(
        "watching {}: {files} files, {lines} lines, read in {seconds:.2} s\n",
        project.root().display()
    ))
}

fn tell(live: &LiveProject, found: &Refreshed, why: Option<&str>, took: Duration, json: bool) -> Result<()> {
    let project = live.project();
    let milliseconds = took.as_secs_f64() * 1e3;
    let faults: Vec<String> = project
        .faults()
        .iter()
        .filter(|fault| found.changed.contains(&fault.path))
        .map(ToString::to_string)
        .collect();
    if json {
        let change = json!({
            "event": "changed",
            "changed": found.changed,
            "gone": found.gone,
            "why": why,
            "parsed": found.parsed,
            "facts_computed": found.measured,
            "linked": found.linked,
            "faults": faults,
            "milliseconds": milliseconds,
        });
        return client::print(&format!("{change}\n"));
    }
    let named = |paths: &[String]| match paths {
        [one] => one.clone(),
        many => format!("{} files", many.len()),
    };
    let mut line = match (found.changed.is_empty(), found.gone.is_empty()) {
        (false, true) => format!("changed {}", named(&found.changed)),
        (true, false) => format!("gone {}", named(&found.gone)),
        _ => format!("changed {}, gone {}", named(&found.changed), named(&found.gone)),
    };
    if let Some(why) = why {
        let _ = write!(line, " ({why})");
    }
    let _ = writeln!(
        line,
        ": {} parsed, facts of {} computed, {} linked, {milliseconds:.1} ms",
        found.parsed, found.measured, found.linked
    );
    for fault in faults {
        let _ = writeln!(line, "  {fault}");
    }
    client::print(&line)
}
