//! Which binding a name means.

use super::sample::{lines, sample};

/// Scenario: a variable is bound again, its new value made of the old one. Guarantee: three versions; each reading means
/// the one before it.
#[test]
fn a_rebinding_is_a_new_version() {
    let s = sample(
        "def f(x) do
           x = x + 1
           y = x
           x = y * x
           x
         end",
    );
    assert_eq!(s.versions("x"), [1, 2, 4]);
    assert_eq!((s.bound("x", 2), s.bound("x", 3)), (Some(1), Some(2)));
    assert_eq!((s.bound("x", 4), s.bound("x", 5)), (Some(2), Some(4)));
}

/// Scenario: bindings in both arms of `if`, and in its condition. Guarantee: those of the arms are gone after it, that of
/// the condition stays.
#[test]
fn bindings_do_not_leave_an_if_arm() {
    let s = sample(
        "def f(a) do
           x = 1
           if y = g(a) do
             x = 2
             h(x)
           else
             x = 3
             h(x)
           end
           k(x)
           k(y)
         end",
    );
    assert_eq!((s.bound("x", 5), s.bound("x", 8)), (Some(4), Some(7)));
    assert_eq!(s.bound("x", 10), Some(2));
    assert_eq!(s.bound("y", 11), Some(3));
}

/// Scenario: bindings in the arms of `case`, `cond`, `unless`, `&&`, `try`, `receive`, and after them. Guarantee: none
/// leaves its arm.
#[test]
fn no_arm_lets_a_binding_out() {
    let s = sample(
        "def f(a) do
           x = 1
           case a do
             {x, _} -> x = x + 1; x
             x -> x
           end
           cond do
             x = g(a) -> x
             true -> k(x)
           end
           unless a do
             x = 5
           end
           a && (x = 6)
           try do
             x = 7
           rescue
             _ -> k(x)
           end
           receive do
             x -> x
           end
           k(x)
         end",
    );
    assert_eq!((s.bound("x", 4), s.bound("x", 5)), (Some(4), Some(5)));
    assert_eq!((s.bound("x", 8), s.bound("x", 9)), (Some(8), Some(2)));
    assert_eq!((s.bound("x", 18), s.bound("x", 21)), (Some(2), Some(21)));
    assert_eq!(s.bound("x", 23), Some(2));
}

/// Scenario: `with` whose clauses build on one another. Guarantee: each sees the ones before it, the body sees all, `else`
/// and what follows see none.
#[test]
fn with_binds_for_its_clauses_and_its_body() {
    let s = sample(
        "def f(a) do
           x = 0
           with {:ok, x} <- g(a),
                y = h(x),
                {:ok, z} when z > y <- k(x, y) do
             m(x, y, z)
           else
             _ -> m(x)
           end
           m(x)
         end",
    );
    assert_eq!(s.bound("x", 4), Some(3));
    assert_eq!((s.bound("y", 5), s.bound("z", 5)), (Some(4), Some(5)));
    assert_eq!((s.bound("x", 6), s.bound("z", 6)), (Some(3), Some(5)));
    assert_eq!((s.bound("x", 8), s.bound("x", 10)), (Some(2), Some(2)));
}

/// Scenario: a pinned variable, also in a map's key, and the same name twice in one pattern. Guarantee: a pin reads the
/// version before; the second mention is a comparison, no binding.
#[test]
fn a_pin_reads_and_a_repeated_name_compares() {
    let s = sample(
        "def f(x, k) do
           {^x, %{^k => v}, v} = g()
           x = v
           x
         end",
    );
    assert_eq!((s.bound("x", 2), s.bound("k", 2)), (Some(1), Some(1)));
    assert_eq!((s.versions("v"), s.versions("k")), (vec![2], vec![1]));
    assert_eq!(s.versions("x"), [1, 3]);
}

/// Scenario: patterns of maps, structs, lists, binaries with sizes, strings and `=`. Guarantee: what Elixir binds is
/// bound, types of segments are not, and a size may be bound further left.
#[test]
fn every_kind_of_pattern_binds() {
    let s = sample(
        "def f(%Point{x: px} = p, [h | t], \"a\" <> rest, <<n, bin::binary-size(n), tail::bits>>) do
           [px, p, h, t, rest, n, bin, tail]
         end",
    );
    for name in ["px", "p", "h", "t", "rest", "n", "bin", "tail"] {
        assert_eq!(s.bound(name, 2), Some(1), "{name}");
    }
    assert_eq!(s.bound("n", 1), Some(1));
    assert!(
        s.versions("binary").is_empty() && s.versions("bits").is_empty() && s.versions("size").is_empty()
    );
}

/// Scenario: an argument binds a name that another argument reads. Guarantee: the other one sees the version before the
/// call, what follows sees the new one.
#[test]
fn arguments_do_not_see_one_another() {
    let s = sample(
        "def f(x) do
           g(x = h(),
             x)
           x
         end",
    );
    assert_eq!((s.bound("x", 3), s.bound("x", 4)), (Some(1), Some(2)));
}

/// Scenario: guards of a head, of `case`, and of a clause that is not taken. Guarantee: a guard reads what its own
/// patterns bind, and binds nothing.
#[test]
fn guards_read_their_own_clause() {
    let s = sample(
        "def f(x, min) when x > min do
           case x do
             {x, y}
               when x > y and x > @limit -> y
             x when x < min -> x
           end
         end",
    );
    assert_eq!((s.bound("x", 1), s.bound("x", 4)), (Some(1), Some(3)));
    assert_eq!((s.bound("min", 5), s.bound("x", 5)), (Some(1), Some(5)));
    assert!(s.versions("limit").is_empty());
}

/// Scenario: `match?`, `destructure`, `binding()`, `var!`. Guarantee: the first binds only inside, the second outside; the
/// others are marked as unknown.
#[test]
fn special_bindings_are_known_or_marked() {
    let s = sample(
        "def f(a) do
           match?({x, _} when x > 1, a)
           destructure([b, c], a)
           binding()
           var!(z) = 1
           {x, b, c}
         end",
    );
    assert_eq!((s.bound("x", 6), s.bound("b", 6)), (None, Some(3)));
    assert_eq!(s.flows[0].dfg.unknown.len(), 2);
    assert_eq!(s.slice(2), lines(&[1, 2]));
}

/// Scenario: clauses of one function use the same names. Guarantee: no clause sees another's parameters.
#[test]
fn clauses_have_their_own_parameters() {
    let s = sample(
        "def f(0, acc), do: acc
         def f(n, acc) do
           f(n - 1, acc * n)
         end",
    );
    assert_eq!((s.bound("acc", 1), s.bound("acc", 3)), (Some(1), Some(2)));
    assert_eq!(s.flows.len(), 1);
}
