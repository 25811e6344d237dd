//! `slice` and `clones`: answers that are places in files.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use codegraph::clones::{CloneType, Options};
use codegraph::fact::Confidence;
use codegraph::flow::Evidence;
use repo_sync::project::{CodeProject, FunctionSlice, ProjectSlice, SliceBudget, SliceDirection, SliceLine};
use serde_json::{Value, json};

use super::open;
use crate::client;

/// Arguments of `slice`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code slice lib/shop/stock.ex:42 --backward
  elixirscope code slice stock.ex:42:15 --forward --json

Without a column: the largest expression that begins on the line. Both ways go through calls, messages, replies and the
state of processes; each line says why it is there (data, control, call, return, message, reply, state) and, if that does
not follow from the language, how sure it is.")]
pub(crate) struct SliceArgs {
    /// The place: FILE:LINE or FILE:LINE:COLUMN; FILE as the project lists it, or its end.
    #[arg(value_name = "FILE:LINE[:COL]")]
    place: String,
    /// What the value there is made of, and what decides whether it is computed (the default).
    #[arg(long, conflicts_with = "forward")]
    backward: bool,
    /// What depends on the value there.
    #[arg(long)]
    forward: bool,
    /// Look at so many functions at most, the nearest first.
    #[arg(long, default_value_t = SliceBudget::default().functions_max, value_name = "N")]
    functions_max: usize,
    /// End with so many expressions.
    #[arg(long, default_value_t = SliceBudget::default().nodes_max, value_name = "N")]
    nodes_max: usize,
}

/// Arguments of `clones`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code clones
  elixirscope code clones --nodes-min 60 --near
  elixirscope code clones --json

Type 1: equal but for layout; type 2: equal but for names and literals; type 3 (--near): alike.")]
pub(crate) struct ClonesArgs {
    /// Smallest piece, in nodes of its syntax tree: some 10 a line.
    #[arg(long, default_value_t = 40)]
    nodes_min: u32,
    /// Also pieces that are only alike.
    #[arg(long)]
    near: bool,
    /// At most so many groups, the largest first.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// File, line and column of `lib/a.ex:3:7`.
fn parse(text: &str) -> Result<(&str, u32, Option<u32>)> {
    let wrong = || {
        format!("'{text}' is no place; expected FILE:LINE or FILE:LINE:COLUMN, for example lib/shop.ex:12")
    };
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
    let (rest, last) = text.rsplit_once(':').with_context(wrong)?;
    let last = number(last).with_context(wrong)?;
    if let Some((file, line)) = rest.rsplit_once(':')
        && let Some(line) = number(line)
    {
        return Ok((file, line, Some(last)));
    }
    Ok((rest, last, None))
}

/// A slice.
pub(super) fn slice(project: &CodeProject, args: &SliceArgs, json: bool) -> Result<()> {
    let (path, line, column) = parse(&args.place)?;
    let Some(file) = project.file(path) else {
        bail!("'{path}' is no file of this project, or the end of several");
    };
    let direction = if args.forward {
        SliceDirection::Forward
    } else {
        SliceDirection::Backward
    };
    let budget = SliceBudget {
        functions_max: args.functions_max,
        nodes_max: args.nodes_max,
    };
    let slice = project.slice(file, line, column, direction, &budget)?;
    if json {
        let direction = if args.forward { "forward" } else { "backward" };
        let functions = slice.functions.iter().map(|one| value(project, one));
        return open::print(&json!({
            "file": path_of(project, file),
            "line": line,
            "direction": direction,
            "complete": !slice.cut_functions && !slice.cut_nodes,
            "functions": functions.collect::<Vec<Value>>(),
        }));
    }
    client::print(&text(project, &slice, (file, line), args)?)
}

fn path_of(project: &CodeProject, file: u32) -> &str {
    project.files().get(file as usize).map_or("", |file| &file.path)
}

fn value(project: &CodeProject, function: &FunctionSlice) -> Value {
    let steps = function.lines.iter().map(|line| {
        json!({
            "line": line.line,
            "evidence": line.evidence.name(),
            "confidence": line.confidence.name(),
            "from": line.from.map(|(file, line)| json!({ "file": path_of(project, file), "line": line })),
        })
    });
    json!({
        "function": name(project, function),
        "file": path_of(project, function.file),
        "lines": function.lines.iter().map(|line| line.line).collect::<Vec<u32>>(),
        "steps": steps.collect::<Vec<Value>>(),
    })
}

/// The lines of a slice, function by function, each with why it is there.
fn text(project: &CodeProject, slice: &ProjectSlice, asked: (u32, u32), args: &SliceArgs) -> Result<String> {
    let mut text = String::new();
    let mut sources = BTreeMap::new();
    for function in &slice.functions {
        if !text.is_empty() {
            text.push('\n');
        }
        let source = match sources.entry(function.file) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(project.source(function.file)?),
        };
        let first = function.lines.first().map_or(0, |line| line.line);
        let _ = writeln!(
            text,
            "# {}  {}:{first}",
            name(project, function),
            path_of(project, function.file)
        );
        let mut before = None;
        for one in &function.lines {
            if before.is_some_and(|before| before + 1 < one.line) {
                text.push_str("       ...\n");
            }
            let mark = if (function.file, one.line) == asked {
                '>'
            } else {
                ' '
            };
            let _ = writeln!(
                text,
                "{mark}{:>5}  {}{}",
                one.line,
                source.line(one.line),
                why(project, function, one)
            );
            before = Some(one.line);
        }
    }
    if slice.cut_functions {
        let _ = writeln!(
            text,
            "\nonly the {} nearest functions were looked at (--functions-max)",
            args.functions_max
        );
    }
    if slice.cut_nodes {
        let _ = writeln!(text, "\nended at {} expressions (--nodes-max)", args.nodes_max);
    }
    Ok(text)
}

