//! Deep, long and broken code.

#![expect(clippy::unwrap_used, reason = "a sample that cannot be read ends its test")]

use codegraph::definitions::Outline;
use codegraph::flow::Analyzer;
use repo_sync::lower::Lowerer;

fn survives(source: &str) -> usize {
    let lowered = Lowerer::new().unwrap().lower(source);
    let outline = Outline::of(&lowered.quoted);
    let flows = Analyzer::new(&lowered.quoted, &outline).all();
    for flow in &flows {
        let last = codegraph::quoted::NodeId::new(lowered.quoted.nodes().len() - 1);
        assert!(flow.backward(last).len() <= lowered.quoted.nodes().len());
    }
    flows.iter().map(|flow| flow.cfg.steps.len()).sum()
}

/// Scenario: 10,000 levels of calls, pipes, operators, `if`, `fn`, `try` and lists. Guarantee: analysed without overflowing
/// the stack.
#[test]
fn deep_code_is_analysed() {
    let nest = |open: &str, close: &str, levels: usize| {
        format!(
            "def f(x) do\n{}x{}\nend",
            open.repeat(levels),
            close.repeat(levels)
        )
    };
    for (open, close) in [("g(", ")"), ("[", "]"), ("not ", ""), ("{", ", 1}")] {
        assert!(survives(&nest(open, close, 10_000)) > 3, "{open}");
    }
    assert!(survives(&nest("", " |> g()", 10_000)) > 10_000);
    assert!(survives(&nest("", " + x", 10_000)) > 10_000);
    assert!(survives(&nest("if x do\n", "\nend", 2_000)) > 2_000);
    assert!(survives(&nest("fn x -> ", " end", 2_000)) > 2_000);
    assert!(survives(&nest("try do\n", "\nafter\ng()\nend", 1_000)) > 1_000);
}

/// Scenario: code with syntax errors, keywords in odd places, empty constructs. Guarantee: never a panic.
#[test]
fn broken_code_is_analysed() {
    for source in [
        "def f(x) do case x do end end",
        "def f(x) do if end",
        "def f(x) do fn end",
        "def f(x) do with do end end",
        "def f(x) do for do end end",
        "def f(x) do receive do end end",
        "def f(x) do try do end end",
        "def f(x) do cond do 1 end end",
        "def f(x) do x -> end",
        "def f(x) do (x; ) = end",
        "def f(x) do & end",
        "def f(x) do x |> end",
        "def f(\\\\ , do: 1",
        "def f(x) do case x do 1 -> ) end end",
        "def f(x) do <<x::>> = x end",
        "def f() do for x <- , do: x end",
        "def f(%{a: }) when do x end",
        "def f(x), do: (fn -> end)",
    ] {
        survives(source);
    }
}
