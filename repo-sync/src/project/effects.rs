//! What functions do beside computing their result, through all that they call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use codegraph::flow::effects::{self, Effects};
use codegraph::flow::{Analyzer, Call, Callee, FunctionFlow};
use codegraph::graph::{EdgeKind, KindSet, Walk};

use super::slice::loaded::Written;
use super::{CodeProject, FileSource};
use crate::lower::Lowerer;
use crate::{FileFault, FileFaultKind};

/// Edges to functions whose effects are those of who has the edge. A message is not one: what handles it runs in its
/// own time, in another process.
const JOINED: KindSet = KindSet::of(&[EdgeKind::CALLS, EdgeKind::DELEGATES, EdgeKind::REFERENCES]);

/// What a function does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionEffects {
    /// By calls of libraries that are known by name, by `receive` and by `raise`.
    pub own: Effects,
    /// That, and what all functions of the project do that it calls. Without [`Effects::UNKNOWN`] it is all there is,
    /// as far as the sources tell.
    pub all: Effects,
    /// Functions that it calls itself and that nothing is known of, by name.
    pub unknown: BTreeSet<String>,
}

/// A function on the way to the fixed point.
#[derive(Debug, Default)]
struct Own {
    found: FunctionEffects,
    // Called functions, and what of their effects is not this function's: what it rescues.
    calls: Vec<(Written, Effects)>,
}

impl CodeProject {
    /// The effects of these functions, by node. Nodes that the sources do not define are left out. Least fixed point
    /// over the call graph, recursion included.
    pub fn effects(&self, nodes: &[u32]) -> Result<BTreeMap<u32, FunctionEffects>, FileFault> {
        let mut wanted: BTreeSet<Written> = BTreeSet::new();
        let reach = Walk::along(JOINED).reach(&self.graph, nodes);
        wanted.extend(
            reach
                .nodes
                .iter()
                .filter_map(|reached| self.written(reached.node)),
        );
        let mut first_nodes: HashMap<Written, u32> = HashMap::new();
        for index in 0..self.functions.len() {
            let node = self.node_of(index);
            if let Some(written) = self.written(node) {
                first_nodes.entry(written).or_insert(node);
            }
        }
        let mut lowerer = Lowerer::new().map_err(|kind| FileFault {
            path: String::new(),
            kind: FileFaultKind::Source(kind),
        })?;
        let mut all: BTreeMap<Written, Own> = BTreeMap::new();
        let wanted: Vec<Written> = wanted.into_iter().collect();
        for group in wanted.chunk_by(|a, b| a.0 == b.0) {
            let Some((file, _)) = group.first() else {
                continue;
            };
            let source = self.source_by(&mut lowerer, *file)?;
            let mut analyzer = Analyzer::new(&source.tree, &source.outline);
            for written in group {
                if let (Some(flow), Some(node)) = (analyzer.function(written.1), first_nodes.get(written)) {
                    all.insert(*written, self.own_effects(&source, &flow, *node));
                }
            }
        }
        join(&mut all);
        let found = |node: &u32| {
            let own = all.get(&self.written(*node)?)?;
            Some((*node, own.found.clone()))
        };
        Ok(nodes.iter().filter_map(found).collect())
    }

    fn own_effects(&self, source: &FileSource, flow: &FunctionFlow, node: u32) -> Own {
        let tree = &source.tree;
        let own = effects::own(tree, flow, |module| source.outline.expand(tree, module));
        let mut made = Own {
            found: FunctionEffects {
                own: own.effects,
                all: own.effects,
                unknown: BTreeSet::new(),
            },
            calls: Vec::new(),
        };
        for open in &own.open {
            let Some(call) = flow.dfg.calls.get(open.call as usize) else {
                continue;
            };
            let called = self
                .called_by(node, tree, call)
                .and_then(|(to, _)| self.written(to));
            if let Some(written) = called {
                made.calls.push((written, rescued(flow, call)));
            } else {
                made.found.unknown.insert(name(source, call));
            }
        }
        // A delegate, and a protocol's function, which has no body: what stands behind them.
        for site in self.sites_from(node) {
            if site.kind == EdgeKind::DELEGATES || site.how == "dispatch" {
                match self.written(site.to) {
                    Some(written) => made.calls.push((written, Effects::NONE)),
                    None => made.found.unknown.extend([self.text(site.to)]),
                }
            }
        }
        let has_body = source
            .outline
            .functions
            .get(flow.function as usize)
            .is_some_and(|function| {
                let mut clauses = function
                    .clauses
                    .iter()
                    .filter_map(|clause| source.outline.clauses.get(*clause as usize));
                clauses.any(|clause| clause.body.is_some())
            });
        if !made.found.unknown.is_empty() || (!has_body && made.calls.is_empty()) {
            made.found.all = made.found.all.join(Effects::UNKNOWN);
        }
        made
    }
}

/// What of a callee's effects ends at its call: a raise that something handles.
fn rescued(flow: &FunctionFlow, call: &Call) -> Effects {
    let step = flow
        .step_of(call.node)
        .and_then(|step| flow.cfg.steps.get(step as usize));
    if step.is_some_and(|step| step.raises && step.decides.is_none()) || call.captured {
        Effects::NONE
    } else {
        Effects::RAISES
    }
}

/// A called function's name as far as it is written.
fn name(source: &FileSource, call: &Call) -> String {
    let tree = &source.tree;
    let (module, name) = match call.callee {
        Callee::Local(name) => (None, name),
        Callee::Remote(module, name) => (source.outline.expand(tree, module), name),
        Callee::Dynamic => return "(computed)".to_owned(),
    };
    let name = tree.symbols().text(name);
    match module {
        Some(module) => format!("{}.{name}/{}", super::names::module_text(&module), call.arity),
        None => format!("{name}/{}", call.arity),
    }
}

