//! Whatever the text, the tree is one.

use codegraph::quoted::{NodeId, Quoted};
use proptest::prelude::*;

use super::super::Lowerer;

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

/// What holds of every tree: kids before parents, subtrees next to one another, spans and symbols inside their bounds.
fn check(quoted: &Quoted, source: &str) {
    let root = quoted.root().unwrap();
    assert_eq!(root.index() + 1, quoted.nodes().len());
    for index in 0..quoted.nodes().len() {
        let id = NodeId::new(index);
        let node = quoted.node(id);
        assert!(node.start <= node.end && node.end as usize <= source.len());
        assert!(source.is_char_boundary(node.start as usize) && source.is_char_boundary(node.end as usize));
        assert!(node.symbol.index() < quoted.symbols().len());
        assert_eq!(node.line == 0, node.column == 0);
        // The subtree is the kids' subtrees, one after the other, then the node.
        let mut at = quoted.subtree(id).start;
        for kid in quoted.kids(id) {
            assert_eq!(quoted.subtree(*kid).start, at);
            at = quoted.subtree(*kid).end;
        }
        assert_eq!(at, index);
    }
}

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
