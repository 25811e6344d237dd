//! Text that Elixir does not accept, and text that is too deep for recursion.

use codegraph::quoted::{Flags, Kind, NodeId, Quoted};

use super::super::Lowerer;

fn calls(quoted: &Quoted, name: &str) -> Vec<NodeId> {
    (0..quoted.nodes().len())
        .map(NodeId::new)
        .filter(|id| quoted.node(*id).kind == Kind::Call && quoted.text(*id) == name)
        .collect()
}

/// Scenario: one of three functions is broken. Guarantee: the others are whole, the broken one and what is around it say
/// so, and the error has a place.
#[test]
fn good_functions_are_kept() {
    let source = "defmodule A do\n  def f(x), do: x\n  def g(y), do: y )\n  def h(z), do: z\nend\n";
    let lowered = Lowerer::new().unwrap().lower(source);
    let functions = calls(&lowered.quoted, "def");
    let whole: Vec<_> = functions
        .iter()
        .filter(|id| !lowered.quoted.node(**id).flags.has(Flags::DAMAGED))
        .map(|id| lowered.quoted.show(*id))
        .collect();
    assert_eq!(
        whole,
        [
            "{:def, [], [{:f, [], [{:x, [], nil}]}, [{:do, {:x, [], nil}}]]}",
            "{:def, [], [{:h, [], [{:z, [], nil}]}, [{:do, {:z, [], nil}}]]}"
        ]
    );
    assert!(
        lowered
            .quoted
            .node(lowered.quoted.root().unwrap())
            .flags
            .has(Flags::DAMAGED)
    );
    assert!(lowered.errors.iter().any(|error| error.line == 3));
}

/// Scenario: a module that is not closed. Guarantee: its functions are found.
#[test]
fn an_open_module() {
    let lowered = Lowerer::new()
        .unwrap()
        .lower("defmodule A do\n  def f(x), do: x\n  def g(x) do\n    x\n  end\n");
    assert_eq!(calls(&lowered.quoted, "def").len(), 2);
    assert!(!lowered.errors.is_empty());
}

/// Scenario: 20,000 levels of parentheses, lists, calls, operators and blocks. Guarantee: no stack is used up, on a thread
/// with a small one.
#[test]
fn deep_nesting() {
    let repeat = |open: &str, close: &str| format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
    let sources = [
        repeat("[", "]"),
        repeat("(", ")"),
        repeat("f(", ")"),
        repeat("%{a: ", "}"),
        repeat("- ", ""),
        repeat("a = ", ""),
        repeat("", " + a"),
        repeat("a | ", ""),
        repeat("", ".b"),
        repeat("\"#{", "}\""),
        repeat("fn -> ", " end"),
        repeat("f do ", " end"),
    ];
    let lower = move || {
        let mut lowerer = Lowerer::new().unwrap();
        for source in &sources {
            let quoted = lowerer.lower(source).quoted;
            if source.starts_with('(') {
                // Parentheses leave no nodes.
                assert_eq!(quoted.nodes().len(), 1);
                continue;
            }
            assert!(
                quoted.nodes().len() > 20_000,
                "{} nodes of {}",
                quoted.nodes().len(),
                &source[..20]
            );
        }
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(lower).unwrap().join().unwrap();
}

/// Scenario: a text with a byte order mark, one with a NUL, one with an unclosed string. Guarantee: a tree with a root.
#[test]
fn odd_texts() {
    for source in [
        "\u{feff}a",
        "a\0b",
        "\"a",
        "~s(",
        "\"\"\"",
        "?",
        ":\"",
        "end",
        ")",
        "->",
        "%{",
        "a.",
        "&",
        "@",
    ] {
        let lowered = Lowerer::new().unwrap().lower(source);
        assert!(lowered.quoted.root().is_some(), "{source:?}");
    }
}

/// Scenario: a string of 400,000 backslashes, a file of 5,000 sigils that end in two. Guarantee: read in time that grows
/// with the text; the sigils beyond those that are put right leave an error at most.
#[test]
fn many_backslashes() {
    let mut lowerer = Lowerer::new().unwrap();
    let string = lowerer.lower(&format!("\"{}\"", "\\".repeat(400_000))).quoted;
    assert_eq!(string.bytes(string.root().unwrap()).len(), 200_000);
    let sigils = lowerer.lower(&"~S[a\\\\]\n".repeat(5_000)).quoted;
    assert!(!sigils.nodes().is_empty());
}
