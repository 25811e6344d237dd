//! `diff`: what differs between two versions, by entity: added, removed, renamed, moved, edited, extracted.

use std::fmt::Write as _;

use anyhow::Result;
use codegraph::identity::EntityKind;
use codegraph::lineage::LineageKind;
use codegraph::records::Records;
use repo_sync::history::{Difference, Named, Shelf, compare, revision};
use serde_json::{Value, json};

use super::history::word;
use super::table::Table;
use super::{Common, open};
use crate::client;

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code diff v1.7.0 main
  elixirscope code diff 41b0c8 f00dfe --json

Versions are named as git names commits (main, v1.0, HEAD~3), or by the beginning of a version's id. They must be in the
store: elixirscope code index --git main")]
pub(crate) struct DiffArgs {
    /// The old version.
    old: String,
    /// The new version.
    new: String,
}

/// Answers.
pub(super) fn run(common: &Common, args: &DiffArgs, records: &dyn Records) -> Result<()> {
    let mut shelf = Shelf::new(records)?;
    let old = revision(&shelf, &common.project, &args.old)?.version;
    let new = revision(&shelf, &common.project, &args.new)?.version;
    let comparison = compare(&mut shelf, old, new)?;
    if common.json {
        return open::print(&json!({
            "old": old.to_string(),
            "new": new.to_string(),
            "files": comparison.files,
            "related": comparison.related,
            "unreadable": comparison.unreadable,
            "differences": comparison.differences.iter().map(value).collect::<Vec<_>>(),
        }));
    }
    let mut table = Table::new(&["WHAT", ">SURE", "NAME", "WAS", "PLACE"]);
    for difference in comparison.differences.iter().filter(|one| is_shown(one)) {
        let Some(named) = difference.new.as_ref().or(difference.old.as_ref()) else {
            continue;
        };
        table.row([
            what(difference),
            format!("{}%", difference.confidence / 10),
            named.name.clone(),
            was(difference),
            format!("{}:{}", named.path, named.line),
        ]);
    }
    let mut text = table.text();
    let _ = writeln!(text, "{} files differ", comparison.files);
    for path in &comparison.unreadable {
        let _ = writeln!(
            text,
            "{path} cannot be read in {}: what is in it is left out",
            args.new
        );
    }
    if !comparison.related {
        let _ = writeln!(
            text,
            "{} does not lead to {}: what is on one side only is not said where it came from",
            args.old, args.new
        );
    }
    client::print(&text)
}

/// A file or module that is edited says no more than what is in it; it is in the JSON.
fn is_shown(difference: &Difference) -> bool {
    let kind = difference
        .new
        .as_ref()
        .or(difference.old.as_ref())
        .map(|named| named.kind);
    kind == Some(EntityKind::Function) || difference.kinds != [LineageKind::Edited]
}

fn what(difference: &Difference) -> String {
    let sides = (&difference.old, &difference.new);
    match (sides, &difference.other) {
        ((None, _), Some((kind, name))) => format!("{} from {name}", word(*kind)),
        ((None, _), None) => "added".to_owned(),
        ((_, None), Some((kind, name))) => format!("{} into {name}", word(*kind)),
        ((_, None), None) => "removed".to_owned(),
        _ => {
            let kinds = difference.kinds.iter().map(|kind| word(*kind));
            kinds.collect::<Vec<_>>().join(", ")
        }
    }
}

/// The old name, if it is another.
fn was(difference: &Difference) -> String {
    match (&difference.old, &difference.new) {
        (Some(old), Some(new)) if old.name != new.name => old.name.clone(),
        _ => String::new(),
    }
}

fn value(difference: &Difference) -> Value {
    let side = |named: &Named| json!({ "name": named.name, "file": named.path, "line": named.line });
    let named = difference.new.as_ref().or(difference.old.as_ref());
    let kinds: Vec<&str> = match (&difference.old, &difference.new) {
        (None, _) => vec!["added"],
        (_, None) => vec!["removed"],
        _ => difference.kinds.iter().map(|kind| word(*kind)).collect(),
    };
    json!({
        "entity": named.map(|named| named.entity.to_string()),
        "is": named.map(|named| format!("{:?}", named.kind).to_lowercase()),
        "kinds": kinds,
        "lineage": difference.other.as_ref().map(|(kind, name)| json!({ "kind": word(*kind), "name": name })),
        "confidence": f64::from(difference.confidence) / 1000.0,
        "old": difference.old.as_ref().map(side),
        "new": difference.new.as_ref().map(side),
    })
}
