//! 10,000 levels of everything that nests: whole, and cut off in the middle.

use std::time::{Duration, Instant};

use super::{found, indexed, opened, project, write};

const DEPTH: usize = 10_000;

/// What comes before and after each level, around `a`.
const LEVELS: &[(&str, &str, &str)] = &[
    ("parentheses", "(", ")"),
    ("lists", "[", "]"),
    ("tuples", "{", "}"),
    ("bitstrings", "<<", ">>"),
    ("maps", "%{k: ", "}"),
    ("structs", "%A{k: ", "}"),
    ("calls", "f(", ")"),
    ("anonymous_calls", "f.(", ")"),
    ("access", "x[", "]"),
    ("functions", "fn -> ", " end"),
    ("blocks", "if b do ", " end"),
    ("else_blocks", "if b do c else ", " end"),
    ("cases", "case b do c -> ", " end"),
    ("modules", "defmodule A do ", " end"),
    ("interpolations", "\"#{", "}\""),
    ("interpolated_lines", "\"#{b\n", "}\""),
    ("captures", "&(", ")"),
    ("negations", "not ", ""),
    ("signs", "-", ""),
    ("marks", "!", ""),
    ("left_operators", "", " + b"),
    ("pipes", "", " |> b"),
    ("dots", "", ".b"),
    ("matches", "b = ", ""),
    ("conses", "b ++ ", ""),
    ("arrows", "b -> ", ""),
    ("guards", "b when ", ""),
    ("calls_without_parentheses", "f ", ""),
];

/// Scenario: each kind, 10,000 levels deep, closed and not. Guarantee: both readers end, soon, without an abort (a stack
/// that overflows cannot be caught), and the good file is there.
#[test]
fn ten_thousand_levels() {
    let root = project();
    for (name, before, after) in LEVELS {
        let text = format!("{}a{}", before.repeat(DEPTH), after.repeat(DEPTH));
        for text in [&*text, &text[..text.len() / 2]] {
            write(
                root.path(),
                "lib/deep.ex",
                format!("defmodule D do\n  def g(a) do\n{text}\n  end\nend\n"),
            );
            let started = Instant::now();
            for found in [indexed(root.path(), &mut || {}), opened(root.path(), &|| {})] {
                assert!(
                    found.paths.contains(&"lib/good.ex".to_owned()),
                    "{name}: {found:?}"
                );
                assert!(
                    found
                        .faults
                        .iter()
                        .all(|fault| fault.starts_with("lib/deep.ex: ")),
                    "{name}: {found:?}"
                );
            }
            let took = started.elapsed();
            println!("{name}: {took:?}");
            assert!(took < Duration::from_secs(90), "{name}: {took:?}");
        }
    }
}

/// Scenario: folders 100 levels deep. Guarantee: said where it is too deep, the rest is read.
#[test]
fn folders_in_folders() {
    let root = project();
    write(
        root.path(),
        &format!("lib/{}a.ex", "d/".repeat(30)),
        "defmodule A do\nend\n",
    );
    write(
        root.path(),
        &format!("lib/{}a.ex", "e/".repeat(100)),
        "defmodule B do\nend\n",
    );
    let found = found(root.path());
    let deep = format!("lib/{}: too deep below the project's root", ["e"; 65].join("/"));
    assert_eq!(found.faults, [deep]);
    assert_eq!(found.paths.len(), 2);
}
