//! `impact --since`: the functions that differ since a revision, and what they reach.

use std::fmt::Write as _;

use ::store::code_records::CodeRecords;
use anyhow::Result;
use repo_sync::project::{Changed, ChangedFunction, CodeProject};
use serde_json::{Value, json};

use super::reach::{ImpactArgs, reached, reached_text, reached_value};
use super::table::Table;
use super::{Common, open};
use crate::client;

/// Answers.
pub(super) fn run(
    common: &Common,
    project: &CodeProject,
    args: &ImpactArgs,
    since: &str,
    records: Option<&CodeRecords>,
) -> Result<()> {
    let live = open::at(common, since, records, &|_, _| {})?;
    let old = live.project();
    let changed = project.changed_since(old);
    let nodes: Vec<u32> = changed.iter().filter_map(|one| one.node).collect();
    let impact = reached(project, args, &nodes);
    if common.json {
        let mut answer = reached_value(project, args, &impact);
        answer["since"] = json!(since);
        let changed = changed.iter().map(|one| value(project, old, one));
        answer["changed"] = changed.collect::<Vec<Value>>().into();
        return open::print(&answer);
    }
    let mut table = Table::new(&["WHAT", "FUNCTION", "WAS", "PLACE"]);
    for one in &changed {
        let (name, was) = names(project, old, one);
        let place = match (one.changed, one.node, one.old) {
            (Changed::Removed, _, Some(node)) => open::place(old, node),
            (_, Some(node), _) => open::place(project, node),
            _ => String::new(),
        };
        let what = one.changed.name().to_owned();
        table.row([what, name, was.unwrap_or_default(), place]);
    }
    let mut text = table.text();
    if changed.is_empty() {
        let _ = writeln!(text, "no function differs since {since}");
    } else {
        text.push('\n');
        text += &reached_text(project, args, &impact);
        if impact.nodes.is_empty() {
            let _ = writeln!(text, "nothing else in the project depends on them");
        }
    }
    client::print(&text)
}

/// What it is called, and what it was called if that is something else.
fn names(project: &CodeProject, old: &CodeProject, one: &ChangedFunction) -> (String, Option<String>) {
    let was = one.old.map(|node| old.text(node));
    match (one.changed, one.node) {
        (Changed::Removed, _) | (_, None) => (was.unwrap_or_default(), None),
        (Changed::Renamed, Some(node)) => (project.text(node), was),
        (_, Some(node)) => (project.text(node), None),
    }
}

fn value(project: &CodeProject, old: &CodeProject, one: &ChangedFunction) -> Value {
    let side =
        |project: &CodeProject, node: Option<u32>| node.map_or(Value::Null, |node| open::node(project, node));
    let new = one.node.filter(|_| one.changed != Changed::Removed);
    json!({
        "changed": one.changed.name(),
        "new": side(project, new),
        "old": side(old, one.old),
        "called_still": one.changed == Changed::Removed && one.node.is_some(),
    })
}
