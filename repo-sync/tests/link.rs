//! Links of small modules: what each kind of call is resolved to, and which OTP edges there are.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use codegraph::definitions::Outline;
use codegraph::fact::{Confidence, Provenance};
use codegraph::link::dispatch;
use codegraph::link::otp::{self, Facts, Kind, ModuleKind};
use codegraph::link::{Asking, Exports, How, Links};
use codegraph::quoted::Quoted;
use repo_sync::lower::Lowerer;

struct File {
    tree: Quoted,
    outline: Outline,
    links: Links,
    facts: Facts,
}

fn project(sources: &[&str]) -> Vec<File> {
    let mut lowerer = Lowerer::new().unwrap();
    let mut exports = Exports::new();
    let read: Vec<_> = sources
        .iter()
        .map(|source| {
            let lowered = lowerer.lower(source);
            assert_eq!(lowered.errors, []);
            let outline = Outline::of(&lowered.quoted);
            exports.learn(&lowered.quoted, &outline);
            (lowered.quoted, outline)
        })
        .collect();
    read.into_iter()
        .map(|(tree, outline)| {
            let asking = Asking::new(&exports);
            let links = Links::of(&tree, &outline, &asking);
            let facts = Facts::of(&tree, &outline, &links, &asking);
            File {
                tree,
                outline,
                links,
                facts,
            }
        })
        .collect()
}

/// `line how Module.name/arity` of the calls of a source, without those of `Kernel`.
fn calls(sources: &[&str]) -> Vec<String> {
    let files = project(sources);
    let file = files.last().unwrap();
    let mut calls: Vec<_> = file.links.calls.iter().collect();
    calls.sort_by_key(|call| (call.line, call.column));
    calls
        .into_iter()
        .map(|call| {
            let target = file.links.text(call.target);
            let target = target.strip_prefix("Elixir.").unwrap_or(target);
            let capture = if call.is_captured { "&" } else { "" };
            let name = file.links.text(call.name);
            let (how, arity) = (call.how.name(), call.arity);
            format!("{} {how} {capture}{target}.{name}/{arity}", call.line)
        })
        .filter(|text| !text.contains(" Kernel."))
        .collect()
}

/// Scenario: aliases of every kind, nested modules, `__MODULE__`, an attribute, Erlang's modules, in their scopes.
/// Guarantee: each call names the module that the compiler would call.
#[test]
fn aliases_are_resolved_in_their_scope() {
    let source = "
defmodule Shop.Cart do
  alias Shop.{Stock, Web.Prices}
  alias Shop.Orders, as: Past
  @store Shop.Store

  defmodule Line do
    def new, do: Stock.take(1)
  end

  def add do
    Line.new()
    Prices.of(1)
    Past.all()
    @store.put(1)
    __MODULE__.add()
    __MODULE__.Line.new()
    :maps.keys(%{})
    if true do
      alias Other.Stock
      Stock.take(2)
    end
    Stock.take(3)
  end
end
";
    let expected = [
        "8 remote Shop.Stock.take/1",
        "12 remote Shop.Cart.Line.new/0",
        "13 remote Shop.Web.Prices.of/1",
        "14 remote Shop.Orders.all/0",
        "15 remote Shop.Store.put/1",
        "16 remote Shop.Cart.add/0",
        "17 remote Shop.Cart.Line.new/0",
        "18 remote maps.keys/1",
        "21 remote Other.Stock.take/1",
        "23 remote Shop.Stock.take/1",
    ];
    assert_eq!(calls(&[source]), expected);
}

