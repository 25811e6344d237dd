//! `metrics --cycles`, `--communities` and `--central`: the project as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::Result;
use codegraph::fact::Mark;
use codegraph::graph::{
    Between, Builder, Communities, Components, Edge, EdgeKind, Graph, Grouping, KindSet, Method, Selection,
};
use repo_sync::project::{CallSite, CodeProject, REACHES};
use serde_json::{Value, json};

use super::table::Table;
use super::{calls, open};
use crate::client;

/// Sites that are shown of one module's need of another.
const SITES_MAX: usize = 3;

/// By which one module needs another: its functions', and its own.
const NEEDS: KindSet = REACHES.with(KindSet::of(&[EdgeKind::USES_BEHAVIOUR, EdgeKind::IMPLEMENTS]));

/// The project's modules as a graph, and for each edge the sites that make it.
struct Modules<'p> {
    graph: Graph,
    sites: BTreeMap<(u32, u32), Vec<&'p CallSite>>,
}

/// The module of a node, if the project defines it.
fn module_of(project: &CodeProject, node: u32) -> Option<u32> {
    if project.module(node).is_some() {
        return Some(node);
    }
    Some(project.function(node)?.definition.as_ref()?.module)
}

fn modules(project: &CodeProject) -> Result<Modules<'_>> {
    let mut sites: BTreeMap<(u32, u32), Vec<&CallSite>> = BTreeMap::new();
    for site in project.sites().iter().filter(|site| NEEDS.has(site.kind)) {
        let ends = (module_of(project, site.from), module_of(project, site.to));
        // A protocol leads to its implementations, which need it, not the other way round.
        if let (Some(from), Some(to)) = ends
            && from != to
            && site.how != "dispatch"
        {
            sites.entry((from, to)).or_default().push(site);
        }
    }
    let mut builder = Builder::new(u32::try_from(project.modules().len())?);
    builder.extend(sites.keys().map(|(from, to)| Edge {
        from: *from,
        to: *to,
        kind: EdgeKind::CALLS,
        mark: Mark::default(),
    }));
    Ok(Modules {
        graph: builder.build()?,
        sites,
    })
}

/// Modules that need one another in a circle.
pub(super) fn cycles(project: &CodeProject, pattern: &str, limit: usize, json: bool) -> Result<()> {
    let modules = modules(project)?;
    let components = Components::of(&modules.graph, Selection::of(EdgeKind::CALLS));
    let cycles = components.cycles();
    let members = |cycle: &u32| components.members(*cycle).to_vec();
    let named = |members: &Vec<u32>| {
        members
            .iter()
            .any(|module| project.text(*module).contains(pattern))
    };
    let cycles: Vec<Vec<u32>> = cycles.iter().map(members).filter(named).collect();
    let edges = |cycle: &[u32]| {
        let inside: BTreeSet<u32> = cycle.iter().copied().collect();
        let edges = modules.sites.iter();
        let edges = edges.filter(move |((from, to), _)| inside.contains(from) && inside.contains(to));
        edges.collect::<Vec<_>>()
    };
    if json {
        let answer = cycles.iter().take(limit).map(|cycle| {
            let edges = edges(cycle).into_iter().map(|((from, to), sites)| {
                let sites = sites.iter().map(|site| calls::site_value(project, site));
                json!({ "from": project.text(*from), "to": project.text(*to), "sites": sites.collect::<Vec<Value>>() })
            });
            let modules = cycle.iter().map(|module| open::node(project, *module));
            json!({ "modules": modules.collect::<Vec<Value>>(), "edges": edges.collect::<Vec<Value>>() })
        });
        return open::print(&json!({ "found": cycles.len(), "cycles": answer.collect::<Vec<Value>>() }));
    }
    let mut text = String::new();
    for cycle in cycles.iter().take(limit) {
        if !text.is_empty() {
            text.push('\n');
        }
        let names: Vec<String> = cycle.iter().map(|module| project.text(*module)).collect();
        let _ = writeln!(text, "# {} modules: {}", cycle.len(), names.join(", "));
        let mut table = Table::new(&["FROM", "TO", ">SITES", "FOR EXAMPLE", "HOW", "AT"]);
        for ((from, to), sites) in edges(cycle) {
            for (at, site) in sites.iter().take(SITES_MAX).enumerate() {
                let count = if at == 0 {
                    sites.len().to_string()
                } else {
                    String::new()
                };
                let side = |module: u32| {
                    if at == 0 {
                        project.text(module)
                    } else {
                        String::new()
                    }
                };
                table.row([
                    side(*from),
                    side(*to),
                    count,
                    project.text(site.to),
                    site.how.to_owned(),
                    calls::at(project, site),
                ]);
            }
        }
        text.push_str(&table.text());
    }
    if cycles.is_empty() {
        text.push_str("no modules need one another in a circle\n");
    } else if cycles.len() > limit {
        let _ = writeln!(text, "and {} more (--limit)", cycles.len() - limit);
    }
    client::print(&text)
}

