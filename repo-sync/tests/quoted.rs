//! Texts that the grammar reads otherwise than Elixir, or nearly, against `Code.string_to_quoted` of the Elixir that is
//! installed: every node with its line and column, and no error node.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

#[path = "../examples/accuracy_quoted/compare.rs"]
mod compare;
#[path = "../examples/accuracy_quoted/term.rs"]
mod term;

use std::path::PathBuf;
use std::process::Command;

use compare::differences;
use repo_sync::lower::Lowerer;
use term::Terms;

/// Texts that Elixir 1.14 accepts.
const TEXTS: &[&str] = &[
    // Keywords, and a last comma, in access.
    "x[a: 1]",
    "x[a: 1, b: f(2)]",
    "x[a: 1,]",
    "x[1,]",
    "x[\n  a: y,\n  b: z\n].c",
    "x[\"a b\": 1]",
    "x[a: 1][b: 2]",
    "x[a: x[b: 2]]",
    "@x[a: 1]",
    "a.b[c: d] + f.()[g: h]",
    "%{x: y[a: 1]} |> z[b: 2]",
    "x[a: \"#{y[b: 1]}\"]",
    // Several expressions in an interpolation.
    "\"#{a\nb}\"",
    "\"#{a; b}\"",
    "\"#{a;}\"",
    "\"#{\n  a\n}\"",
    "\"#{\n  # why\n  a\n}\"",
    "\"q#{a = 1\nb}z\" <> y",
    "\"#{a\n\"#{b\nc}\"\nd}\"",
    "\"#{a\n\"#{\"#{b\nc}\"}\"\nd}#{e\nf}\" <> g",
    "~s(#{a\nb})i",
    "'#{a\nb}'",
    ":\"#{a\nb}\"",
    "[\"a#{b\nc}\": 1]",
    "\"\"\"\nx #{a\n  b} y\n\"\"\"",
    "\"#{a\n b} \u{fc}#{c}\" <> d",
    "\"\u{fc}#{a\n \"\u{1f468}\u{200d}\u{1f469}\\#{\" <> b} \u{fc}#{c}\" <> d",
    "\"#{case a do\n  1 -> b\n  _ -> c\nend\nd}\"",
    "\"#{&(&1).a\n&(&1)}\" |> f()",
    // A guard that is no clause's.
    "((a) when b)",
    "f([((a) when b)], c)",
    "x = ((a) when b)",
    "(((a) when b))",
    "((a) when b; c)",
    "f do\n  (a) when b\nend",
    "((a, b) when c -> d)",
    "((a) when b -> c)",
    "fn (a) when b -> c end",
    "def f((a) when b), do: a",
    // Names that begin with the word of an operator, after a body of two expressions.
    "case a do\n  1 ->\n    b\n    c\n\n  invalid -> d\nend",
    "case a do\n  1 ->\n    b\n    c\n  organization when d -> e\nend",
    "cond do\n  a ->\n    b\n    c()\n\n  invalid?(d, e) -> f\nend",
    "fn\n  1 ->\n    b\n    c\n\n  android, whenever -> notify\nend",
    "case a do\n  1 ->\n    b\n    c\n\n  in\u{e9}dit -> d\nend",
    "case a do\n  1 ->\n    b\n    c\n    in d\nend",
    "case a do\n  1 ->\n    b\n    c\n\n  nothing -> d\n  e -> not in_f\nend",
    // Ranges from a name to a negative number.
    "f(a, n..-1)",
    "f(n..-1//1)",
    "f(n ..-1)",
    "f(n..+1, m)",
    "x[[0..-1//1, n..-1//1]]",
    "f(a, n..-m..-k)",
    "f(g(..))",
    // Operators before a slash.
    "a/*/b",
    "[+/1, -/2]",
    "f(*/2)",
    "x = <>/2",
    // Clauses that end at once.
    "try do\n  1\nrescue\n  x -> ;\nafter\n  2\nend",
    "fn x -> ; end",
    // Neighbours that the grammar reads right.
    "x [a: 1]",
    "x[[a: 1]]",
    "\"#{a}#{}\"",
    "a in b and not c in d or e not in f",
];

/// Scenario: each text by Elixir and by lowering. Guarantee: no error, no difference.
#[test]
fn hard_texts_are_as_elixir_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut list = String::new();
    for (index, text) in TEXTS.iter().enumerate() {
        let path = folder.path().join(format!("{index}.ex"));
        std::fs::write(&path, text).unwrap();
        list.push_str(&path.display().to_string());
        list.push('\n');
    }
    let (names, output) = (folder.path().join("list"), folder.path().join("terms"));
    std::fs::write(&names, list).unwrap();
    let script = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("examples/accuracy_quoted/oracle.exs");
    let answer = match Command::new("elixir")
        .arg(script)
        .args([&output, &names])
        .output()
    {
        Ok(answer) => answer,
        Err(fault) => return println!("skipped: elixir does not run here: {fault}"),
    };
    assert!(
        answer.status.success(),
        "{}",
        String::from_utf8_lossy(&answer.stderr)
    );
    let answers = std::fs::read(output).unwrap();
    let mut rest = answers.as_slice();
    let mut wrong = Vec::new();
    let mut lowerer = Lowerer::new().unwrap();
    for text in TEXTS {
        let (length, after) = rest.split_first_chunk::<4>().unwrap();
        let (term, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        rest = after;
        let terms = Terms::read(term).unwrap();
        if terms.atom(0) == Some("refused") {
            wrong.push(format!("{text:?}: Elixir refuses it"));
            continue;
        }
        let lowered = lowerer.lower(text);
        for error in lowered.errors {
            wrong.push(format!("{text:?}: {}", error.message));
        }
        for found in differences(&lowered.quoted, &terms) {
            wrong.push(format!(
                "{text:?}: {}:{}: {}",
                found.line, found.column, found.what
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
