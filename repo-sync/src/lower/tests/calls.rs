//! Names, aliases, calls, access.

use codegraph::quoted::Flags;

use super::{lower, same, show};

/// Scenario: a name, a call without arguments, a remote name and a remote call. Guarantee: a variable, calls, and a flag
/// that tells the last two apart.
#[test]
fn names_and_calls() {
    assert_eq!(show("f"), "{:f, [], nil}");
    assert_eq!(show("f()"), "{:f, [], []}");
    assert_eq!(show("a.b"), "{{:., [], [{:a, [], nil}, :b]}, [], []}");
    same("a.b", "a.b()");
    let flags = |source| {
        let quoted = lower(source);
        quoted.node(quoted.root().unwrap()).flags
    };
    assert!(flags("a.b").has(Flags::NO_PARENS) && !flags("a.b()").has(Flags::NO_PARENS));
}

/// Scenario: calls of values, of quoted names, of operators, of calls. Guarantee: the callee is a tree.
#[test]
fn callees() {
    assert_eq!(show("f.(1)"), "{{:., [], [{:f, [], nil}]}, [], [1]}");
    assert_eq!(show("a.\"b c\"(1)"), "{{:., [], [{:a, [], nil}, :b c]}, [], [1]}");
    assert_eq!(
        show("A.+(1)"),
        "{{:., [], [{:__aliases__, [], [:A]}, :+]}, [], [1]}"
    );
    assert_eq!(show("a.end"), "{{:., [], [{:a, [], nil}, :end]}, [], []}");
    assert_eq!(show("f(1)(2)"), "{{:f, [], [1]}, [], [2]}");
}

/// Scenario: aliases of one and of more parts, of a special form, of a tuple. Guarantee: one flat list of parts.
#[test]
fn aliases() {
    assert_eq!(show("A.B . C"), "{:__aliases__, [], [:A, :B, :C]}");
    assert_eq!(
        show("__MODULE__.A.B"),
        "{:__aliases__, [], [{:__MODULE__, [], nil}, :A, :B]}"
    );
    same("(A).B", "A.B");
    assert_eq!(
        show("A.{B, C}"),
        "{{:., [], [{:__aliases__, [], [:A]}, :{}]}, [], [{:__aliases__, [], [:B]}, {:__aliases__, [], [:C]}]}"
    );
    assert_eq!(
        show("@A.B"),
        "{:__aliases__, [], [{:@, [], [{:__aliases__, [], [:A]}]}, :B]}"
    );
}

/// Scenario: access of a name, of an attribute, of access. Guarantee: calls of `Access.get`, attributes bind tighter.
#[test]
fn access() {
    assert_eq!(
        show("a[:b]"),
        "{{:., [], [:Elixir.Access, :get]}, [], [{:a, [], nil}, :b]}"
    );
    assert_eq!(
        show("@a[b]"),
        "{{:., [], [:Elixir.Access, :get]}, [], [{:@, [], [{:a, [], nil}]}, {:b, [], nil}]}"
    );
    assert_eq!(show("a [b]"), "{:a, [], [[{:b, [], nil}]]}");
}

/// Scenario: a sign after a name and a space. Guarantee: an argument, marked as ambiguous; with spaces on both sides an
/// operation.
#[test]
fn an_ambiguous_sign() {
    let quoted = lower("f -1");
    let root = quoted.root().unwrap();
    assert_eq!(quoted.show(root), "{:f, [], [{:-, [], [1]}]}");
    assert!(quoted.node(root).flags.has(Flags::AMBIGUOUS_OP));
    assert_eq!(show("f - 1"), "{:-, [], [{:f, [], nil}, 1]}");
    let plain = lower("f(-1)");
    assert!(!plain.node(plain.root().unwrap()).flags.has(Flags::AMBIGUOUS_OP));
}

/// Scenario: names outside ASCII, some of them in letters that the grammar does not know, one not in NFC. Guarantee:
/// names as Elixir has them.
#[test]
fn unicode_names() {
    assert_eq!(show("h\u{e9}llo"), "{:h\u{e9}llo, [], nil}");
    same("e\u{301}", "\u{e9}");
    assert_eq!(
        show("\u{732b} = :\u{732b}"),
        "{:=, [], [{:\u{732b}, [], nil}, :\u{732b}]}"
    );
    assert_eq!(show("\u{b5}s"), "{:\u{3bc}s, [], nil}");
}