/// Modules that have more to do with one another than with the rest.
pub(super) fn communities(project: &CodeProject, pattern: &str, limit: usize, json: bool) -> Result<()> {
    let modules = modules(project)?;
    let found: Communities = Grouping::default().of(&modules.graph, Selection::of(EdgeKind::CALLS));
    let mut groups = found.members();
    groups.retain(|group| {
        group.len() > 1 && group.iter().any(|module| project.text(*module).contains(pattern))
    });
    groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
    // How many of the edges at its modules stay inside.
    let kept = |group: &[u32]| {
        let inside = |module: &u32| group.binary_search(module).is_ok();
        let edges = modules
            .sites
            .keys()
            .filter(|(from, to)| inside(from) || inside(to));
        let (all, own) = edges.fold((0u32, 0u32), |(all, own), (from, to)| {
            (all + 1, own + u32::from(inside(from) && inside(to)))
        });
        f64::from(own) / f64::from(all.max(1))
    };
    if json {
        let answer = groups.iter().take(limit).map(|group| {
            let modules = group.iter().map(|module| open::node(project, *module));
            json!({ "modules": modules.collect::<Vec<Value>>(), "inside": kept(group) })
        });
        return open::print(&json!({
            "modularity": found.modularity,
            "found": groups.len(),
            "communities": answer.collect::<Vec<Value>>(),
        }));
    }
    let mut text = format!("modularity {:.2}\n", found.modularity);
    for group in groups.iter().take(limit) {
        let names: Vec<String> = group.iter().map(|module| project.text(*module)).collect();
        let inside = kept(group) * 100.0;
        let _ = writeln!(
            text,
            "\n# {} modules, {inside:.0} % of their edges inside",
            group.len()
        );
        for name in names {
            let _ = writeln!(text, "  {name}");
        }
    }
    if groups.len() > limit {
        let _ = writeln!(text, "and {} more (--limit)", groups.len() - limit);
    }
    client::print(&text)
}

/// Functions on the most shortest ways.
pub(super) fn central(project: &CodeProject, pattern: &str, limit: usize, json: bool) -> Result<()> {
    let between = Between::default().of(project.graph(), Selection::of(REACHES));
    let mut nodes: Vec<(u32, f64)> = (0u32..)
        .zip(between.scores.iter().copied())
        .filter(|(node, score)| {
            *score > 0.0 && project.place(*node).is_some() && project.text(*node).contains(pattern)
        })
        .collect();
    nodes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    nodes.truncate(limit);
    let (method, error) = match between.method {
        Method::Exact => ("all shortest ways counted".to_owned(), None),
        Method::Sampled { samples, error, risk } => (
            format!(
                "{samples} ways sampled; with probability {} no score is farther than {error:.5} from the true one",
                1.0 - risk
            ),
            Some((samples, error, risk)),
        ),
    };
    if json {
        let answer = nodes.iter().map(|(node, score)| {
            let mut value = open::node(project, *node);
            value["betweenness"] = json!(score);
            value
        });
        return open::print(&json!({
            "exact": error.is_none(),
            "samples": error.map(|(samples, ..)| samples),
            "error_max": error.map(|(_, error, _)| error),
            "risk": error.map(|(_, _, risk)| risk),
            "functions": answer.collect::<Vec<Value>>(),
        }));
    }
    let mut table = Table::new(&["FUNCTION", ">BETWEEN", "PLACE"]);
    for (node, score) in &nodes {
        table.row([
            project.text(*node),
            format!("{:.3}", score * 1000.0),
            open::place(project, *node),
        ]);
    }
    client::print(&format!(
        "{}BETWEEN: thousandths of all pairs of functions whose shortest way leads through it; {method}\n",
        table.text()
    ))
}
