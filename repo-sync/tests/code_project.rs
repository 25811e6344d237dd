//! A project's code graph: from this repository's shop, and from projects with everything wrong.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use codegraph::fact::{Confidence, Provenance};
use codegraph::graph::{EdgeKind, Walk};
use repo_sync::FileFaultKind;
use repo_sync::project::{CodeProject, DeadReason, ProjectOptions, REACHES, SliceDirection};

fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn open(root: &Path) -> CodeProject {
    CodeProject::open(root, &ProjectOptions::default(), &|done, total| {
        assert!(done <= total);
    })
    .unwrap()
}

fn shop() -> CodeProject {
    open(&PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo"))
}

fn node(project: &CodeProject, name: &str) -> u32 {
    let asked = project.find(name).unwrap();
    assert_eq!(asked.nodes().len(), 1, "{name}");
    asked.nodes()[0]
}

fn names(project: &CodeProject, nodes: impl IntoIterator<Item = u32>) -> Vec<String> {
    nodes.into_iter().map(|node| project.text(node)).collect()
}

/// Scenario: the shop's reservation is a message that a function of another module sends for it. Guarantee: the calling
/// function is connected with the very clause that handles it, as inferred, and impact and ways go through it.
#[test]
fn a_message_through_a_wrapper_meets_its_clause() {
    let shop = shop();
    let reserve = node(&shop, "Shop.Stock.Warehouse.reserve/2");
    let handle = node(&shop, "Shop.Stock.Warehouse.handle_call/3");
    let [site] = shop.sites_between(reserve, handle) else {
        panic!("one message");
    };
    assert_eq!((site.kind, site.how), (EdgeKind::SENDS, "call"));
    assert_eq!(site.mark.provenance(), Provenance::Inferred);
    assert_eq!(site.mark.confidence(), Confidence::Likely);
    let (file, _) = shop.place(handle).unwrap();
    let source = shop.source(shop.file(file).unwrap()).unwrap();
    assert!(
        source
            .line(site.clause_line)
            .contains("{:reserve, order_id, goods}")
    );
    assert!(
        source
            .line(site.line)
            .contains("Remote.call(__MODULE__, :stock, {:reserve")
    );
    let level = node(&shop, "Shop.Stock.Warehouse.level/1");
    let [site] = shop.sites_between(level, handle) else {
        panic!("one message");
    };
    assert!(source.line(site.clause_line).contains("{:level, sku}"));

    let callers = names(
        &shop,
        Walk::against(REACHES)
            .depth(1)
            .reach(shop.graph(), &[reserve])
            .met(),
    );
    assert_eq!(callers, ["Shop.Web.Orders.place/1"]);
    let take = node(&shop, "Shop.Stock.Warehouse.take/2");
    let impact = Walk::impact().depth(3).ranked(shop.graph(), &[take]);
    let impact = names(&shop, impact.nodes.iter().map(|one| one.node));
    assert_eq!(
        impact,
        [
            "Shop.Stock.Warehouse.handle_call/3",
            "Shop.Stock.Warehouse.reserve/2",
            "Shop.Stock.Warehouse.level/1",
            "Shop.Web.Orders.place/1"
        ]
    );
    let post = node(&shop, "Shop.Web.Endpoint.post_order/1");
    let ways = Walk::along(REACHES).paths(shop.graph(), &[post], &[take], 1);
    let way = names(&shop, ways.paths[0].iter().copied());
    assert_eq!(
        way,
        [
            "Shop.Web.Endpoint.post_order/1",
            "Shop.Web.Orders.place/1",
            "Shop.Stock.Warehouse.reserve/2",
            "Shop.Stock.Warehouse.handle_call/3",
            "Shop.Stock.Warehouse.take/2"
        ]
    );
    let stock = node(&shop, "Shop.Stock");
    assert_eq!(
        names(&shop, shop.supervised(stock)),
        [
            "Shop.Stock.Catalogue",
            "Shop.Stock.Courier",
            "Shop.Stock.Restocker",
            "Shop.Stock.Warehouse"
        ]
    );
}

const DEAD: &str = "defmodule Dead do
  use GenServer
  def init(n), do: {:ok, used(n)}
  def api(n), do: n
  def dynamic(n), do: n
  defp used(n), do: n
  defp unused(n), do: inner(n)
  defp inner(n), do: n
  def run(module), do: module.dynamic(1)
end
";

/// Scenario: functions that callbacks use, that nothing uses, that only dead ones use, and one whose name a computed call
/// has. Guarantee: exactly the unused are listed, each with its reason and as surely as it can be.
#[test]
fn what_nothing_calls_is_dead_as_surely_as_can_be() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "lib/dead.ex", DEAD);
    let project = open(root.path());
    let dead: Vec<_> = project
        .dead(&|_| false)
        .into_iter()
        .map(|dead| (project.text(dead.node), dead.reason, dead.confidence))
        .collect();
    let row = |name: &str, reason, confidence| (format!("Dead.{name}/1"), reason, confidence);
    assert_eq!(
        dead,
        [
            row("api", DeadReason::PublicUncalled, Confidence::Possible),
            row("dynamic", DeadReason::PublicUncalled, Confidence::Guess),
            row("unused", DeadReason::PrivateUncalled, Confidence::Likely),
            row("inner", DeadReason::OnlyByDead, Confidence::Possible),
            row("run", DeadReason::PublicUncalled, Confidence::Possible),
        ]
    );
    let kept = project.dead(&|function| *function.name == *"unused");
    assert!(!names(&project, kept.iter().map(|dead| dead.node)).contains(&"Dead.inner/1".to_owned()));
}

