//! Lines, columns and spans.

use codegraph::quoted::{Kind, NodeId, Quoted};

use super::super::{ColumnRules, Lowerer};
use super::lower;

/// `name line:column` of all nodes that have a position, in the tree's order.
fn positions(quoted: &Quoted) -> Vec<String> {
    (0..quoted.nodes().len())
        .map(NodeId::new)
        .filter(|id| quoted.node(*id).line > 0)
        .map(|id| {
            let node = quoted.node(id);
            let name = if node.kind == Kind::Apply {
                "()"
            } else {
                quoted.text(id)
            };
            format!("{name} {}:{}", node.line, node.column)
        })
        .collect()
}

/// Scenario: constructs whose anchor is not their start. Guarantee: the token that Elixir names.
#[test]
fn anchors() {
    assert_eq!(positions(&lower("a.b(c)")), ["a 1:1", ". 1:2", "c 1:5", "() 1:3"]);
    assert_eq!(positions(&lower("f.()")), ["f 1:1", ". 1:2", "() 1:2"]);
    assert_eq!(positions(&lower("a[b]")), [". 1:2", "a 1:1", "b 1:3", "() 1:2"]);
    assert_eq!(positions(&lower("a\n|> b")), ["a 1:1", "b 2:4", "|> 2:1"]);
    assert_eq!(positions(&lower("%S{}")), ["__aliases__ 1:2", "%{} 1:3", "% 1:1"]);
    assert_eq!(positions(&lower("%{}")), ["%{} 1:2"]);
    assert_eq!(
        positions(&lower("fn a -> b end")),
        ["a 1:4", "b 1:9", "-> 1:6", "fn 1:1"]
    );
    assert_eq!(positions(&lower("1..2//3")), ["..// 1:2"]);
    assert_eq!(
        positions(&lower("f(a not in b)")),
        ["a 1:3", "b 1:12", "in 1:5", "not 1:5", "f 1:1"]
    );
}

/// Scenario: blocks with and without parentheses. Guarantee: parentheses give the position, bodies have none.
#[test]
fn blocks() {
    assert_eq!(positions(&lower("(a; b)")), ["a 1:2", "b 1:5", "__block__ 1:1"]);
    assert_eq!(positions(&lower("a; b")), ["a 1:1", "b 1:4"]);
    assert_eq!(positions(&lower("((a; b))")), ["a 1:3", "b 1:6", "__block__ 1:2"]);
    assert_eq!(positions(&lower("(())")), ["__block__ 1:1"]);
}

/// Scenario: an interpolated heredoc. Guarantee: holes are at their own place.
#[test]
fn holes() {
    let found = positions(&lower("x = \"\"\"\n  a\n  b #{c}\n  \"\"\""));
    assert!(found.contains(&"c 3:7".to_owned()) && found.contains(&"<<>> 1:5".to_owned()));
    assert!(found.contains(&"binary 3:5".to_owned()));
}

/// Scenario: text before a token, wider in bytes than in columns. Guarantee: one column a cluster in quotes, one a code
/// point outside.
#[test]
fn columns_outside_ascii() {
    for (before, column) in [
        ("\"\u{e9}\"", 6),
        ("\"e\u{301}\"", 6),
        ("\"\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\"", 6),
        ("'\u{65e5}\u{672c}'", 7),
        ("h\u{e9}", 5),
        ("~s(\u{1f1eb}\u{1f1f7})", 8),
    ] {
        let quoted = lower(
            &format!("{before}, x")
                .replace(before, &format!("[{before}"))
                .replace(", x", ", x]"),
        );
        let found = positions(&quoted).into_iter().find(|it| it.starts_with("x "));
        assert_eq!(found, Some(format!("x 1:{}", column + 1)), "{before}");
    }
}

/// Scenario: an escaped hole and an Indic conjunct before a token, by the rules of each Elixir. Guarantee: 1.14 takes two
/// columns less for the first and more for the second.
#[test]
fn columns_of_each_elixir() {
    for (source, old, later) in [
        ("f(\"\\#{a}\", x)", "x 1:10", "x 1:12"),
        ("f(\"\u{937}\u{94d}\u{920}\", x)", "x 1:9", "x 1:8"),
    ] {
        let at = |rules| {
            let quoted = Lowerer::new().unwrap().with_columns(rules).lower(source).quoted;
            positions(&quoted).into_iter().find(|it| it.starts_with("x "))
        };
        assert_eq!(at(ColumnRules::Elixir114).as_deref(), Some(old));
        assert_eq!(at(ColumnRules::Later).as_deref(), Some(later));
    }
}

/// Scenario: a call with a `do` block. Guarantee: each node's span is its text.
#[test]
fn spans() {
    let source = "if a.b == 1 do\n  c\nend";
    let quoted = lower(source);
    let text = |id: NodeId| {
        let node = quoted.node(id);
        &source[node.start as usize..node.end as usize]
    };
    let root = quoted.root().unwrap();
    assert_eq!(text(root), source);
    let test = quoted.kid(root, 0).unwrap();
    assert_eq!(text(test), "a.b == 1");
    assert_eq!(text(quoted.kid(test, 0).unwrap()), "a.b");
}
