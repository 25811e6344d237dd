//! `match`: code found by example.

use std::fmt::Write as _;

use anyhow::Result;
use repo_sync::project::{CodeProject, pattern};
use serde_json::{Value, json};

use super::open;
use crate::client;

/// Arguments of `match`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code match 'GenServer.call(server, message, timeout)'
  elixirscope code match 'Enum.count(list) == 0'
  elixirscope code match 'def handle_call({:reserve, ...}, _, state) do ... end'
  elixirscope code match '%{state | levels: _}' --json

_ is any expression; a variable is any expression, and the same one wherever it stands again; ... is any number of arguments,
elements or statements; ... -> ... any clauses. a |> f(b) and f(a, b) are the same.")]
pub(crate) struct Args {
    /// An Elixir expression.
    #[arg(value_name = "PATTERN")]
    pattern: String,
    /// At most so many places.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// Lines of a place that are shown.
const LINES_MAX: usize = 6;

/// Answers.
pub(super) fn run(project: &CodeProject, args: &Args, json: bool) -> Result<()> {
    let (found, complete, faults) = project.matches(&pattern(&args.pattern)?, args.limit)?;
    for fault in &faults {
        client::say(&fault.to_string());
    }
    let path = |file: u32| project.files().get(file as usize).map_or("", |file| &file.path);
    if json {
        let matches = found.iter().map(|one| {
            let captures = one.captures.iter();
            json!({
                "file": path(one.file), "line": one.line, "end_line": one.end_line, "text": one.text,
                "captures": captures.map(|(name, text)| json!({ "name": name, "text": text })).collect::<Vec<Value>>(),
            })
        });
        let complete = complete && faults.is_empty();
        return open::print(&json!({ "complete": complete, "matches": matches.collect::<Vec<Value>>() }));
    }
    let mut text = String::new();
    for one in &found {
        let mut lines = one.text.lines();
        let _ = writeln!(
            text,
            "{}:{}  {}",
            path(one.file),
            one.line,
            lines.next().unwrap_or_default()
        );
        for line in lines.by_ref().take(LINES_MAX - 1) {
            let _ = writeln!(text, "    {line}");
        }
        if lines.next().is_some() {
            text.push_str("    ...\n");
        }
        for (name, value) in &one.captures {
            let value = value.lines().next().unwrap_or_default();
            let _ = writeln!(text, "      {name} = {value}");
        }
    }
    if found.is_empty() {
        text.push_str("no matches\n");
    }
    if !complete {
        let _ = writeln!(text, "only the first {}; say --limit for more", args.limit);
    }
    client::print(&text)
}
