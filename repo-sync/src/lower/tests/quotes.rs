//! Strings, heredocs, charlists, sigils.

use codegraph::quoted::Flags;

use super::{Lowerer, lower, show};

/// Scenario: every escape. Guarantee: the bytes that Elixir makes, also those that are no text.
#[test]
fn escapes() {
    assert_eq!(show(r#""\n\t\\\"\#\q\s\0""#), "\"\\n\\t\\\\\\\"#q \\0\"");
    assert_eq!(
        show(r#""\x41\u00e9\u{1F600}\x{263a}\x4""#),
        "\"A\u{e9}\u{1f600}\u{263a}\\u{4}\""
    );
    assert_eq!(show("\"a\\\nb\""), "\"ab\"");
    let bytes = lower(r#""\xff""#);
    assert_eq!(bytes.bytes(bytes.root().unwrap()), b"\xff");
    let wrong = Lowerer::new().unwrap().lower(r#""\u{110000}""#).quoted;
    assert_eq!(wrong.show(wrong.root().unwrap()), "#error");
}

/// Scenario: interpolation at the ends and in the middle, empty, of two expressions. Guarantee: parts in order, no empty
/// text between them.
#[test]
fn interpolation() {
    let part = |inside: &str| {
        format!(
            "{{:::, [], [{{{{:., [], [:Elixir.Kernel, :to_string]}}, [], [{inside}]}}, {{:binary, [], nil}}]}}"
        )
    };
    assert_eq!(
        show("\"#{a}b#{}\""),
        format!(
            "{{:<<>>, [], [{}, \"b\", {}]}}",
            part("{:a, [], nil}"),
            part("{:__block__, [], []}")
        )
    );
    assert_eq!(show("\"\\#{a}\""), "\"#{a}\"");
    assert_eq!(
        show("'a#{b}'"),
        "{{:., [], [:Elixir.List, :to_charlist]}, [], \
         [[\"a\", {{:., [], [:Elixir.Kernel, :to_string]}, [], [{:b, [], nil}]}]]}"
    );
}

/// Scenario: heredocs, indented, with an interpolation first, with lines less indented, empty. Guarantee: the closing
/// quotes' indentation is taken from each line.
#[test]
fn heredocs() {
    assert_eq!(show("  \"\"\"\n    a\n  b\n c\n  \"\"\""), "\"  a\\nb\\nc\\n\"");
    assert_eq!(show("\"\"\"\n\"\"\""), "\"\"");
    assert_eq!(show("  \"\"\"\n  a\\\n  b\n  \"\"\""), "\"ab\\n\"");
    assert_eq!(show("'''\na\n'''"), "'a\n'");
    assert!(show("  \"\"\"\n  #{a}\n  \"\"\"").starts_with("{:<<>>, [], [\"\", {:::,"));
    let quoted = lower("\"\"\"\na\n\"\"\"");
    assert!(quoted.node(quoted.root().unwrap()).flags.has(Flags::HEREDOC));
}

/// Scenario: sigils with and without interpolation, with modifiers, escaped ends, as heredocs. Guarantee: escapes stay, but
/// for the one of the end.
#[test]
fn sigils() {
    assert_eq!(
        show(r"~r/a\/\d/iu"),
        r#"{:sigil_r, [], [{:<<>>, [], ["a/\\d"]}, 'iu']}"#
    );
    assert_eq!(show("~w()"), "{:sigil_w, [], [{:<<>>, [], [\"\"]}, []]}");
    assert_eq!(show("~S(#{a})"), "{:sigil_S, [], [{:<<>>, [], [\"#{a}\"]}, []]}");
    assert_eq!(
        show("~H\"\"\"\n  a\n  \"\"\""),
        "{:sigil_H, [], [{:<<>>, [], [\"a\\n\"]}, []]}"
    );
}

/// Scenario: a backslash before the end of a sigil without escapes. Guarantee: two backslashes end it, which the grammar
/// reads otherwise.
#[test]
fn backslashes_at_the_end_of_a_sigil() {
    assert_eq!(
        show("[~S[a\\\\], ~S(b\\\\), c]"),
        r#"[{:sigil_S, [], [{:<<>>, [], ["a\\\\"]}, []]}, {:sigil_S, [], [{:<<>>, [], ["b\\\\"]}, []]}, {:c, [], nil}]"#
    );
    assert_eq!(show("~S[a\\]b]"), "{:sigil_S, [], [{:<<>>, [], [\"a]b\"]}, []]}");
}