/// Scenario: files with bad UTF-8, a byte order mark, syntax errors, a loop of links, beside a good one. Guarantee: each
/// is a fault with its path, the broken file's good functions and the good file are there.
#[test]
fn bad_files_are_faults_and_the_rest_is_read() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "lib/good.ex",
        "defmodule Good do\n  def a, do: Half.whole()\nend\n",
    );
    write(root.path(), "lib/bytes.ex", b"defmodule B do\n\xff\nend\n");
    write(root.path(), "lib/mark.ex", "\u{feff}defmodule M do\nend\n");
    write(
        root.path(),
        "lib/half.ex",
        "defmodule Half do\n  def whole, do: 1\n\n  def broken(x) do\n    x = (\n  end\nend\n",
    );
    std::os::unix::fs::symlink(root.path().join("lib"), root.path().join("lib/loop")).unwrap();
    let project = open(root.path());
    let faults: Vec<&str> = project.faults().iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(faults, ["lib/bytes.ex", "lib/half.ex", "lib/loop", "lib/mark.ex"]);
    let half = project.faults().iter().find(|fault| fault.path == "lib/half.ex");
    assert!(matches!(half.unwrap().kind, FileFaultKind::Syntax { .. }));
    let (caller, called) = (node(&project, "Good.a/0"), node(&project, "Half.whole/0"));
    assert_eq!(project.sites_between(caller, called).len(), 1);
    assert!(CodeProject::open(&root.path().join("none"), &ProjectOptions::default(), &|_, _| {}).is_err());
}

/// Scenario: the shop is read by one thread and by three, with trees kept and with every file parsed twice. Guarantee: the
/// same numbers, edges and sites.
#[test]
fn threads_and_memory_do_not_change_the_graph() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam");
    let read = |threads, trees_bytes_max| {
        let options = ProjectOptions {
            tests: true,
            threads,
            trees_bytes_max,
        };
        CodeProject::open(&root, &options, &|_, _| {}).unwrap()
    };
    let (one, three) = (read(1, usize::MAX), read(3, 0));
    assert_eq!(one.reading().parsed, one.files().len() as u64);
    assert_eq!(three.reading().parsed, 2 * three.files().len() as u64);
    assert_eq!(one.functions(), three.functions());
    assert_eq!(one.sites(), three.sites());
    assert_eq!(one.graph(), three.graph());
    assert!(one.sites().len() > 100);
}

/// Scenario: names that are written wrong, without arity, with fewer arguments than parameters, and of Erlang. Guarantee:
/// what is meant is found, what is not there is refused with the names near it.
#[test]
fn names_are_found_as_people_write_them() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "lib/n.ex",
        "defmodule Shop.Names do\n  def reserve(a, b \\\\ 1), do: {a, b}\n  def reserve(a, b, c), do: :maps.keys({a, b, c})\n  def a ++ b, do: {a, b}\nend\n",
    );
    let project = open(root.path());
    assert_eq!(project.find("Shop.Names.reserve").unwrap().nodes().len(), 2);
    assert_eq!(
        project.text(node(&project, "Shop.Names.reserve/1")),
        "Shop.Names.reserve/2"
    );
    assert_eq!(project.text(node(&project, ":maps.keys/1")), ":maps.keys/1");
    assert_eq!(project.text(node(&project, "Shop.Names.++/2")), "Shop.Names.++/2");
    let unknown = project.find("Shop.Name.reserv/2").unwrap_err();
    assert_eq!(unknown.near[0], "Shop.Names.reserve/2");
    for text in ["", ".", "/", "..", "a/b/c", "\u{e9}.\u{e9}/9", ":"] {
        assert!(project.find(text).is_err(), "{text}");
    }
}