/// Scenario: imports with `only`, `except` and whole, of a module that is indexed; what `use` brings; local
/// definitions with defaults; captures; pipes; `apply`; a delegate. Guarantee: each is resolved by its own rule.
#[test]
fn imports_uses_captures_pipes_and_delegates_are_resolved() {
    let library = "
defmodule Tools do
  defmacro __using__(_options) do
    quote do
      import Tools.Math, except: [half: 1]
      def describe, do: :ok
    end
  end
end
defmodule Tools.Math do
  def twice(n, times \\\\ 2), do: n * times
  def half(n), do: n / 2
  defmacro third(n), do: n
end
";
    let source = "
defmodule Shop do
  use Tools
  import String, only: [upcase: 1]
  defdelegate shout(text), to: String, as: :upcase

  def run(x, y \\\\ 1) do
    twice(x)
    third(y)
    half(x)
    describe()
    upcase(x)
    downcase(x)
    run(x)
    x |> twice() |> helper
    Enum.map([x], &helper/1)
    Enum.map([x], &Tools.Math.half/1)
    apply(Tools.Math, :half, [x])
    x.field
    x.call(1)
  end

  defp helper(x), do: x
end
";
    let expected = [
        "3 used Tools.__using__/1",
        "5 delegated String.upcase/1",
        "8 imported Tools.Math.twice/1",
        "9 imported Tools.Math.third/1",
        "10 local Shop.half/1",
        "11 local Shop.describe/0",
        "12 imported String.upcase/1",
        "13 local Shop.downcase/1",
        "14 local Shop.run/1",
        "15 imported Tools.Math.twice/1",
        "15 local Shop.helper/1",
        "16 remote Enum.map/2",
        "16 local &Shop.helper/1",
        "17 remote Enum.map/2",
        "17 remote &Tools.Math.half/1",
        "18 applied Tools.Math.half/1",
        "20 dynamic .call/1",
    ];
    assert_eq!(calls(&[library, source]), expected);
    let files = project(&[library, source]);
    let file = files.last().unwrap();
    let find = |name: &str| {
        file.links
            .calls
            .iter()
            .find(|call| file.links.text(call.name) == name)
            .unwrap()
    };
    assert_eq!((find("twice").arity, find("twice").defined_arity), (1, 2));
    assert_eq!((find("run").arity, find("run").defined_arity), (1, 2));
    assert!(find("third").is_macro && !find("twice").is_macro);
    assert_eq!(find("downcase").mark.confidence(), Confidence::Possible);
    let delegated = file
        .links
        .calls
        .iter()
        .find(|call| call.how == How::Delegated)
        .unwrap();
    assert_eq!(delegated.mark.provenance(), Provenance::Inferred);
}

/// Scenario: code in `quote`, in `unquote`, in types, in bitstrings, in `rescue`, in a `put_in` path. Guarantee: only
/// what the compiler calls here is a call.
#[test]
fn what_only_looks_like_a_call_is_none() {
    let source = "
defmodule Shop do
  @spec size(String.t(), list(integer())) :: term()
  defmacro size(x, rest) do
    quote do
      hidden(unquote(shown(x)))
    end
  end

  def read(data) do
    <<n::binary-size(count(data)), _::binary>> = data
    put_in(data.items[n].price, 1)
  rescue
    e in [Shop.Error] -> log(e)
  end
end
";
    let expected = [
        "6 local Shop.shown/1",
        "11 local Shop.count/1",
        "14 local Shop.log/1",
    ];
    assert_eq!(calls(&[source]), expected);
}

fn edges(sources: &[&str]) -> Vec<String> {
    let files = project(sources);
    otp::connect(&files.iter().map(|file| &file.facts).collect::<Vec<_>>())
        .into_iter()
        .map(|edge| {
            let from = files[edge.from.0 as usize].tree.node(edge.from.1).line;
            let to = &files[edge.to.0 as usize];
            let module = &files[edge.to.0 as usize].facts.modules[edge.to.1 as usize];
            let line = edge.clause.map_or(0, |clause| {
                to.tree.node(to.outline.clauses[clause as usize].node).line
            });
            assert_eq!(edge.mark.provenance(), Provenance::Inferred);
            let confidence = edge.mark.confidence().name();
            format!("{} {from} -> {module}:{line} {confidence}", edge.kind.name())
        })
        .collect()
}

const STOCK: &str = "
defmodule Stock do
  use GenServer
  def start_link(n), do: GenServer.start_link(__MODULE__, n, name: __MODULE__)
  def take(server, n), do: GenServer.call(server, {:take, n})
  def put(n), do: GenServer.cast(__MODULE__, {:put, n})
  def init(n) do
    Process.send_after(self(), :tick, 100)
    :ets.new(:stock, [:named_table])
    {:ok, n}
  end
  def handle_call({:take, n}, _from, state), do: {:reply, :ok, state - n}
  def handle_call(:size, _from, state), do: {:reply, :ets.lookup(:stock, :n), state}
  def handle_cast({:put, n}, state), do: {:noreply, state + n}
  def handle_info(:tick, state), do: {:noreply, state}
  def handle_info({:sold, _id, _n}, state), do: {:noreply, state}
  def handle_info(_other, state), do: {:noreply, state}
