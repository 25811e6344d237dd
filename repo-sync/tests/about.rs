//! Text made of a quoted form reads back as the same quoted form: over this repository's own BEAM sources, and over
//! `ELIXIR_CORPUS`, a folder, if that is set.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::path::{Path, PathBuf};

use codegraph::about::render;
use codegraph::definitions::Outline;
use codegraph::identity::Contents;
use codegraph::quoted::{Kind, NodeId, Quoted};
use repo_sync::lower::Lowerer;

/// Most bytes of one function's text.
const BYTES_MAX: usize = 4 << 20;

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let skipped = name.starts_with('.') || name == "_build" || name == "deps";
        if entry.file_type().unwrap().is_dir() && !skipped {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "ex" || end == "exs") {
            files.push(path);
        }
    }
}

/// Kinds, names and numbers of children of a subtree: what a content id is made of.
fn content(tree: &Quoted, root: NodeId) -> Vec<(Kind, usize, Vec<u8>)> {
    tree.subtree(root)
        .map(NodeId::new)
        .map(|node| {
            (
                tree.node(node).kind,
                tree.kids(node).len(),
                tree.bytes(node).to_vec(),
            )
        })
        .collect()
}

fn reads_back(lowerer: &mut Lowerer, tree: &Quoted, node: NodeId) -> Result<(), String> {
    let text = render(tree, node, BYTES_MAX).text;
    let again = lowerer.lower(&text).quoted;
    let root = again.root().unwrap();
    if content(tree, node) == content(&again, root) {
        Ok(())
    } else {
        Err(text)
    }
}

/// Scenario: every specification, type, callback, attribute and function of all sources, written from its quoted form and
/// read again. Guarantee: specifications and types are all equal, functions all but one in a thousand.
#[test]
fn what_is_written_reads_back() {
    let mut files = Vec::new();
    collect(
        &PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam"),
        &mut files,
    );
    if let Some(corpus) = std::env::var_os("ELIXIR_CORPUS") {
        collect(Path::new(&corpus), &mut files);
    }
    files.sort();
    let mut lowerer = Lowerer::new().unwrap();
    let (mut types, mut attributes, mut clauses) = ((0, Vec::new()), (0, Vec::new()), (0, Vec::new()));
    for file in &files {
        let Ok(text) = std::fs::read_to_string(file) else {
            continue;
        };
        let lowered = lowerer.lower(&text);
        if !lowered.errors.is_empty() {
            continue;
        }
        let tree = lowered.quoted;
        let outline = Outline::of(&tree);
        for attribute in &outline.attributes {
            let score = if attribute.about.is_some() {
                &mut types
            } else {
                &mut attributes
            };
            score.0 += 1;
            if let Err(text) = reads_back(&mut lowerer, &tree, attribute.node) {
                score.1.push((file.clone(), tree.node(attribute.node).line, text));
            }
        }
        for clause in &outline.clauses {
            clauses.0 += 1;
            if let Err(text) = reads_back(&mut lowerer, &tree, clause.node) {
                clauses.1.push((file.clone(), tree.node(clause.node).line, text));
            }
        }
    }
    for (what, (count, wrong)) in [
        ("types", &types),
        ("attributes", &attributes),
        ("clauses", &clauses),
    ] {
        println!("{what}: {} of {count} read back", count - wrong.len());
        for (file, line, text) in wrong.iter().take(12) {
            println!("  {}:{line}\n{text}", file.display());
        }
    }
    assert!(types.0 > 0 && types.1.is_empty());
    assert!(attributes.1.len() * 1000 <= attributes.0);
    assert!(clauses.0 > 100 && clauses.1.len() * 1000 <= clauses.0);
}

/// Scenario: one clause is written and read again. Guarantee: its content ids are the same.
#[test]
fn content_ids_stay() {
    let mut lowerer = Lowerer::new().unwrap();
    let text = "def take(n, by) when n > by and not is_nil(n) do\n  case {n, by} do\n    {a, b} when a - (b - 1) > 0 ->\n      \
                send(self(), %{a: 1, \"b\" => ~r/\\d+/i})\n      fn\n        x, \"#{y}\" -> x <> y\n      end\n\n    _ -> \
                nil\n  end\nrescue\n  e in [KeyError] -> {:error, e.key[:a]}\nend\n";
    let ids = |lowerer: &mut Lowerer, text: &str| {
        let tree = lowerer.lower(text).quoted;
        let outline = Outline::of(&tree);
        (
            Contents::of(&tree, &outline).clauses,
            render(&tree, outline.clauses[0].node, BYTES_MAX).text,
        )
    };
    let (before, written) = ids(&mut lowerer, text);
    let (after, again) = ids(&mut lowerer, &written);
    assert_eq!(before, after);
    assert_eq!(written, again);
}