/// Scenario: a protocol with two implementations, in one of which a private function helps. Guarantee: its caller leads to
/// both, as possible, and what only an implementation uses is not dead.
#[test]
fn a_protocol_leads_to_its_implementations() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "lib/p.ex",
        "defmodule A do\n  alias Shop.Price\n  def run(x), do: Price.of(x)\nend\ndefprotocol Shop.Price do\n  def of(x)\nend\n\
         defimpl Shop.Price, for: [Integer, List] do\n  def of(x), do: twice(x)\n  defp twice(x), do: x\nend\n",
    );
    let project = open(root.path());
    let run = node(&project, "A.run/1");
    let reach = Walk::along(REACHES).reach(project.graph(), &[run]);
    assert_eq!(
        names(&project, reach.met()),
        [
            "Shop.Price.of/1",
            "Shop.Price.Integer.of/1",
            "Shop.Price.List.of/1",
            "Shop.Price.Integer.twice/1",
            "Shop.Price.List.twice/1"
        ]
    );
    let of = node(&project, "Shop.Price.of/1");
    let [site] = project.sites_between(of, node(&project, "Shop.Price.List.of/1")) else {
        panic!("one dispatch");
    };
    assert_eq!(
        (site.how, site.mark.confidence()),
        ("dispatch", Confidence::Possible)
    );
    assert_eq!((site.line, site.clause_line), (6, 9));
    assert!(
        !names(&project, project.dead(&|_| false).iter().map(|dead| dead.node))
            .contains(&"Shop.Price.List.twice/1".to_owned())
    );
}

const SLICE: &str = "defmodule Slice do
  def total(lines, rate) do
    goods = sum(lines)
    label = text(rate)
    taxed = goods * rate
    IO.puts(label)
    taxed + 1
  end

  defp sum(lines), do: Enum.sum(lines)
  defp text(rate), do: to_string(rate)
end
";

/// Scenario: a function that computes two unrelated things. Guarantee: the slice of one has the lines that it is made of,
/// also in the function it calls, and none of the other's; forward the reverse; a line without code is refused.
#[test]
fn slices_have_the_lines_that_matter() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "lib/slice.ex", SLICE);
    let project = open(root.path());
    let source = project.source(0).unwrap();
    let back = source.slice(7, None, SliceDirection::Backward).unwrap();
    let lines: Vec<_> = back
        .iter()
        .map(|part| (part.in_outline, part.lines.clone()))
        .collect();
    assert_eq!(lines, [(0, vec![2, 3, 5, 7]), (1, vec![10])]);
    let forward = source.slice(4, None, SliceDirection::Forward).unwrap();
    assert_eq!(forward[0].lines, [4, 6]);
    let at = source.slice(5, Some(13), SliceDirection::Backward).unwrap();
    assert_eq!(at[0].lines, [2, 3, 5]);
    assert!(source.slice(9, None, SliceDirection::Backward).is_err());
    assert!(source.slice(0, Some(0), SliceDirection::Forward).is_err());
    assert!(
        source
            .slice(u32::MAX, Some(u32::MAX), SliceDirection::Forward)
            .is_err()
    );
}

/// Scenario: one function written twice, with other names. Guarantee: one group with both places.
#[test]
fn clones_have_their_places() {
    let root = tempfile::tempdir().unwrap();
    let body = |name: &str, x: &str| {
        format!(
            "defmodule {name} do\n  def run({x}) do\n    case Enum.map({x}, fn one -> one.price * one.count + 1 end) do\n      [] -> {{:error, :empty}}\n      found -> {{:ok, Enum.sum(found)}}\n    end\n  end\nend\n"
        )
    };
    write(root.path(), "lib/a.ex", body("A", "lines"));
    write(root.path(), "lib/b.ex", body("B", "goods"));
    let project = open(root.path());
    let options = codegraph::clones::Options {
        nodes_min: 20,
        ..Default::default()
    };
    let found = project.clones(options).unwrap();
    let places: Vec<_> = found[0]
        .pieces
        .iter()
        .map(|piece| (piece.file, piece.line, piece.end_line))
        .collect();
    assert_eq!(places, [(0, 2, 7), (1, 2, 7)]);
}
