//! `impact` and `path`.

use std::fmt::Write as _;

use anyhow::Result;
use codegraph::graph::{EdgeKind, Impact, KindSet, Walk};
use repo_sync::project::{Asked, CodeProject, REACHES};
use serde_json::{Value, json};

use super::table::Table;
use super::{calls, open};
use crate::client;

/// Arguments of `impact`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code impact Shop.Stock.reserve/2
  elixirscope code impact Shop.Stock --depth 2 --limit 20
  elixirscope code impact Shop.Stock.reserve/2 --json
  elixirscope code impact --since main

STRENGTH is the number of shortest ways to it, each counted as far as its edges can be trusted.")]
pub(crate) struct ImpactArgs {
    /// The function, or a module for all of its functions.
    #[arg(value_name = "M.f/a", required_unless_present = "since")]
    name: Option<String>,
    /// Of all functions that differ since a revision: what a reviewer looks at.
    #[arg(long, value_name = "REVISION", conflicts_with = "name")]
    pub(super) since: Option<String>,
    /// Steps to follow; all if left out.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    depth: Option<u32>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

/// Arguments of `path`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code path Shop.Web.Orders.create/1 Shop.Stock.reserve/2
  elixirscope code path Shop.Application Shop.Stock.Warehouse.init/1 --count 1")]
pub(crate) struct PathArgs {
    /// Where the way begins: a function, or a module for any of its functions.
    from: String,
    /// Where it ends.
    to: String,
    /// At most so many ways, the shortest first.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    count: u16,
}

/// The nodes of a name; of a module all functions, too.
fn nodes(project: &CodeProject, name: &str) -> Result<Vec<u32>> {
    let asked = project.find(name)?;
    let mut nodes = asked.nodes().to_vec();
    if let Asked::Module(module) = asked {
        let functions = project.functions().iter().enumerate();
        let own = functions.filter(|(_, function)| {
            let definition = function.definition.as_ref();
            definition.is_some_and(|definition| definition.module == module)
        });
        nodes.extend(own.map(|(index, _)| project.node_of(index)));
    }
    Ok(nodes)
}

/// What feels a change.
pub(super) fn impact(project: &CodeProject, args: &ImpactArgs, json: bool) -> Result<()> {
    let name = args.name.as_deref().unwrap_or_default();
    let impact = reached(project, args, &nodes(project, name)?);
    if json {
        let mut answer = reached_value(project, args, &impact);
        answer["of"] = json!(name);
        return open::print(&answer);
    }
    let mut text = reached_text(project, args, &impact);
    if impact.nodes.is_empty() {
        let _ = writeln!(text, "{name}: nothing in the project depends on it");
    }
    client::print(&text)
}

/// What feels a change of these nodes.
pub(super) fn reached(project: &CodeProject, args: &ImpactArgs, nodes: &[u32]) -> Impact {
    let walk = Walk::impact().depth(args.depth.unwrap_or(u32::MAX));
    walk.ranked(project.graph(), nodes)
}

/// The same for programs.
pub(super) fn reached_value(project: &CodeProject, args: &ImpactArgs, impact: &Impact) -> Value {
    let shown = impact.nodes.iter().take(args.limit).map(|one| {
        let mut value = open::node(project, one.node);
        value["steps"] = json!(one.depth);
        value["strength"] = json!(one.strength);
        value
    });
    json!({
        "complete": impact.extent.is_complete(),
        "found": impact.nodes.len(),
        "impact": shown.collect::<Vec<Value>>(),
    })
}

/// The same for people.
pub(super) fn reached_text(project: &CodeProject, args: &ImpactArgs, impact: &Impact) -> String {
    let shown = impact.nodes.iter().take(args.limit);
    let mut table = Table::new(&[">STEPS", ">STRENGTH", "FUNCTION", "PLACE"]);
    for one in shown {
        table.row([
            one.depth.to_string(),
            format!("{:.2}", one.strength),
            project.text(one.node),
            open::place(project, one.node),
        ]);
    }
    let mut text = table.text();
    if impact.nodes.len() > args.limit {
        let _ = writeln!(text, "and {} more (--limit)", impact.nodes.len() - args.limit);
    }
    text
}

/// The ways from one to another.
pub(super) fn path(project: &CodeProject, args: &PathArgs, json: bool) -> Result<()> {
    let kinds = REACHES.with(KindSet::from(EdgeKind::SUPERVISES));
    let (from, to) = (nodes(project, &args.from)?, nodes(project, &args.to)?);
    let found = Walk::along(kinds).paths(project.graph(), &from, &to, args.count.into());
    let site = |pair: &[u32]| {
        let [from, to] = pair else { return None };
        project.sites_between(*from, *to).first()
    };
    if json {
        let ways = found.paths.iter().map(|path| {
            let nodes: Vec<Value> = path.iter().map(|node| open::node(project, *node)).collect();
            let sites = path.windows(2).filter_map(site);
            let sites: Vec<Value> = sites.map(|site| calls::site_value(project, site)).collect();
            json!({ "nodes": nodes, "sites": sites })
        });
        return open::print(&json!({
            "from": args.from,
            "to": args.to,
            "complete": found.extent.is_complete(),
            "paths": ways.collect::<Vec<Value>>(),
        }));
    }
    let mut text = String::new();
    for path in &found.paths {
        let mut table = Table::new(&["FUNCTION", "HOW", "SURE", "AT"]);
        for (at, node) in path.iter().enumerate() {
            let name = format!("{}{}", if at > 0 { "-> " } else { "" }, project.text(*node));
            let before = at.checked_sub(1).and_then(|start| site(path.get(start..=at)?));
            let [how, sure, place] = if let Some(site) = before {
                let sure = site.mark.confidence().name();
                [site.how.to_owned(), sure.to_owned(), calls::at(project, site)]
            } else {
                [String::new(), String::new(), open::place(project, *node)]
            };
            table.row([name, how, sure, place]);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&table.text());
    }
    if found.paths.is_empty() {
        let _ = writeln!(text, "no way from {} to {}", args.from, args.to);
    }
    client::print(&text)
}
