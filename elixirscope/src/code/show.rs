//! `show`: a function's source, or its control flow, data flow or syntax as a picture.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use codegraph::draw::Drawing;
use repo_sync::project::{Asked, CodeProject, Definition};
use serde_json::{Value, json};

use super::entities::Entities;
use super::picture::{self, Picture};
use super::table::Table;
use super::{build, export, list, metrics, open};
use crate::client;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code show Shop.Stock.reserve/2
  elixirscope code show Shop.Stock.reserve/2 --cfg
  elixirscope code show Shop.Stock.reserve/2 --cfg --svg > reserve.svg
  elixirscope code show Shop.Stock.reserve/2 --dfg --dot | dot -Tpng > reserve.png
  elixirscope code show Shop.Stock.reserve/2 --ast --json
  elixirscope code show Shop.Stock.reserve/2 --expanded
  elixirscope code show Shop.Stock --json

Of a module --json gives all that is known of it: docs/code-graph/module-document.md.")]
pub(crate) struct Args {
    /// The function: Shop.Stock.reserve/2, or without /2 for all numbers of arguments; or a module.
    #[arg(value_name = "M.f/a")]
    function: String,
    /// Which part of it is looked at.
    #[command(flatten)]
    look: Look,
    /// How a picture is written.
    #[command(flatten)]
    form: Form,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Look {
    /// Its control flow: what runs after what.
    #[arg(long)]
    cfg: bool,
    /// Its data flow: which value goes where.
    #[arg(long)]
    dfg: bool,
    /// Its syntax tree, in Elixir's quoted form.
    #[arg(long)]
    ast: bool,
    /// What the compiler made of it: the definition after macro expansion, from the build.
    #[arg(long, conflicts_with_all = ["dot", "svg"])]
    expanded: bool,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false, requires = "Look")]
struct Form {
    /// For Graphviz.
    #[arg(long)]
    dot: bool,
    /// As an SVG picture.
    #[arg(long)]
    svg: bool,
}

/// Shows.
pub(super) fn run(project: &CodeProject, args: &Args, entities: &mut Entities<'_>, json: bool) -> Result<()> {
    if args.look.expanded {
        return build::show(project, &args.function, json);
    }
    if args.look.cfg || args.look.dfg || args.look.ast {
        return drawn(project, args, json);
    }
    if let Ok(Asked::Module(node)) = project.find(&args.function) {
        return export::module(project, node, json);
    }
    let (mut text, mut answer) = (String::new(), Vec::new());
    for node in open::functions(project, &args.function)? {
        let Some(function) = project.function(node) else {
            continue;
        };
        let Some(definition) = &function.definition else {
            bail!(
                "{} is not in this project's sources: {}",
                function.text(),
                if function.made.is_some() {
                    "a macro made it; say --expanded"
                } else {
                    "a library's, or made by a macro"
                }
            );
        };
        let clauses = clauses(project, definition)?;
        if json {
            let mut value = list::function_value(project, node, function);
            value["entity"] = entities.value(project, node);
            let effects = project.effects(&[node])?;
            value["effects"] = effects.get(&node).map_or(Value::Null, metrics::effects_value);
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

/// A picture of one function.
fn drawn(project: &CodeProject, args: &Args, json: bool) -> Result<()> {
    let nodes = open::functions(project, &args.function)?;
    let [node] = nodes.as_slice() else {
        let names: Vec<String> = nodes.iter().map(|node| project.text(*node)).collect();
        bail!(
            "'{}' stands for several functions: {}",
            args.function,
            names.join(", ")
        );
    };
    let title = project.text(*node);
    let definition = project
        .function(*node)
        .and_then(|function| function.definition.as_ref());
    let definition = definition.with_context(|| format!("{title} is not in this project's sources"))?;
    let source = project.source(definition.file)?;
    let Picture { drawing, lines } = if args.look.ast {
        picture::syntax(&source, definition, title)
    } else {
        let flow = codegraph::flow::analyze(&source.tree, &source.outline, definition.in_outline);
        let flow = flow.context("the file changed while it was read; ask again")?;
        if args.look.cfg {
            picture::control(&source, &flow, title)
        } else {
            picture::data(&source, &flow, title)
        }
    };
    if args.form.svg {
        return client::print(&drawing.svg()?);
    }
    if args.form.dot {
        return client::print(&drawing.dot());
    }
    if json {
        let boxes = drawing.boxes.iter().zip(&lines).enumerate().map(|(id, (figure, line))| {
            json!({ "id": id, "label": figure.label, "line": (*line > 0).then_some(line) })
        });
        let arrows = drawing.arrows.iter().map(|arrow| {
            json!({ "from": arrow.from, "to": arrow.to, "kind": arrow.tone.name(), "label": arrow.label })
        });
        return open::print(&json!({
            "function": drawing.title,
            "nodes": boxes.collect::<Vec<Value>>(),
            "edges": arrows.collect::<Vec<Value>>(),
        }));
    }
    client::print(&listed(&drawing, &lines))
}

/// A picture as text: each box with where its arrows lead.
fn listed(drawing: &Drawing, lines: &[u32]) -> String {
    let mut table = Table::new(&[">ID", ">LINE", "WHAT", "TO"]);
    for (id, (figure, line)) in drawing.boxes.iter().zip(lines).enumerate() {
        let to = drawing.arrows.iter().filter(|arrow| arrow.from as usize == id);
        let to = to.map(|arrow| format!("{} {}", arrow.to, arrow.label).trim_end().to_owned());
        let line = if *line > 0 {
            line.to_string()
        } else {
            String::new()
        };
        table.row([
            id.to_string(),
            line,
            figure.label.clone(),
            to.collect::<Vec<_>>().join(", "),
        ]);
    }
    format!("# {}\n{}", drawing.title, table.text())
}
