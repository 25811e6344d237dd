//! Columns are Elixir's: graphemes inside quoted text, code points elsewhere; bytes only where they are the same.

use crate::support::Text;
use event::SiteKind::{Case, Variable};
use proptest::prelude::*;

/// What is before the token `zz` on a line, and the column that Elixir 1.14 gives the token.
const PREFIXES: &[(&str, u32)] = &[
    ("\"\u{e9}\"; ", 6),
    ("\"e\u{301}\"; ", 6),
    ("\"\\e\u{301}\"; ", 7),
    ("\"\u{1f600}\"; ", 6),
    ("\"\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}\"; ", 6),
    ("\"\u{1f1eb}\u{1f1f7}\"; ", 6),
    ("\"\u{65e5}\u{672c}\u{8a9e}\"; ", 8),
    ("'e\u{301}\u{e9}'; ", 7),
    ("~s(e\u{301}); ", 8),
    ("~S|\\e\u{301}|; ", 9),
    (":\"e\u{301}\"; ", 7),
    ("[\"e\u{301}\": 1]; ", 11),
    ("\u{e9}t\u{e9} = 1; ", 10),
    ("?\u{e9}; ", 5),
    ("\"e\u{301}#{\u{e9}}e\u{301}\"; ", 11),
    ("\t\"a\\\"b\"; ", 10),
];

#[test]
fn what_follows_unicode_is_at_elixirs_column() {
    for (prefix, column) in PREFIXES {
        let text = Text::new(&format!("{prefix}zz\n"));
        let found = text.resolve(1, *column, "zz", Variable);
        assert!(found.is_ok(), "{prefix:?}: {found:?} {:?}", text.document.anchors);
        assert!(text.resolve(1, column + 1, "zz", Variable).is_err());
    }
}

#[test]
fn heredocs_and_interpolation_have_their_real_columns() {
    let text = Text::new("x = \"\"\"\n  e\u{301} #{zz} \u{1f600} #{ww}\n  \"\"\" |> yy()\n");
    assert_eq!(text.node(2, 7, "zz", Variable), "zz");
    assert_eq!(text.node(2, 15, "ww", Variable), "ww");
    assert_eq!(text.node(3, 10, "yy", Case), "yy()");
}

#[test]
fn line_ends_of_either_kind_give_the_same_columns() {
    let unix = "case \"\u{e9}\" do\n  \"e\u{301}\" -> 1\n  _ -> 2\nend\n";
    for source in [unix.to_owned(), unix.replace('\n', "\r\n")] {
        let text = Text::new(&source);
        assert_eq!(text.node(2, 7, "->", Case).trim_end(), "\"e\u{301}\" -> 1");
        assert_eq!(text.node(3, 5, "->", Case).trim_end(), "_ -> 2");
        assert!(text.document.errors.is_empty());
    }
}

proptest! {
    /// Any text at all: a document that can be read again, with every anchor found at its own position.
    #[test]
    fn every_anchor_of_any_text_resolves_to_itself(
        pieces in proptest::collection::vec(prop_oneof![
            Just("def f(a) when a do\n"), Just("end\n"), Just("fn x -> "), Just("\"e\u{301}"), Just("\" "),
            Just("#{"), Just("}"), Just("\u{1f1eb}\u{1f1f7}"), Just("case x do\n"), Just("\r\n"), Just("~s("), Just(")"),
            Just("\"\"\"\n"), Just("defmodule A.B do\n"), Just("quote do "), Just(" \\\\ "), Just(","), Just("not in"),
            Just("alias A.{B, C}\n"), Just("@x "), Just("\0"), Just("\u{2028}"), Just("__MODULE__."), Just("&1 + ")
        ], 0..40),
    ) {
        let text = Text::new(&pieces.concat());
        for anchor in &text.document.anchors {
            let token = text.slice((anchor.start_byte, anchor.end_byte));
            let place = text.resolve(anchor.line, anchor.column, token, Case).unwrap();
            prop_assert_eq!(place.token_bytes, (anchor.start_byte, anchor.end_byte));
        }
    }
}
