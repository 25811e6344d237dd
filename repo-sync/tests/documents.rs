//! The documents that code search is given of a file, and an index that is kept in step with a project.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken fixture is a failed test"
)]

use std::fs;
use std::path::Path;

use codegraph::definitions::Outline;
use repo_sync::documents::{Comments, Found, documents, fill};
use repo_sync::lower::Lowerer;
use repo_sync::project::{CodeProject, ProjectOptions};
use search::{Index, Kind, Query};

const STOCK: &str = r#"
defmodule Shop.Stock do
  @moduledoc """
  What lies on the shelves.

  More of it.
  """
  use GenServer
  alias Shop.Stock.Warehouse

  defstruct [:levels, :reserved]

  @typedoc "A quantity."
  @type quantity :: non_neg_integer()

  @doc "Asks a supplier."
  @callback order(binary()) :: :ok

  @doc """
  Puts goods aside.
  """
  @spec reserve(binary(), quantity()) :: :ok | {:error, :out_of_stock}
  def reserve(order_id, amount \\ 1) do
    Warehouse.take(order_id, amount) || log("nothing is left")
    {:error, :out_of_stock}
  end

  defp log(text), do: IO.puts(text)

  defmodule Warehouse do
    def take(_, _), do: nil
  end
end

defimpl Inspect, for: [Shop.Stock, Shop.Order] do
  def inspect(_, _), do: "secret"
end
"#;

fn made(source: &str) -> Vec<Found> {
    let lowered = Lowerer::new().unwrap().lower(source);
    let outline = Outline::of(&lowered.quoted);
    let comments = Comments {
        text: source,
        places: &lowered.comments,
    };
    documents(&lowered.quoted, &outline, &comments, &|id| {
        if id.contains("reserve") { 0.5 } else { 0.0 }
    })
}

fn one(found: &[Found], kind: Kind, id: &str) -> search::Document {
    let is_it = |found: &&Found| found.document.kind == kind && found.document.id == id;
    let mut all = found.iter().filter(is_it);
    let document = all.next().unwrap_or_else(|| panic!("{id}")).document.clone();
    assert!(all.next().is_none(), "{id} is there twice");
    document
}

/// Scenario: a file with modules, an implementation for two types, functions, a type and a callback. Guarantee: a document
/// each, with what is said about it and what stands in it, and of a module not what stands in its functions.
#[test]
fn each_definition_has_its_words() {
    let found = made(STOCK);
    let stock = one(&found, Kind::Module, "Shop.Stock");
    assert_eq!(stock.summary, "What lies on the shelves.");
    assert!(stock.doc.contains("More of it."));
    assert_eq!(stock.identifiers, "levels reserved reserve");
    assert!(!stock.comments.contains("nothing is left"));

    let reserve = one(&found, Kind::Function, "Shop.Stock.reserve/2");
    assert_eq!(
        (reserve.name.as_str(), reserve.module.as_str()),
        ("reserve", "Shop.Stock")
    );
    assert_eq!((reserve.arity, reserve.is_public), (Some(2), true));
    assert!((reserve.importance - 0.5).abs() < f32::EPSILON);
    assert_eq!(reserve.summary, "Puts goods aside.");
    assert!(reserve.spec.starts_with("reserve(binary"), "{}", reserve.spec);
    assert!(reserve.identifiers.contains("order_id") && reserve.identifiers.contains("amount"));
    assert!(reserve.literals.contains("out_of_stock") && !reserve.literals.contains("nothing"));
    assert_eq!(reserve.comments, "nothing is left");
    assert!(
        reserve.calls.contains("Shop.Stock.Warehouse.take"),
        "{}",
        reserve.calls
    );
    assert!(reserve.calls.split(' ').any(|call| call == "log"));

    let log = one(&found, Kind::Function, "Shop.Stock.log/1");
    assert!(!log.is_public && log.doc.is_empty());
    assert_eq!(
        one(&found, Kind::Type, "Shop.Stock.quantity/0").doc,
        "A quantity."
    );
    assert_eq!(
        one(&found, Kind::Callback, "Shop.Stock.order/1").doc,
        "Asks a supplier."
    );
    one(&found, Kind::Function, "Shop.Stock.Warehouse.take/2");
    for of in ["Shop.Stock", "Shop.Order"] {
        one(&found, Kind::Implementation, &format!("Inspect.{of}"));
        one(&found, Kind::Function, &format!("Inspect.{of}.inspect/2"));
    }
}

