//! `metrics` and `dead`.

use std::cmp::Reverse;
use std::fmt::Write as _;

use anyhow::Result;
use codegraph::fact::Confidence;
use codegraph::graph::{Direction, View as _};
use repo_sync::project::{CodeFunction, CodeProject, Definition, FunctionEffects, REACHES};
use serde_json::{Value, json};

use super::table::Table;
use super::{open, structure};
use crate::client;

/// Arguments of `metrics`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code metrics
  elixirscope code metrics Shop.Stock --sort cognitive --limit 5
  elixirscope code metrics --sort rank --json
  elixirscope code metrics --cycles
  elixirscope code metrics --communities
  elixirscope code metrics --central --limit 10

The rules by which each is counted: docs/code-graph/metrics.md. RANK is PageRank over calls, captures and messages, in
thousandths: how much of the code leads there.")]
pub(crate) struct MetricsArgs {
    /// Only names that contain this.
    pattern: Option<String>,
    /// By which the largest come first.
    #[arg(long, value_enum, default_value_t = Sort::Cognitive)]
    sort: Sort,
    /// At most so many.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    whole: Whole,
}

/// Questions about the project as a whole, instead of function by function.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Whole {
    /// Modules that need one another in a circle, with the calls that make it.
    #[arg(long)]
    cycles: bool,
    /// Modules that have more to do with one another than with the rest.
    #[arg(long)]
    communities: bool,
    /// Functions on the most shortest ways from one function to another.
    #[arg(long)]
    central: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Sort {
    /// McCabe's: one and the decisions.
    Cyclomatic,
    /// Breaks of the linear flow, weighted by nesting.
    Cognitive,
    /// Assignments, branches, conditions.
    Abc,
    /// The deepest nesting.
    Nesting,
    /// Lines.
    Lines,
    /// Clauses.
    Clauses,
    /// How many functions call it.
    Callers,
    /// How many it calls.
    Callees,
    /// PageRank.
    Rank,
}

/// Arguments of `dead`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  elixirscope code dead
  elixirscope code dead --sure likely
  elixirscope code dead --private --json

Callbacks, what OTP and Mix call by name, macros, tests, protocols and what they reach are never listed. Public functions
may be called from outside: they are listed as possible, those whose name a call with a computed module has as a guess.")]
pub(crate) struct DeadArgs {
    /// Only what is at least so sure.
    #[arg(long, value_enum, default_value_t = Sure::Guess)]
    sure: Sure,
    /// Only private functions: public ones are what the project is for.
    #[arg(long)]
    private: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Sure {
    /// All.
    Guess,
    /// Nothing in the project calls it.
    Possible,
    /// It is private, and nothing in its module calls it.
    Likely,
}

struct Row<'a> {
    node: u32,
    function: &'a CodeFunction,
    definition: &'a Definition,
    callers: usize,
    callees: usize,
    rank: f64,
}

impl Row<'_> {
    /// Larger comes first.
    fn key(&self, sort: Sort) -> f64 {
        let of = &self.definition.complexity;
        match sort {
            Sort::Cyclomatic => of.cyclomatic.into(),
            Sort::Cognitive => of.cognitive.into(),
            Sort::Abc => of.abc(),
            Sort::Nesting => of.nesting.into(),
            Sort::Lines => of.lines.into(),
            Sort::Clauses => of.clauses.into(),
            Sort::Callers => self.callers as f64,
            Sort::Callees => self.callees as f64,
            Sort::Rank => self.rank,
        }
    }
}

