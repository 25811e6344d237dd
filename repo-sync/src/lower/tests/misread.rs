//! What the grammar reads otherwise than Elixir, put right: each text as Elixir 1.14 prints it, and where it lies.

use codegraph::quoted::{Kind, NodeId, Quoted};

use super::{lower, same, show};

/// Line and column of a variable.
#[track_caller]
fn at(quoted: &Quoted, name: &str) -> (u32, u32) {
    let named = |index: &usize| {
        let id = NodeId::new(*index);
        quoted.node(id).kind == Kind::Variable && quoted.text(id) == name
    };
    let found = (0..quoted.nodes().len()).find(named).unwrap();
    let node = quoted.node(NodeId::new(found));
    (node.line, node.column)
}

/// Scenario: keywords in access, alone, of several levels, after a call, with a last comma. Guarantee: a list of pairs is
/// the key, as in a call.
#[test]
fn keywords_in_access() {
    let key = |of: &str, key: &str| format!("{{{{:., [], [:Elixir.Access, :get]}}, [], [{of}, {key}]}}");
    let x = "{:x, [], nil}";
    assert_eq!(show("x[a: 1]"), key(x, "[{:a, 1}]"));
    assert_eq!(show("x[a: 1, b: 2]"), key(x, "[{:a, 1}, {:b, 2}]"));
    assert_eq!(show("x[a: 1,]"), key(x, "[{:a, 1}]"));
    assert_eq!(show("x[\n  a: 1\n]"), key(x, "[{:a, 1}]"));
    assert_eq!(show("x[\"a b\": 1]"), key(x, "[{:a b, 1}]"));
    assert_eq!(show("x[1,]"), key(x, "1"));
    assert_eq!(show("x[a: 1][b: 2]"), key(&key(x, "[{:a, 1}]"), "[{:b, 2}]"));
    assert_eq!(
        show("x[a: x[b: 2]]"),
        key(x, &format!("[{{:a, {}}}]", key(x, "[{:b, 2}]")))
    );
    let attribute = format!("{{:@, [], [{x}]}}");
    assert_eq!(show("@x[a: 1]"), key(&attribute, "[{:a, 1}]"));
    let quoted = lower("x[\n  a: y]\nz");
    assert_eq!(
        [at(&quoted, "x"), at(&quoted, "y"), at(&quoted, "z")],
        [(1, 1), (2, 6), (3, 1)]
    );
}

/// Scenario: several expressions between `#{` and `}`, by line breaks and by `;`, nested, in each kind of quotes.
/// Guarantee: one block of them, each where it is in the text.
#[test]
fn sequences_in_interpolation() {
    let of = |inside: &str| {
        format!(
            "{{:<<>>, [], [{{:::, [], [{{{{:., [], [:Elixir.Kernel, :to_string]}}, [], [{inside}]}}, {{:binary, [], nil}}]}}]}}"
        )
    };
    let (a, b) = ("{:a, [], nil}", "{:b, [], nil}");
    let block = format!("{{:__block__, [], [{a}, {b}]}}");
    assert_eq!(show("\"#{a\nb}\""), of(&block));
    assert_eq!(show("\"#{a; b}\""), of(&block));
    assert_eq!(show("\"#{\n  a\n}\""), of(a));
    assert_eq!(show("\"#{a;}\""), of(a));
    assert_eq!(
        show("\"#{a\n\"#{a\nb}\"}\""),
        of(&format!("{{:__block__, [], [{a}, {}]}}", of(&block)))
    );
    same("\"#{x = 1\n# why\nf x}\"", "\"#{x = 1; f(x)}\"");
    same("~s(#{a\nb})", "~s(#{a; b})");
    same(":\"#{a\nb}\"", ":\"#{a; b}\"");
    same("\"\"\"\nx #{a\n  b} y\n\"\"\"", "\"x #{a; b} y\\n\"");
    let quoted = lower("\"#{a\n b} \u{fc}#{c}\" <> d");
    let found = ["a", "b", "c", "d"].map(|name| at(&quoted, name));
    assert_eq!(found, [(1, 4), (2, 2), (2, 8), (2, 15)]);
}