/// Scenario: comments inside a function, just above it and above its attributes, behind an empty line, beside code, above and
/// in a module; log messages with and without interpolation; a `#` that is no comment. Guarantee: each comment belongs to the
/// function that it is about, else to its module, and messages are prose while single words are not.
#[test]
fn comments_and_messages_belong_to_what_they_are_about() {
    let source = r##"
# The shop.
defmodule Shop do
  # Left to itself.

  # Why it is slow:
  # the lock.
  @doc "Ships."
  @spec ship(term()) :: term()
  # Never twice.
  def ship(order) do
    # Inside of it.
    Logger.info("order #{order} is shipped")
    send(order, "# no comment")
    "single"
  end

  @timeout 5 # Seconds.
  def wait(x), do: x # At the end.

  # Of the nested one.
  defmodule Nested do
    # Nothing here.
  end
end
"##;
    let found = made(source);
    let comments = |kind, id| one(&found, kind, id).comments;
    let parts = |text: String| -> Vec<String> { text.split(search::SEPARATOR).map(str::to_owned).collect() };
    let ship = parts(comments(Kind::Function, "Shop.ship/1"));
    assert_eq!(
        ship,
        [
            "Why it is slow: the lock.",
            "Never twice.",
            "Inside of it.",
            "order ",
            " is shipped",
            "# no comment"
        ]
    );
    let literals = one(&found, Kind::Function, "Shop.ship/1").literals;
    assert!(
        literals.contains("single") && !literals.contains("shipped"),
        "{literals}"
    );
    assert_eq!(comments(Kind::Function, "Shop.wait/1"), "At the end.");
    assert_eq!(
        parts(comments(Kind::Module, "Shop")),
        ["The shop.", "Left to itself.", "Seconds."]
    );
    assert_eq!(
        parts(comments(Kind::Module, "Shop.Nested")),
        ["Of the nested one.", "Nothing here."]
    );
}

/// Scenario: sources that are broken, empty, or nest deeply. Guarantee: documents of what can be read, no panic.
#[test]
fn odd_sources_have_documents_too() {
    assert!(made("").is_empty());
    let broken = made("defmodule A do\n  def good(x), do: x\n  def bad(, do\nend\n");
    assert!(broken.iter().any(|found| found.document.id == "A.good/1"));
    let deep = format!(
        "defmodule A do\n  def f(x), do: {}x{}\nend\n",
        "[".repeat(3000),
        "]".repeat(3000)
    );
    assert!(made(&deep).iter().any(|found| found.document.id == "A.f/1"));
    assert!(made("def unquote(name)(x), do: x").is_empty());
}

fn found(index: &Index, query: &str) -> Vec<String> {
    let answer = index.search(&query.parse::<Query>().unwrap(), 10).unwrap();
    answer.hits.into_iter().map(|hit| hit.id).collect()
}

fn open(root: &Path) -> CodeProject {
    CodeProject::open(root, &ProjectOptions::default(), &|_, _| {}).unwrap()
}

/// Scenario: a project is put into an index; nothing changes; a file changes, one goes, one comes. Guarantee: only what
/// changed is put in again, and the index answers as the files are.
#[test]
fn an_index_is_kept_in_step() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join("lib").join(name);
    fs::create_dir(dir.path().join("lib")).unwrap();
    fs::write(file("stock.ex"), STOCK).unwrap();
    fs::write(file("a.ex"), "defmodule A do\n  def ship(x), do: x\nend\n").unwrap();
    let mut index = Index::memory().unwrap();
    assert_eq!(fill(&open(dir.path()), &mut index).unwrap(), 2);
    assert_eq!(found(&index, "ship kind:function"), ["A.ship/1"]);
    assert_eq!(
        found(&index, "goods aside kind:function"),
        ["Shop.Stock.reserve/2"]
    );
    assert_eq!(fill(&open(dir.path()), &mut index).unwrap(), 0);

    fs::write(file("a.ex"), "defmodule A do\n  def send_away(x), do: x\nend\n").unwrap();
    fs::remove_file(file("stock.ex")).unwrap();
    fs::write(file("b.ex"), "defmodule B do\n  def ship(x), do: x\nend\n").unwrap();
    assert_eq!(fill(&open(dir.path()), &mut index).unwrap(), 3);
    assert_eq!(found(&index, "ship kind:function"), ["B.ship/1"]);
    assert_eq!(found(&index, "send away kind:function"), ["A.send_away/1"]);
    assert!(found(&index, "goods").is_empty());
}