/// Joins the effects of callees until nothing changes.
fn join(all: &mut BTreeMap<Written, Own>) {
    let mut callers: HashMap<Written, Vec<Written>> = HashMap::new();
    for (caller, own) in all.iter() {
        for (callee, _) in &own.calls {
            callers.entry(*callee).or_default().push(*caller);
        }
    }
    let mut work: Vec<Written> = all.keys().copied().collect();
    while let Some(function) = work.pop() {
        let Some(own) = all.get(&function) else {
            continue;
        };
        let mut effects = own.found.all;
        for (callee, rescued) in &own.calls {
            // A callee that could not be analysed does what nobody knows.
            let of_callee = all
                .get(callee)
                .map_or(Effects::UNKNOWN, |callee| callee.found.all);
            effects = effects.join(Effects::from_bits(of_callee.bits() & !rescued.bits()));
        }
        if let Some(own) = all.get_mut(&function).filter(|own| own.found.all != effects) {
            own.found.all = effects;
            work.extend(callers.get(&function).into_iter().flatten());
        }
    }
}

#[cfg(test)]
mod tests {
    //! Effects of programs written for it.

    use std::fs;

    use crate::project::{CodeProject, ProjectOptions};

    const SOURCE: &str = r#"
defmodule Pure do
  def add(a, b), do: Other.twice(a) + b
  def all(list), do: Enum.map(list, &Other.twice/1)
  def even(0), do: true
  def even(n), do: odd(n - 1)
  def odd(0), do: false
  def odd(n), do: even(n - 1)
end

defmodule Other do
  def twice(a), do: a * 2
  def note(text), do: IO.puts(text)
  def seen(key), do: :ets.lookup(:table, key)
  def keep(key), do: :ets.insert(:table, {key, 1})
  def tell(pid), do: send(pid, :now)
  def fail(a), do: raise(ArgumentError, "no #{a}")
  def library(a), do: Unheard.of(a)
  def run(f), do: f.(1)
  defdelegate note_too(text), to: Other, as: :note
end

defmodule Joined do
  def says(a), do: Other.note(Pure.add(a, 1))
  def loops(0), do: Other.keep(:end)
  def loops(n), do: again(n)
  defp again(n), do: loops(n - Other.seen(n))
  def falls(a), do: Other.fail(a)
  def safe(a) do
    Other.fail(a)
  rescue
    _ -> :ok
  end
  def asks(pid), do: GenServer.call(pid, :stop)
  def far(a), do: Other.library(a)
  def captured(list), do: Enum.each(list, &Other.tell/1)
  def behind(text), do: Other.note_too(text)
end

defmodule Server do
  use GenServer
  def stop, do: GenServer.cast(__MODULE__, :stop)
  def init(_), do: {:ok, 0}
  def handle_cast(:stop, state) do
    IO.puts("bye")
    {:noreply, state}
  end
end
"#;

    /// Scenario: functions that compute, recurse in turn, print, use a table, send, raise, rescue, delegate, and call
    /// what nothing is known of, directly, through others and through captures. Guarantee: exactly these effects, a
    /// raise ends at its rescue, a message does not bring its handler's effects, an unknown callee is named.
    #[test]
    fn effects_go_through_calls() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("lib")).expect("a folder");
        fs::write(root.path().join("lib/effects.ex"), SOURCE).expect("a file");
        let project =
            CodeProject::open(root.path(), &ProjectOptions::default(), &|_, _| {}).expect("a project");
        let expected: [(&str, &[&str]); 20] = [
            ("Pure.add/2", &[]),
            ("Pure.all/1", &[]),
            ("Pure.even/1", &[]),
            ("Pure.odd/1", &[]),
            ("Other.note/1", &["io"]),
            ("Other.seen/1", &["reads"]),
            ("Other.keep/1", &["writes"]),
            ("Other.tell/1", &["sends"]),
            ("Other.fail/1", &["raises"]),
            ("Other.library/1", &["unknown"]),
            ("Other.run/1", &["unknown"]),
            ("Joined.says/1", &["io"]),
            ("Joined.loops/1", &["reads", "writes"]),
            ("Joined.again/1", &["reads", "writes"]),
            ("Joined.falls/1", &["raises"]),
            ("Joined.safe/1", &[]),
            ("Joined.far/1", &["unknown"]),
            ("Joined.captured/1", &["sends"]),
            ("Joined.behind/1", &["io"]),
            ("Server.stop/0", &["sends"]),
        ];
        let node = |name: &str| project.find(name).expect("a function").nodes()[0];
        let nodes: Vec<u32> = expected.iter().map(|(name, _)| node(name)).collect();
        let found = project.effects(&nodes).expect("readable sources");
        for ((name, wanted), node) in expected.iter().zip(&nodes) {
            let all: Vec<&str> = found[node].all.names().collect();
            assert_eq!(all, *wanted, "{name}");
        }
        let library = &found[&node("Other.library/1")];
        assert_eq!(library.unknown.iter().collect::<Vec<_>>(), ["Unheard.of/1"]);
        assert!(found[&node("Joined.far/1")].unknown.is_empty());
        assert!(found[&node("Joined.says/1")].own.is_pure());
        let asks = project
            .effects(&[node("Joined.asks/1")])
            .expect("readable sources");
        assert!(
            asks.values()
                .all(|one| one.all.names().any(|name| name == "sends"))
        );
    }
}