/// Why a line is there, if the line before it in the same function does not say so: `  # reply of 45, likely`.
fn why(project: &CodeProject, function: &FunctionSlice, line: &SliceLine) -> String {
    if matches!(
        line.evidence,
        Evidence::Start | Evidence::Data | Evidence::Control
    ) {
        return String::new();
    }
    let from = match line.from {
        Some((file, at)) if file == function.file => format!(" {at}"),
        Some((file, at)) => format!(" {}:{at}", path_of(project, file)),
        None => String::new(),
    };
    let sure = match line.confidence {
        Confidence::Certain => String::new(),
        other => format!(", {}", other.name()),
    };
    format!("  # {}{from}{sure}", line.evidence.name())
}

/// The name of a function of a slice.
fn name(project: &CodeProject, function: &FunctionSlice) -> String {
    function.node.map_or_else(
        || "(a function whose name is computed)".to_owned(),
        |node| project.text(node),
    )
}

/// Clones.
pub(super) fn clones(project: &CodeProject, args: &ClonesArgs, json: bool) -> Result<()> {
    let options = Options {
        nodes_min: args.nodes_min,
        near: args.near,
        groups_max: args.limit,
        ..Options::default()
    };
    let groups = project.clones(options)?;
    let path = |file: u32| project.files().get(file as usize).map_or("", |file| &file.path);
    let number = |kind: CloneType| match kind {
        CloneType::One => 1,
        CloneType::Two => 2,
        CloneType::Three => 3,
    };
    if json {
        let answer = groups.iter().map(|group| {
            let pieces = group.pieces.iter().map(|piece| {
                json!({ "file": path(piece.file), "line": piece.line, "end_line": piece.end_line, "nodes": piece.nodes })
            });
            json!({
                "type": number(group.kind),
                "likeness": f64::from(group.likeness) / 1000.0,
                "pieces": pieces.collect::<Vec<Value>>(),
            })
        });
        return open::print(&json!({ "clones": answer.collect::<Vec<Value>>() }));
    }
    let mut text = String::new();
    for group in &groups {
        let nodes = group.pieces.iter().map(|piece| piece.nodes).max().unwrap_or(0);
        let _ = write!(text, "type {}, {nodes} nodes", number(group.kind));
        if group.likeness < 1000 {
            let _ = write!(text, ", {} % alike", group.likeness / 10);
        }
        text.push('\n');
        for piece in &group.pieces {
            let kind = format!("{:?}", piece.kind).to_lowercase();
            let _ = writeln!(
                text,
                "  {}:{}-{}  {kind}",
                path(piece.file),
                piece.line,
                piece.end_line
            );
        }
    }
    if groups.is_empty() {
        text.push_str("no clones\n");
    }
    client::print(&text)
}
