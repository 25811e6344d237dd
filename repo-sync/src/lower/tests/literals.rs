//! Atoms, numbers, characters.

use super::{Lowerer, show};

/// Scenario: integers of each base, long ones, with underscores. Guarantee: decimal digits.
#[test]
fn integers() {
    assert_eq!(
        show("[0, 007, 1_000_000, 0xFF, 0o17, 0b1_01]"),
        "[0, 7, 1000000, 255, 15, 5]"
    );
    assert_eq!(
        show("0xFFFF_FFFF_FFFF_FFFF_FFFF_FFFF"),
        "79228162514264337593543950335"
    );
}

/// Scenario: floats, one too large. Guarantee: the shortest text that reads back, and an error.
#[test]
fn floats() {
    assert_eq!(
        show("[1.0, 1_0.5, 1.0e-10, 1.50E3]"),
        "[1.0, 10.5, 1e-10, 1500.0]"
    );
    let huge = Lowerer::new().unwrap().lower("1.0e999").quoted;
    assert_eq!(huge.show(huge.root().unwrap()), "#error");
}

/// Scenario: characters, plain and escaped. Guarantee: their code points; an escape is of one letter.
#[test]
fn characters() {
    assert_eq!(
        show("[?a, ?\\n, ?\\s, ?\\\\, ?\u{e9}, ?\\x]"),
        "[97, 10, 32, 92, 233, 120]"
    );
}

/// Scenario: atoms of names, operators, words, quoted. Guarantee: their text.
#[test]
fn atoms() {
    assert_eq!(
        show("[:a, :a?, :a@b, :+, :<<>>, :%{}, :..//, :...]"),
        "[:a, :a?, :a@b, :+, :<<>>, :%{}, :..//, :...]"
    );
    assert_eq!(show("[nil, true, false]"), "[:nil, :true, :false]");
    assert_eq!(show("[:\"a b\", :'c\\td', :::]"), "[:a b, :c\td, :::]");
    assert_eq!(
        show(":\"a#{b}\""),
        "{{:., [], [:erlang, :binary_to_atom]}, [], [{:<<>>, [], [\"a\", {:::, [], \
         [{{:., [], [:Elixir.Kernel, :to_string]}, [], [{:b, [], nil}]}, {:binary, [], nil}]}]}, :utf8]}"
    );
}
