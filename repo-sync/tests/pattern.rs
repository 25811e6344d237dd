//! Patterns, written as Elixir, find the code that they are examples of.
#![expect(clippy::unwrap_used, reason = "test support")]

use std::path::PathBuf;

use codegraph::pattern::{Pattern, PatternFault};
use repo_sync::lower::Lowerer;
use repo_sync::project::{CodeProject, ProjectOptions, pattern};

const CODE: &str = r"
defmodule Shop.Orders do
  def place(order, user) do
    order |> validate() |> Repo.insert(returning: true)
    GenServer.call(Stock, {:reserve, order.id, order.lines}, 5000)
    Enum.map(order.lines, fn line -> line.price * line.quantity end) |> Enum.sum()
    if user == user, do: :same
    if user == order, do: :other
    log(%{id: order.id, user: user, at: now()})
    case take(order) do
      {:ok, level} -> level
      {:error, reason} -> raise reason
    end
  end
end
";

fn texts(pattern: &str) -> Vec<String> {
    let mut lowerer = Lowerer::new().unwrap();
    let pattern = Pattern::compile(&lowerer.lower(pattern).quoted).unwrap();
    let code = lowerer.lower(CODE).quoted;
    pattern
        .find(&code)
        .iter()
        .map(|found| {
            let node = code.node(found.node);
            let captures: Vec<String> = found
                .captures
                .iter()
                .map(|capture| {
                    let node = code.node(capture.node);
                    format!(
                        "{}={}",
                        capture.name,
                        &CODE[node.start as usize..node.end as usize]
                    )
                })
                .collect();
            let text = CODE[node.start as usize..node.end as usize].replace('\n', " ");
            [vec![text], captures].concat().join(" ; ")
        })
        .collect()
}

/// Scenario: a call with a variable and `_`. Guarantee: it is found, and the variable stands for the argument.
#[test]
fn variables_capture() {
    assert_eq!(
        texts("GenServer.call(server, {:reserve, _, _}, timeout)"),
        ["GenServer.call(Stock, {:reserve, order.id, order.lines}, 5000) ; server=Stock ; timeout=5000"]
    );
}

/// Scenario: a pipe is looked for as a call, a call as a pipe. Guarantee: both are found, either way.
#[test]
fn a_pipe_is_a_call() {
    let piped = "Enum.map(order.lines, fn line -> line.price * line.quantity end) |> Enum.sum()";
    assert_eq!(texts("Enum.sum(Enum.map(_, _))"), [piped]);
    assert_eq!(texts("_ |> Enum.map(_) |> Enum.sum()"), [piped]);
    assert_eq!(
        texts("Repo.insert(x, ...)"),
        ["order |> validate() |> Repo.insert(returning: true) ; x=order |> validate()"]
    );
}

/// Scenario: the same variable twice. Guarantee: only equal expressions match.
#[test]
fn a_name_twice_means_equal_code() {
    assert_eq!(texts("GenServer.call(_, {:reserve, ...}, _)").len(), 1);
    assert_eq!(texts("GenServer.call(_, {:release, ...}, _)").len(), 0);
    assert_eq!(texts("if a == a, do: _"), ["if user == user, do: :same ; a=user"]);
}

/// Scenario: a map with fewer keys, a body of any statements, clauses among others. Guarantee: each is found once.
#[test]
fn parts_of_maps_bodies_and_clauses() {
    assert_eq!(
        texts("%{user: u}"),
        ["%{id: order.id, user: user, at: now()} ; u=user"]
    );
    assert_eq!(
        texts("def name(...) do ... end").len(),
        0,
        "place/2 is a call of place, not of name"
    );
    assert_eq!(texts("def place(...) do ... end").len(), 1);
    assert_eq!(
        texts("case _ do\n ... -> ...\n {:error, e} -> raise e\nend").len(),
        1
    );
    assert_eq!(texts("def place(_, _) do\n ...\n log(_)\n ...\nend").len(), 1);
}

/// Scenario: no pattern, no Elixir, and a pattern that is everywhere. Guarantee: each is refused, with the reason.
#[test]
fn what_is_no_pattern_is_refused() {
    let mut lowerer = Lowerer::new().unwrap();
    let mut fault = |text: &str| Pattern::compile(&lowerer.lower(text).quoted).err();
    assert_eq!(fault(""), Some(PatternFault::Empty));
    assert_eq!(fault("foo("), Some(PatternFault::Syntax));
    assert_eq!(fault("x"), Some(PatternFault::Everything));
    assert_eq!(fault("_"), Some(PatternFault::Everything));
}

proptest::proptest! {
    /// Scenario: any text as a pattern, any text as code. Guarantee: an answer or a reason, no panic.
    #[test]
    fn any_text_is_looked_for_in_any_text(pattern in "[ -~\n]{0,60}", code in "[ -~\n]{0,120}") {
        let mut lowerer = Lowerer::new().unwrap();
        if let Ok(pattern) = Pattern::compile(&lowerer.lower(&pattern).quoted) {
            let code = lowerer.lower(&code).quoted;
            for found in pattern.find(&code) {
                proptest::prop_assert!(found.node.index() < code.nodes().len());
            }
        }
    }

    /// Scenario: an expression without variables as a pattern of itself. Guarantee: it is found.
    #[test]
    fn an_expression_is_its_own_pattern(name in "[a-z]{3,6}", number in 0..1000u32, atom in "[a-z]{1,5}") {
        let text = format!("f_{name}({number}, [:\"{atom}\", %{{k: \"{name}\"}}], {{1, 2, 3}}) + 1");
        let mut lowerer = Lowerer::new().unwrap();
        let quoted = lowerer.lower(&text).quoted;
        let found = Pattern::compile(&quoted).unwrap().find(&quoted);
        proptest::prop_assert_eq!(found.len(), 1);
    }
}

/// Scenario: the demo shop is searched for calls with a limit. Guarantee: places by file and line, the variables' text,
/// and an answer that was cut says so.
#[test]
fn a_whole_project_is_searched() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo");
    let project = CodeProject::open(&root, &ProjectOptions::default(), &|_, _| ()).unwrap();
    let wanted = pattern("GenServer.call({name, _}, message, timeout)").unwrap();
    let (found, complete, faults) = project.matches(&wanted, 10).unwrap();
    assert!(complete && faults.is_empty());
    let [one] = &found[..] else {
        panic!("one remote call, not {found:?}")
    };
    assert_eq!(project.files()[one.file as usize].path, "lib/shop/remote.ex");
    assert_eq!(one.captures[1], ("message".to_owned(), "message".to_owned()));
    let (found, complete, _) = project
        .matches(&pattern("GenServer.call(...)").unwrap(), 2)
        .unwrap();
    assert_eq!((found.len(), complete), (2, false));
    assert!(pattern("def (").is_err());
}
