//! `show`: a function's source.

use std::fmt::Write as _;

use anyhow::Result;
use repo_sync::project::{CodeProject, Definition};
use serde_json::{Value, json};

use super::{list, open};
use crate::client;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code show Shop.Stock.reserve/2")]
pub(crate) struct Args {
    /// The function: Shop.Stock.reserve/2, or without /2 for all numbers of arguments.
    #[arg(value_name = "M.f/a")]
    function: String,
}

/// Shows.
pub(super) fn run(project: &CodeProject, args: &Args, json: bool) -> Result<()> {
    let (mut text, mut answer) = (String::new(), Vec::new());
    for node in open::functions(project, &args.function)? {
        let Some(function) = project.function(node) else {
            continue;
        };
        let Some(definition) = &function.definition else {
            anyhow::bail!(
                "{} is not in this project's sources: a library's, or made by a macro",
                function.text()
            );
        };
        let clauses = clauses(project, definition)?;
        if json {
            let mut value = list::function_value(project, node, function);
            let clauses = clauses.iter().map(
                |(first, lines)| json!({ "line": first, "end_line": *first as usize + lines.len() - 1, "text": lines.join("\n") }),
            );
            value["source"] = clauses.collect::<Vec<Value>>().into();
            answer.push(value);
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "# {}  {}", function.text(), open::place(project, node));
        for (first, lines) in &clauses {
            for (line, number) in lines.iter().zip(*first..) {
                text.push_str(format!("{number:>5}  {line}").trim_end());
                text.push('\n');
            }
        }
    }
    if json {
        return open::print(&json!({ "functions": answer }));
    }
    client::print(&text)
}

/// First line and lines of each clause.
fn clauses(project: &CodeProject, definition: &Definition) -> Result<Vec<(u32, Vec<String>)>> {
    let source = project.source(definition.file)?;
    let clauses = source.clauses(definition).map(|clause| {
        let (first, last) = source.lines(clause.node);
        let lines = (first..=last).map(|line| source.line(line).to_owned());
        (first, lines.collect())
    });
    Ok(clauses.collect())
}