end
";

const SHOP: &str = "
defmodule Shop.Application do
  use Application
  def start(_type, _args) do
    children = [{Stock, 3}, Shop.Orders, %{id: 1, start: {Stock, :start_link, [1]}}]
    Supervisor.start_link(children, strategy: :one_for_one)
  end
end
defmodule Shop.Orders do
  use Agent
  def sell(id) do
    Phoenix.PubSub.broadcast(Shop.PubSub, \"sales\", {:sold, id, 1})
    {:take, 1} |> then(&GenServer.call(Stock, &1))
    Stock |> GenServer.call(:size)
    Task.async(Shop.Orders, :ship, [id])
  end
  def ship(id), do: id
end
";

/// Scenario: a server with client functions, a supervisor, a broadcast, a task, a table. Guarantee: each message meets
/// the clause of its tag and size, with the confidence that its receiver allows.
#[test]
fn messages_meet_the_clauses_that_handle_them() {
    let expected = [
        "start 4 -> Stock:7 likely",
        "call 5 -> Stock:12 possible",
        "cast 6 -> Stock:14 likely",
        "info 8 -> Stock:15 likely",
        "child 6 -> Stock:0 likely",
        "child 6 -> Shop.Orders:0 likely",
        "broadcast 12 -> Stock:16 possible",
        "call 13 -> Stock:12 possible",
        "call 13 -> Stock:13 possible",
        "call 14 -> Stock:13 likely",
        "task 15 -> Shop.Orders:17 likely",
    ];
    let found: Vec<String> = edges(&[STOCK, SHOP])
        .iter()
        .map(|edge| edge.replace("Elixir.", ""))
        .collect();
    assert_eq!(found, expected);
    let files = project(&[STOCK, SHOP]);
    let facts = &files[0].facts;
    let tables: Vec<_> = facts
        .tables
        .iter()
        .map(|use_| (use_.table.as_str(), use_.access))
        .collect();
    assert_eq!(
        tables,
        [("stock", otp::Access::New), ("stock", otp::Access::Read)]
    );
    assert_eq!(facts.kinds[0].kinds, [ModuleKind::GenServer]);
    assert_eq!(facts.kinds[0].callbacks.len(), 4);
    assert!(facts.sends.iter().any(|sent| sent.kind == Kind::Start));
}

/// Scenario: a protocol with two implementations, a behaviour with one module, a call of each. Guarantee: the
/// protocol's call reaches both as guesses, the call of a module in a variable the one callback.
#[test]
fn protocols_and_behaviours_reach_their_implementations() {
    let source = "
defprotocol Price do
  def of(item)
end
defimpl Price, for: [Integer, Float] do
  def of(n), do: n
end
defimpl Price, for: Map do
  def of(map), do: map.price
end
defmodule Carrier do
  @callback ship(term(), integer()) :: :ok
end
defmodule Carrier.Post do
  @behaviour Carrier
  def ship(_id, _n), do: :ok
  def other(_id, _n), do: :ok
end
defmodule Shop do
  def run(carrier, item) do
    carrier.ship(item, 1)
    carrier.other(item, 1)
    Price.of(item)
  end
end
";
    let files = project(&[source]);
    let sources: Vec<_> = files
        .iter()
        .map(|file| dispatch::Source {
            tree: &file.tree,
            outline: &file.outline,
            links: &file.links,
        })
        .collect();
    let file = &files[0];
    let found: Vec<String> = dispatch::dispatch(&sources)
        .iter()
        .map(|one| {
            let line = file.links.calls[one.from.1 as usize].line;
            let function = &file.outline.functions[one.to.1 as usize];
            let clause = &file.outline.clauses[function.clauses[0] as usize];
            let to = file.tree.node(clause.node).line;
            format!("{line} -> {to} {}", one.mark.confidence().name())
        })
        .collect();
    assert_eq!(found, ["21 -> 16 possible", "23 -> 6 guess", "23 -> 9 guess"]);
}