/// How many other nodes are beside a node.
fn beside(project: &CodeProject, node: u32, direction: Direction) -> usize {
    let rows = REACHES.iter().flat_map(|kind| {
        let row = project.graph().row(node, kind, direction);
        row.targets.iter().copied()
    });
    let mut nodes: Vec<u32> = rows.filter(|other| *other != node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes.len()
}

/// The measures of functions, or of the whole.
pub(super) fn metrics(project: &CodeProject, args: &MetricsArgs, json: bool) -> Result<()> {
    let pattern = args.pattern.as_deref().unwrap_or_default();
    match &args.whole {
        Whole { cycles: true, .. } => return structure::cycles(project, pattern, args.limit, json),
        Whole {
            communities: true, ..
        } => return structure::communities(project, pattern, args.limit, json),
        Whole { central: true, .. } => return structure::central(project, pattern, args.limit, json),
        Whole { .. } => {}
    }
    let ranks = project.ranks();
    let functions = project.functions().iter().enumerate();
    let rows = functions.filter_map(|(index, function)| {
        let definition = function.definition.as_ref()?;
        let named = args
            .pattern
            .as_ref()
            .is_none_or(|pattern| function.text().contains(pattern));
        let node = project.node_of(index);
        named.then(|| Row {
            node,
            function,
            definition,
            callers: beside(project, node, Direction::Back),
            callees: beside(project, node, Direction::Out),
            rank: ranks.get(node as usize).copied().unwrap_or_default(),
        })
    });
    let mut rows: Vec<Row<'_>> = rows.collect();
    rows.sort_by(|a, b| b.key(args.sort).total_cmp(&a.key(args.sort)));
    rows.truncate(args.limit);
    if json {
        let nodes: Vec<u32> = rows.iter().map(|row| row.node).collect();
        let effects = project.effects(&nodes)?;
        let answer = rows.iter().map(|row| {
            let mut value = value(project, row);
            value["effects"] = effects.get(&row.node).map_or(Value::Null, effects_value);
            value
        });
        let answer: Vec<Value> = answer.collect();
        return open::print(&json!({ "functions": answer }));
    }
    let mut table = Table::new(&[
        "FUNCTION", ">CYCL", ">COGN", ">ABC", ">NEST", ">LINES", ">CLAUSES", ">CALLERS", ">CALLEES", ">RANK",
        "PLACE",
    ]);
    for row in &rows {
        let of = &row.definition.complexity;
        table.row([
            row.function.text(),
            of.cyclomatic.to_string(),
            of.cognitive.to_string(),
            format!("{:.1}", of.abc()),
            of.nesting.to_string(),
            of.lines.to_string(),
            of.clauses.to_string(),
            row.callers.to_string(),
            row.callees.to_string(),
            format!("{:.2}", row.rank * 1000.0),
            open::place(project, row.node),
        ]);
    }
    client::print(&table.text())
}

/// What a function does beside computing: by itself, and with all that it calls.
pub(super) fn effects_value(effects: &FunctionEffects) -> Value {
    json!({
        "pure": effects.all.is_pure(),
        "own": effects.own.names().collect::<Vec<_>>(),
        "all": effects.all.names().collect::<Vec<_>>(),
        "unknown": effects.unknown,
    })
}

fn value(project: &CodeProject, row: &Row<'_>) -> Value {
    let of = &row.definition.complexity;
    let mut value = open::node(project, row.node);
    value["cyclomatic"] = json!(of.cyclomatic);
    value["cognitive"] = json!(of.cognitive);
    value["assignments"] = json!(of.assignments);
    value["branches"] = json!(of.branches);
    value["conditions"] = json!(of.conditions);
    value["abc"] = json!(of.abc());
    value["nesting"] = json!(of.nesting);
    value["lines"] = json!(of.lines);
    value["clauses"] = json!(of.clauses);
    value["recursive"] = json!(of.recursive);
    value["callers"] = json!(row.callers);
    value["callees"] = json!(row.callees);
    value["rank"] = json!(row.rank);
    value
}

/// What nothing calls.
pub(super) fn dead(project: &CodeProject, args: &DeadArgs, json: bool) -> Result<()> {
    let sure = match args.sure {
        Sure::Guess => Confidence::Guess,
        Sure::Possible => Confidence::Possible,
        Sure::Likely => Confidence::Likely,
    };
    let mut found = project.dead(&|_| false);
    found.retain(|dead| {
        let function = project.function(dead.node);
        let word = function
            .and_then(|function| function.definition.as_ref())
            .map(|d| d.kind.word());
        dead.confidence >= sure && (!args.private || word.is_some_and(|word| word.ends_with('p')))
    });
    found.sort_by_key(|dead| (Reverse(dead.confidence), dead.node));
    if json {
        let answer = found.iter().map(|dead| {
            let mut value = open::node(project, dead.node);
            value["reason"] = json!(dead.reason.text());
            value["confidence"] = json!(dead.confidence.name());
            value
        });
        return open::print(&json!({ "dead": answer.collect::<Vec<Value>>() }));
    }
    let mut table = Table::new(&["FUNCTION", "SURE", "WHY", "PLACE"]);
    for dead in &found {
        table.row([
            project.text(dead.node),
            dead.confidence.name().to_owned(),
            dead.reason.text().to_owned(),
            open::place(project, dead.node),
        ]);
    }
    let mut text = table.text();
    if found.is_empty() {
        let _ = writeln!(text, "no function is dead, as far as the sources tell");
    }
    client::print(&text)
}
