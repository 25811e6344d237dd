//! `elixirscope code` on this repository's shop: what it prints for people and for programs. No server runs.

use std::path::PathBuf;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use serde_json::Value;

fn shop() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo")
}

fn code(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_elixirscope"));
    command.arg("code").args(args).current_dir(shop());
    command.env("ELIXIRSCOPE_URL", "http://127.0.0.1:1");
    command.args(["--no-store", "--no-build"]);
    command
}

fn text(args: &[&str]) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = code(args).output()?;
    assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
    Ok(String::from_utf8(stdout)?)
}

fn json(args: &[&str]) -> Result<Value> {
    let mut args = args.to_vec();
    args.push("--json");
    let printed = text(&args)?;
    serde_json::from_str(&printed).with_context(|| printed.clone())
}

fn refused(args: &[&str]) -> Result<String> {
    let Output { status, stderr, .. } = code(args).output()?;
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert!(
        !status.success() && !said.contains("panicked"),
        "{args:?}: {said}"
    );
    Ok(said)
}

/// The line of a file that contains a text, from 1.
fn line_of(path: &str, part: &str) -> Result<u64> {
    let source = std::fs::read_to_string(shop().join(path))?;
    let at = source.lines().position(|line| line.contains(part));
    Ok(at.with_context(|| format!("{part} in {path}"))? as u64 + 1)
}

const WAREHOUSE: &str = "lib/shop/stock/warehouse.ex";
const RESERVE: &str = "Shop.Stock.Warehouse.reserve/2";

/// Scenario: who calls the shop's reservation, and what that leads to. Guarantee: text and JSON name the caller, the
/// message's clause and their lines.
#[test]
fn callers_and_callees_have_their_places() -> Result<()> {
    let line = line_of("lib/shop/web/orders.ex", "Warehouse.reserve(")?;
    let printed = text(&["callers", RESERVE])?;
    let place = format!("lib/shop/web/orders.ex:{line}");
    let row = printed
        .lines()
        .find(|row| row.contains("Shop.Web.Orders.place/1"));
    assert!(
        row.is_some_and(|row| row.contains("certain") && row.ends_with(&place)),
        "{printed}"
    );
    let answer = json(&["callees", RESERVE])?;
    let callees = answer["callees"].as_array().context("callees")?;
    let handled = callees
        .iter()
        .find(|one| one["name"] == "Shop.Stock.Warehouse.handle_call/3");
    let site = &handled.context("the message")?["site"];
    assert_eq!((&site["edge"], &site["how"]), (&"sends".into(), &"call".into()));
    assert_eq!(site["provenance"], "inferred");
    assert_eq!(
        site["clause_line"],
        line_of(WAREHOUSE, "def handle_call({:reserve")?
    );
    let deep = json(&["callers", "Shop.Stock.Warehouse.take", "--depth", "3"])?;
    let callers = deep["callers"].as_array().context("callers")?;
    let place = callers
        .iter()
        .find(|one| one["name"] == "Shop.Web.Orders.place/1");
    assert_eq!(place.context("three steps up")?["depth"], 3);
    Ok(())
}

/// Scenario: the project as a whole. Guarantee: counts that agree with each other, no fault, every list has what the shop has.
#[test]
fn lists_agree_with_the_status() -> Result<()> {
    let status = json(&["status"])?;
    let functions = json(&["functions"])?;
    let modules = json(&["modules"])?;
    assert_eq!(
        status["functions"],
        functions["functions"].as_array().context("list")?.len()
    );
    assert_eq!(
        status["modules"],
        modules["modules"].as_array().context("list")?.len()
    );
    assert_eq!(status["faults"], Value::Array(vec![]));
    let listed = text(&["functions", "Warehouse.enough"])?;
    let line = line_of(WAREHOUSE, "defp enough(_sku")?;
    assert!(listed.ends_with(&format!("{WAREHOUSE}:{line}\n")), "{listed}");
    let warehouse = text(&["modules", "Stock.Warehouse"])?;
    assert!(warehouse.contains("GenServer"), "{warehouse}");
    let metrics = json(&["metrics", "--sort", "cyclomatic", "--limit", "3"])?;
    let metrics = metrics["functions"].as_array().context("metrics")?;
    let sorted: Vec<u64> = metrics
        .iter()
        .filter_map(|one| one["cyclomatic"].as_u64())
        .collect();
    assert!(
        sorted.len() == 3 && sorted.is_sorted_by(|a, b| a >= b),
        "{sorted:?}"
    );
    Ok(())
}