/// Scenario: `when` after parentheses at the beginning of parentheses or of a body. Guarantee: an operator.
#[test]
fn guards_that_are_no_heads() {
    let when = "{:when, [], [{:a, [], nil}, {:b, [], nil}]}";
    assert_eq!(show("((a) when b)"), when);
    assert_eq!(
        show("f do\n  (a) when b\nend"),
        format!("{{:f, [], [[{{:do, {when}}}]]}}")
    );
    same("((a, b) when c -> d)", "(a, b when c -> d)");
    same("((a) when b -> c)", "(a when b -> c)");
}

/// Scenario: clauses whose names begin with the word of an operator, after a body of two expressions. Guarantee: a name.
#[test]
fn names_that_begin_with_an_operator() {
    for name in [
        "invalid",
        "in_",
        "organization",
        "android",
        "whenever",
        "notify",
        "in1",
        "or\u{e9}",
    ] {
        let text = format!("case a do\n  1 ->\n    b\n    c\n\n  {name} -> d\nend");
        same(&text, &format!("case a do\n  1 -> (b; c)\n  ({name}) -> d\nend"));
        assert_eq!(at(&lower(&text), name), (6, 3));
    }
    same(
        "case a do\n  1 ->\n    b\n    c\n\n  input when d -> input\nend",
        "case a do\n  1 -> (b; c)\n  (input) when d -> input\nend",
    );
}

/// Scenario: a range from a name to a negative number, as an argument. Guarantee: a range, no call of the name.
#[test]
fn ranges_to_negative_numbers() {
    same("f(a, n..-1)", "f(a, (n)..(-1))");
    same("f(n..-1//1)", "f((n)..(-1)//1)");
    same("f(n ..-1)", "f((n)..(-1))");
    same("x[m..-1//-1]", "x[(m)..(-1)//(-1)]");
    same("f(g(..))", "f(g((..)))");
}

/// Scenario: operators before a slash outside of captures. Guarantee: names.
#[test]
fn operators_before_a_slash() {
    let name = |name: &str| format!("{{:{name}, [], nil}}");
    let divide = |a: &str, b: &str| format!("{{:/, [], [{a}, {b}]}}");
    assert_eq!(show("a/*/b"), divide(&divide(&name("a"), &name("*")), &name("b")));
    assert_eq!(show("[+/1]"), format!("[{}]", divide(&name("+"), "1")));
}

/// Scenario: a clause without a body, ended by `;`, before a section. Guarantee: the clause gives nil.
#[test]
fn clauses_that_end_at_once() {
    let body = "[{:->, [], [[{:x, [], nil}], :nil]}]";
    assert_eq!(
        show("try do\n  1\nrescue\n  x -> ;\nafter\n  2\nend"),
        format!("{{:try, [], [[{{:do, 1}}, {{:rescue, {body}}}, {{:after, 2}}]]}}")
    );
}

/// Scenario: a NUL byte in a string, a comment and a heredoc, and one between expressions. Guarantee: in text it is a
/// character like others, and what follows is read; between expressions it is an error, as for Elixir.
#[test]
fn a_nul_byte_in_text_is_a_character() {
    let text = lower("\"a\0b\"");
    assert_eq!(text.root().map(|root| text.text(root)), Some("a\0b"));
    let quoted = lower("x = \"a\0b\" # \0\n\"\"\"\n\0\n\"\"\"\ny");
    assert_eq!([at(&quoted, "x"), at(&quoted, "y")], [(1, 1), (5, 1)]);
    let refused = crate::lower::Lowerer::new().unwrap().lower("x\0y\nz");
    assert!(!refused.errors.is_empty());
}
