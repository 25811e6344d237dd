//! Slices through the shop's processes, by expectations written by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use codegraph::fact::Confidence;
use codegraph::flow::Evidence;

use crate::project::{CodeProject, ProjectOptions, ProjectSlice, SliceBudget, SliceDirection, SliceLine};

const WAREHOUSE: &str = "lib/shop/stock/warehouse.ex";

fn shop() -> CodeProject {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo");
    CodeProject::open(&root, &ProjectOptions::default(), &|_, _| {}).expect("the shop")
}

/// The line of the warehouse that holds this text, from 1.
fn line_of(project: &CodeProject, text: &str) -> u32 {
    let file = project.file(WAREHOUSE).expect("the warehouse");
    let source = project.source(file).expect("a readable file");
    let found: Vec<u32> = (1..)
        .zip(source.text.lines())
        .filter(|(_, line)| line.contains(text))
        .map(|(at, _)| at)
        .collect();
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    found[0]
}

fn slice(project: &CodeProject, text: &str, direction: SliceDirection, budget: &SliceBudget) -> ProjectSlice {
    let file = project.file(WAREHOUSE).expect("the warehouse");
    project
        .slice(file, line_of(project, text), None, direction, budget)
        .expect("a slice")
}

/// The warehouse's lines.
fn lines(project: &CodeProject, slice: &ProjectSlice) -> BTreeMap<u32, SliceLine> {
    let file = project.file(WAREHOUSE).expect("the warehouse");
    let functions = slice.functions.iter().filter(|function| function.file == file);
    functions
        .flat_map(|function| &function.lines)
        .map(|line| (line.line, *line))
        .collect()
}

fn names(project: &CodeProject, slice: &ProjectSlice) -> Vec<String> {
    slice
        .functions
        .iter()
        .filter_map(|function| Some(project.text(function.node?)))
        .collect()
}

/// Scenario: what the answer of `Warehouse.reserve/2` is made of, which a process of its own gives through a wrapper of
/// `GenServer.call`. Guarantee: the clause that handles it is in the slice by its reply, with the functions that it
/// calls and the stock levels that another message sets; the courier, who only comes later, is not.
#[test]
fn a_reply_is_made_of_what_its_handler_computes() {
    let shop = shop();
    let slice = slice(
        &shop,
        "{:reserve, order_id, goods}, @timeout_ms",
        SliceDirection::Backward,
        &SliceBudget::default(),
    );
    let found = lines(&shop, &slice);
    let at = |text: &str| found.get(&line_of(&shop, text)).copied();
    let reply = at("{:reply, {:ok, reservation}").expect("the reply");
    assert_eq!(reply.evidence, Evidence::Reply);
    assert_eq!(reply.confidence, Confidence::Likely);
    for text in [
        "goods = Enum.map(lines",
        "case take(goods, state.levels)",
        "reservation = %Reservation{",
        "{:reply, {:error, :insufficient_stock}",
        "case enough(sku, quantity",
        "when wanted <= there",
        "GenServer.cast(__MODULE__, {:fill, sku, level})",
    ] {
        assert!(at(text).is_some(), "{text}: {found:?}");
    }
    assert!(at("Courier.deliver(reservation)").is_none(), "{found:?}");
    let names = names(&shop, &slice);
    assert_eq!(names[0], "Shop.Stock.Warehouse.reserve/2");
    assert!(names.contains(&"Shop.Web.Orders.place/1".to_owned()), "{names:?}");
    assert!(!slice.cut_functions && !slice.cut_nodes);
}

/// Scenario: what depends on the level that `Warehouse.fill/2` sends. Guarantee: the message's clause, by message; then
/// the replies that are made of the state, and who asks for them; not how processes start.
#[test]
fn a_message_goes_on_through_the_state() {
    let shop = shop();
    let slice = slice(
        &shop,
        "{:fill, sku, level})",
        SliceDirection::Forward,
        &SliceBudget::default(),
    );
    let found = lines(&shop, &slice);
    let at = |text: &str| found.get(&line_of(&shop, text)).copied();
    let filled = at("Map.update(state.levels, sku, level").expect("what the message changes");
    assert!(filled.confidence <= Confidence::Likely);
    let handler = at("def handle_cast({:fill, sku, level}").expect("the clause");
    assert_eq!(handler.evidence, Evidence::Message);
    let taken = at("case take(goods, state.levels)").expect("the state, later");
    assert!(taken.confidence <= Confidence::Likely);
    for text in [
        "{:reply, Map.get(state.levels, sku, 0), state}",
        "Remote.call(__MODULE__, :stock, {:level, sku}",
    ] {
        assert!(at(text).is_some(), "{text}: {found:?}");
    }
    // The load generator's state makes nearly all of the shop depend on earlier answers, but not how it starts.
    for text in ["def init([])", "def start_link(_options)"] {
        assert!(at(text).is_none(), "{text}: {found:?}");
    }
    let names = names(&shop, &slice);
    assert_eq!(names[0], "Shop.Stock.Warehouse.fill/2");
    assert!(names.contains(&"Shop.Web.Orders.place/1".to_owned()), "{names:?}");
    let starts = ["Shop.Application.start/2", "Shop.Cluster.init/1"];
    assert!(
        !names.iter().any(|name| starts.contains(&name.as_str())),
        "{names:?}"
    );
}

/// Scenario: a budget of three functions, and one of five expressions. Guarantee: the slice says which ended it, and holds
/// no more.
#[test]
fn a_small_budget_is_said() {
    let shop = shop();
    let text = "{:reserve, order_id, goods}, @timeout_ms";
    let few = SliceBudget {
        functions_max: 3,
        ..SliceBudget::default()
    };
    let found = slice(&shop, text, SliceDirection::Backward, &few);
    assert!(found.cut_functions && found.functions.len() <= 3);
    let small = SliceBudget {
        nodes_max: 5,
        ..SliceBudget::default()
    };
    let found = slice(&shop, text, SliceDirection::Backward, &small);
    assert!(found.cut_nodes);
    assert!(
        found
            .functions
            .iter()
            .map(|function| function.lines.len())
            .sum::<usize>()
            <= 5
    );
}
