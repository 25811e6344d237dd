//! Lists, tuples, maps, bitstrings, keywords.

use super::{same, show};

/// Scenario: tuples of each size, with keywords at the end. Guarantee: only pairs quote as themselves.
#[test]
fn tuples() {
    assert_eq!(show("{}"), "{:{}, [], []}");
    assert_eq!(show("{1}"), "{:{}, [], [1]}");
    assert_eq!(show("{1, 2}"), "{1, 2}");
    assert_eq!(show("{1, a: 2}"), "{1, [{:a, 2}]}");
    assert_eq!(show("{1, 2, 3}"), "{:{}, [], [1, 2, 3]}");
}

/// Scenario: keywords in lists, calls and bitstrings, with quoted and operator keys. Guarantee: lists are flat, calls have
/// one list.
#[test]
fn keywords() {
    assert_eq!(show("[1, a: 2, \"b c\": 3]"), "[1, {:a, 2}, {:b c, 3}]");
    assert_eq!(show("f(1, a: 2)"), "{:f, [], [1, [{:a, 2}]]}");
    assert_eq!(
        show("[+: 1, nil: 2, Foo: 3, do?: 4]"),
        "[{:+, 1}, {:nil, 2}, {:Foo, 3}, {:do?, 4}]"
    );
    assert_eq!(
        show("<<1, a::8>>"),
        "{:<<>>, [], [1, {:::, [], [{:a, [], nil}, 8]}]}"
    );
}

/// Scenario: maps, structs, updates. Guarantee: pairs, and one `|` in an update.
#[test]
fn maps() {
    assert_eq!(
        show("%{a => 1, b: 2}"),
        "{:%{}, [], [{{:a, [], nil}, 1}, {:b, 2}]}"
    );
    assert_eq!(
        show("%{m | a: 1}"),
        "{:%{}, [], [{:|, [], [{:m, [], nil}, [{:a, 1}]]}]}"
    );
    assert_eq!(
        show("%{m | a => 1, b => 2, c: 3}"),
        "{:%{}, [], [{:|, [], [{:m, [], nil}, [{{:a, [], nil}, 1}, {{:b, [], nil}, 2}, {:c, 3}]]}]}"
    );
    assert_eq!(
        show("%S{a: 1}"),
        "{:%, [], [{:__aliases__, [], [:S]}, {:%{}, [], [{:a, 1}]}]}"
    );
    assert_eq!(
        show("%^s{}"),
        "{:%, [], [{:^, [], [{:s, [], nil}]}, {:%{}, [], []}]}"
    );
}

/// Scenario: operators around `=>` that bind weaker in the concrete tree. Guarantee: `=>` binds weakest.
#[test]
fn an_arrow_in_a_map_binds_weakest() {
    same("%{a => b | c}", "%{a => (b | c)}");
    same("%{a :: b => c :: d}", "%{(a :: b) => (c :: d)}");
    same("%{m | a => b | c}", "%{m | a => (b | c)}");
    same("%{a => b when c <- d}", "%{a => ((b when c) <- d)}");
    same("%{m | a => &f/1 | t}", "%{m | a => ((&f/1) | t)}");
}
