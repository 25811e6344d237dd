//! `callers` and `callees`.

use anyhow::Result;
use codegraph::graph::Walk;
use repo_sync::project::{CallSite, CodeProject, REACHES};
use serde_json::{Value, json};

use super::open;
use super::table::Table;
use crate::client;

/// Arguments of `callers` and `callees`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code callers Shop.Stock.reserve/2
  elixirscope code callers Shop.Stock.reserve --depth 3
  elixirscope code callees Shop.Web.Orders.create/1 --json
  elixirscope code callers Enum.map/2")]
pub(crate) struct Args {
    /// The function: Shop.Stock.reserve/2, or without /2 for all numbers of arguments.
    #[arg(value_name = "M.f/a")]
    function: String,
    /// Steps to follow.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    depth: u32,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Callers,
    Callees,
}

impl Way {
    fn walk(self) -> Walk {
        match self {
            Self::Callers => Walk::against(REACHES),
            Self::Callees => Walk::along(REACHES),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Callers => "callers",
            Self::Callees => "callees",
        }
    }
}

/// One step of an answer.
struct Found<'a> {
    depth: u32,
    node: u32,
    site: &'a CallSite,
}

/// Answers.
pub(super) fn run(project: &CodeProject, args: &Args, way: Way, json: bool) -> Result<()> {
    let asked = open::functions(project, &args.function)?;
    let found = found(project, &asked, args.depth, way);
    if json {
        let answer: Vec<Value> = found.iter().map(|one| value(project, one)).collect();
        let functions: Vec<Value> = asked.iter().map(|node| open::node(project, *node)).collect();
        return open::print(&json!({ "functions": functions, "depth": args.depth, way.name(): answer }));
    }
    let names: Vec<String> = asked.iter().map(|node| project.text(*node)).collect();
    if found.is_empty() {
        return client::print(&format!("{}: no {}\n", names.join(", "), way.name()));
    }
    let deep = args.depth > 1;
    let mut table = if deep {
        Table::new(&[">STEPS", "FUNCTION", "HOW", "SURE", "AT", "OF"])
    } else {
        Table::new(&["FUNCTION", "HOW", "SURE", "AT"])
    };
    for one in &found {
        let other = if one.node == one.site.from {
            one.site.to
        } else {
            one.site.from
        };
        let row = [
            project.text(one.node),
            one.site.how.to_owned(),
            one.site.mark.confidence().name().to_owned(),
            at(project, one.site),
        ];
        if deep {
            let [name, how, sure, at] = row;
            table.row([one.depth.to_string(), name, how, sure, at, project.text(other)]);
        } else {
            table.row(row);
        }
    }
    client::print(&table.text())
}

/// The call sites of each step, nearest first.
fn found<'a>(project: &'a CodeProject, asked: &[u32], depth: u32, way: Way) -> Vec<Found<'a>> {
    let walk = way.walk();
    let reach = walk.depth(depth - 1).reach(project.graph(), asked);
    let mut found = Vec::new();
    for reached in &reach.nodes {
        let mut steps: Vec<u32> = walk
            .step(project.graph(), reached.node)
            .into_iter()
            .map(|step| step.node)
            .collect();
        steps.sort_unstable();
        steps.dedup();
        for node in steps {
            let (from, to) = match way {
                Way::Callers => (node, reached.node),
                Way::Callees => (reached.node, node),
            };
            let sites = project.sites_between(from, to);
            let sites = sites.iter().filter(|site| REACHES.has(site.kind));
            found.extend(sites.map(|site| Found {
                depth: reached.depth + 1,
                node,
                site,
            }));
        }
    }
    if way == Way::Callees {
        found.sort_by_key(|one| (one.depth, one.site.from, one.site.line));
    }
    found
}

/// `lib/a.ex:3`, of a message with the clause that takes it.
pub(super) fn at(project: &CodeProject, site: &CallSite) -> String {
    let file = project.place(site.from).map_or("-", |(file, _)| file);
    let clause = project.place(site.to).filter(|_| site.clause_line > 0);
    match clause {
        Some((to, _)) => format!("{file}:{} -> {to}:{}", site.line, site.clause_line),
        None => format!("{file}:{}", site.line),
    }
}

fn value(project: &CodeProject, one: &Found<'_>) -> Value {
    let mut value = open::node(project, one.node);
    value["depth"] = json!(one.depth);
    value["site"] = site_value(project, one.site);
    value
}

/// A call site.
pub(super) fn site_value(project: &CodeProject, site: &CallSite) -> Value {
    json!({
        "from": project.text(site.from),
        "to": project.text(site.to),
        "edge": site.kind.name(),
        "how": site.how,
        "file": project.place(site.from).map(|(file, _)| file),
        "line": site.line,
        "clause_line": (site.clause_line > 0).then_some(site.clause_line),
        "provenance": site.mark.provenance().name(),
        "confidence": site.mark.confidence().name(),
    })
}