/// Scenario: a function's source, flow and syntax, as text, as a picture, as JSON. Guarantee: the source is the file's own
/// lines, pictures are whole documents, the flow has both outcomes of the `case`.
#[test]
fn a_function_is_shown_in_every_form() -> Result<()> {
    let shown = text(&["show", RESERVE])?;
    assert!(
        shown.contains("Remote.call(__MODULE__, :stock, {:reserve, order_id, goods}"),
        "{shown}"
    );
    let handle = "Shop.Stock.Warehouse.handle_call/3";
    let flow = json(&["show", handle, "--cfg"])?;
    let nodes = flow["nodes"].as_array().context("nodes")?;
    let has = |part: &str| {
        nodes
            .iter()
            .any(|node| node["label"].as_str().is_some_and(|l| l.contains(part)))
    };
    assert!(has("{:ok, levels}") && has("{:error, {:short"), "{flow:#}");
    let svg = text(&["show", handle, "--cfg", "--svg"])?;
    assert!(
        svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    let dot = text(&["show", RESERVE, "--dfg", "--dot"])?;
    assert!(dot.starts_with("digraph") && dot.contains("parameter 1"), "{dot}");
    let tree = text(&["show", RESERVE, "--ast"])?;
    assert!(tree.contains("def/2"), "{tree}");
    Ok(())
}

/// Scenario: what a change reaches, ways, slices, dead code, clones. Guarantee: each says what the shop's source says.
#[test]
fn questions_over_the_graph_are_answered() -> Result<()> {
    let impact = json(&["impact", "Shop.Stock.Warehouse.take/2"])?;
    let first = &impact["impact"][0];
    assert_eq!(
        (&first["name"], &first["steps"]),
        (&"Shop.Stock.Warehouse.handle_call/3".into(), &1.into())
    );
    let way = text(&["path", "Shop.Web.Endpoint", "Shop.Stock.Warehouse.take"])?;
    assert!(way.contains("-> Shop.Stock.Warehouse.handle_call/3"), "{way}");
    let line = line_of(WAREHOUSE, "Remote.call(__MODULE__, :stock, {:reserve")?;
    let slice = json(&["slice", &format!("warehouse.ex:{line}"), "--backward"])?;
    let lines = slice["functions"][0]["lines"].as_array().context("lines")?;
    assert!(lines.contains(&(line - 1).into()), "{slice:#}");
    let dead = json(&["dead"])?;
    let dead: Vec<&str> = dead["dead"]
        .as_array()
        .context("dead")?
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert!(dead.contains(&"Shop.Pay.Ledger.balance/0"), "{dead:?}");
    assert!(
        !dead
            .iter()
            .any(|name| name.contains("handle_call") || *name == RESERVE),
        "{dead:?}"
    );
    assert!(json(&["clones", "--nodes-min", "15", "--near"])?["clones"].is_array());
    Ok(())
}

/// Scenario: a pattern with a variable, one that matches nothing, one that is none. Guarantee: the places with what the
/// variable stands for; nothing; an error that says why.
#[test]
fn code_is_found_by_example() -> Result<()> {
    let found = json(&[
        "match",
        "Remote.call(__MODULE__, :stock, {:reserve, _, goods}, ...)",
    ])?;
    let line = line_of(WAREHOUSE, "Remote.call(__MODULE__, :stock, {:reserve")?;
    let [one] = found["matches"].as_array().context("matches")?.as_slice() else {
        panic!("one place: {found:#}");
    };
    assert_eq!((&one["file"], &one["line"]), (&WAREHOUSE.into(), &line.into()));
    let captures = one["captures"].as_array().context("captures")?;
    let goods = captures.iter().find(|capture| capture["name"] == "goods");
    assert_eq!(goods.context("the variable")?["text"], "goods");
    assert_eq!(text(&["match", "Nowhere.at_all(_)"])?, "no matches\n");
    assert!(refused(&["match", "_"])?.contains("every expression"));
    Ok(())
}

/// Scenario: names, places and folders that are wrong. Guarantee: an error that says what, and what is near.
#[test]
fn wrong_questions_are_refused_with_help() -> Result<()> {
    let said = refused(&["callers", "Shop.Stock.Warehose.reserve/2"])?;
    assert!(said.contains("Warehose") && said.contains(RESERVE), "{said}");
    let said = refused(&["slice", "warehouse.ex"])?;
    assert!(said.contains("FILE:LINE"), "{said}");
    let said = refused(&["slice", "nowhere.ex:3"])?;
    assert!(said.contains("nowhere.ex"), "{said}");
    let said = refused(&["show", RESERVE, "--svg"])?;
    assert!(said.contains("--cfg"), "{said}");
    let folder = tempfile::tempdir()?;
    let path = folder.path().display().to_string();
    let said = refused(&["status", "--project", &path])?;
    assert!(said.contains("no Elixir sources"), "{said}");
    Ok(())
}
