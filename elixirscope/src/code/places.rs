//! `slice` and `clones`: answers that are places in files.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use codegraph::clones::{CloneType, Options};
use repo_sync::project::{CodeProject, FileSource, SliceDirection, SlicePart};
use serde_json::{Value, json};

use super::open;
use crate::client;

/// Arguments of `slice`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code slice lib/shop/stock.ex:42 --backward
  elixirscope code slice stock.ex:42:15 --forward --json

Without a column: the largest expression that begins on the line. Backward goes through calls between functions of the
file, forward stays inside the function.")]
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
    let source = project.source(file)?;
    let parts = source.slice(line, column, direction)?;
    let path = project.files().get(file as usize).map_or("", |file| &file.path);
    if json {
        let parts: Vec<Value> = parts
            .iter()
            .map(|part| json!({ "function": name(project, &source, part), "lines": part.lines }))
            .collect();
        let direction = if args.forward { "forward" } else { "backward" };
        return open::print(
            &json!({ "file": path, "line": line, "direction": direction, "functions": parts }),
        );
    }
    let mut text = String::new();
    for part in parts {
        if !text.is_empty() {
            text.push('\n');
        }
        let first = part.lines.first().copied().unwrap_or_default();
        let _ = writeln!(text, "# {}  {path}:{first}", name(project, &source, &part));
        let mut before = None;
        for number in &part.lines {
            if before.is_some_and(|before| before + 1 < *number) {
                text.push_str("       ...\n");
            }
            let mark = if *number == line { '>' } else { ' ' };
            let _ = writeln!(text, "{mark}{number:>5}  {}", source.line(*number));
            before = Some(*number);
        }
    }
    client::print(&text)
}

/// The name of the function of a part.
fn name(project: &CodeProject, source: &FileSource, part: &SlicePart) -> String {
    let found = project.functions().iter().find(|function| {
        function.definition.as_ref().is_some_and(|definition| {
            definition.file == source.file && definition.in_outline == part.in_outline
        })
    });
    found.map_or_else(
        || "(a function whose name is computed)".to_owned(),
        repo_sync::project::CodeFunction::text,
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
