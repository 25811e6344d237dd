//! What functions do beside computing.

use codegraph::fact::Confidence;
use codegraph::flow::effects::{Effects, own, written};

use super::sample::{Sample, sample};

fn names(s: &Sample, function: usize) -> Vec<&'static str> {
    let found = own(&s.tree, &s.flows[function], |node| written(&s.tree, node));
    found.effects.names().collect()
}

/// Scenario: functions that each do one thing. Guarantee: each has the effects of what it calls, a pure one has none.
#[test]
fn effects_are_those_of_known_calls() {
    let s = sample(
        "def pure(xs), do: xs |> Enum.map(&String.upcase/1) |> Enum.join() |> String.length()
         def log(x), do: IO.puts(x)
         def table(k), do: :ets.lookup(:t, k)
         def store(k, v), do: :ets.insert(:t, {k, v})
         def ask(pid), do: GenServer.call(pid, :x)
         def tell(pid), do: send(pid, :x)
         def wait(), do: (receive do x -> x end)
         def now(), do: DateTime.utc_now()
         def roll(), do: :rand.uniform(6)
         def spec(), do: Application.get_env(:a, :b)
         def go(f), do: f.(1)
         def task(x), do: Task.async(fn -> File.write!(x, x) end)",
    );
    let all: Vec<Vec<&str>> = (0..s.flows.len()).map(|function| names(&s, function)).collect();
    let expected: [&[&str]; 12] = [
        &[],
        &["io"],
        &["reads"],
        &["writes"],
        &["sends"],
        &["sends"],
        &["receives"],
        &["reads", "varies"],
        &["varies"],
        &["reads"],
        &["unknown"],
        &["writes", "io", "spawns"],
    ];
    assert_eq!(all, expected);
}

/// Scenario: a `raise` that leaves the function, one that is rescued, one that never runs. Guarantee: only the first is an
/// effect.
#[test]
fn only_what_leaves_the_function_is_raised() {
    let s = sample(
        "def a(x), do: (if x, do: raise \"no\")
         def b(x) do
           raise x
         rescue
           _ -> :ok
         end
         def c(), do: (receive do _ -> :ok end; throw(:a); raise \"dead\")",
    );
    assert_eq!(names(&s, 0), ["raises"]);
    assert_eq!(names(&s, 1), Vec::<&str>::new());
    let found = own(&s.tree, &s.flows[2], |node| written(&s.tree, node));
    assert_eq!(found.each.len(), 2, "{found:?}");
}

/// Scenario: calls to functions of the project, and a module known by convention. Guarantee: the first are left open for
/// the call graph, the second is likely only; joining is the union.
#[test]
fn calls_of_the_project_are_left_open() {
    let s = sample(
        "def f(x) do
           helper(x)
           Shop.Stock.take(x)
           Shop.Repo.insert(x)
         end",
    );
    let found = own(&s.tree, &s.flows[0], |node| written(&s.tree, node));
    assert_eq!(found.open.len(), 2);
    assert_eq!(found.each[0].mark.confidence(), Confidence::Likely);
    let joined = found.effects.join(Effects::SENDS);
    assert!(joined.has(Effects::WRITES) && joined.has(Effects::SENDS) && !joined.has(Effects::RAISES));
    assert_eq!(Effects::from_bits(joined.bits()), joined);
}
