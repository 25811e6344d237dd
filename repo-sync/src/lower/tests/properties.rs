//! Whatever the text, the tree is one.

use proptest::prelude::*;

use super::super::Lowerer;
use super::invariants::check;

/// Pieces that make much syntax in few characters.
const PIECES: &[&str] = &[
    "a",
    "B",
    "B.C",
    ":d",
    "1",
    "2.5",
    "?x",
    "\"s\"",
    "'c'",
    "~r/x/",
    "#{",
    "}",
    "{",
    "(",
    ")",
    "[",
    "]",
    "<<",
    ">>",
    "%",
    "%{",
    " ",
    "\n",
    ";",
    ",",
    ".",
    "->",
    "fn ",
    " do ",
    " end",
    "after ",
    "rescue ",
    "when ",
    "not ",
    " in ",
    " not in ",
    "&",
    "&1",
    "@",
    "!",
    "-",
    "+",
    "|",
    "|>",
    "::",
    "=",
    "=>",
    "<-",
    "\\\\",
    "..",
    "//",
    "...",
    "a: ",
    "\"b\": ",
    "\"\"\"\n",
    "\"",
    "'",
    "\\",
    "\\#{",
    "\u{e9}",
    "\u{1f600}",
    "\u{94d}",
    "# c\n",
    "__block__",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Scenario: arbitrary text. Guarantee: a tree, its invariants hold, and it is the same the second time.
    #[test]
    fn any_text_has_a_tree(source in "\\PC{0,60}") {
        let mut lowerer = Lowerer::new().unwrap();
        let lowered = lowerer.lower(&source);
        check(&lowered.quoted, &source);
        let again = lowerer.lower(&source);
        prop_assert_eq!(lowered.quoted.nodes(), again.quoted.nodes());
    }

    /// Scenario: arbitrary pieces of syntax. Guarantee: the same.
    #[test]
    fn any_syntax_has_a_tree(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40)) {
        let source = pieces.concat();
        let lowered = Lowerer::new().unwrap().lower(&source);
        check(&lowered.quoted, &source);
    }
}
