//! The anchors against Elixir's own parser: every `->`, `&`, head name, call name and variable that
//! `Code.string_to_quoted` reports with a column must be an anchor with that token at that column. Over this
//! repository's own BEAM sources, and over `ELIXIR_CORPUS`, a folder, if that is set.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use codegraph::{AnchorRole, SyntaxDocument};
use repo_sync::Indexer;

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

#[derive(Default, Debug)]
struct Score {
    ascii: usize,
    ascii_wrong: usize,
    unicode: usize,
    unicode_wrong: usize,
}

fn is_right(
    document: &SyntaxDocument,
    source: &[u8],
    kind: &str,
    line: u32,
    column: u32,
    token: &str,
) -> bool {
    let anchors = document.line(line);
    let Ok(at) = anchors.binary_search_by_key(&column, |anchor| anchor.column) else {
        return false;
    };
    let anchor = &anchors[at];
    let same = &source[anchor.start_byte as usize..anchor.end_byte as usize] == token.as_bytes();
    let role = match kind {
        "arrow" => anchor.role == AnchorRole::Arrow,
        "head" => anchor.role == AnchorRole::Head,
        "remote" => anchor.role == AnchorRole::Call,
        _ => true,
    };
    same && role
}

#[test]
fn anchors_are_where_elixir_says() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files = Vec::new();
    collect(&here.join("../beam"), &mut files);
    if let Some(corpus) = std::env::var_os("ELIXIR_CORPUS") {
        collect(Path::new(&corpus), &mut files);
    }
    files.sort();
    let script = here.join("tests/oracle.exs");
    let output = match Command::new("elixir").arg(script).args(&files).output() {
        Ok(output) => output,
        Err(fault) => return println!("skipped: elixir does not run here: {fault}"),
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answers = String::from_utf8(output.stdout).unwrap();

    let mut indexer = Indexer::new().unwrap();
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut current: Option<(&str, Vec<u8>, SyntaxDocument)> = None;
    let (mut parsed, mut escaped, mut with_errors, mut wrong) = (0, 0, Vec::new(), Vec::new());
    for answer in answers.lines() {
        let parts: Vec<&str> = answer.splitn(5, '\t').collect();
        let [path, kind, line, column, token] = parts[..] else {
            panic!("{answer}")
        };
        if current.as_ref().is_none_or(|(known, ..)| *known != path) {
            let source = std::fs::read(path).unwrap();
            let document = indexer.index(&source).unwrap();
            assert_eq!(
                SyntaxDocument::decode(&document.encode()).as_ref(),
                Ok(&document),
                "{path}"
            );
            current = Some((path, source, document));
        }
        let (_, source, document) = current.as_ref().unwrap();
        if kind == "parsed" {
            parsed += 1;
            if !document.errors.is_empty() {
                with_errors.push(path.to_owned());
            }
        }
        if matches!(kind, "parsed" | "refused") {
            continue;
        }
        let (line, column) = (line.parse().unwrap(), column.parse().unwrap());
        let (start, end) = document.line_range(line, source).unwrap();
        // Elixir 1.14.0 counts an escaped interpolation as two columns less (elixir#12503, since closed). The BEAM
        // library corrects that before a site table is written.
        if source[start as usize..end as usize]
            .windows(3)
            .any(|three| three == b"\\#{")
        {
            escaped += 1;
            continue;
        }
        let score = scores.entry(kind).or_default();
        let right = is_right(document, source, kind, line, column, token);
        if source[start as usize..end as usize].is_ascii() {
            score.ascii += 1;
            score.ascii_wrong += usize::from(!right);
        } else {
            score.unicode += 1;
            score.unicode_wrong += usize::from(!right);
        }
        if !right {
            wrong.push(format!("{path}:{line}:{column} {kind} {token}"));
        }
    }
    println!("{parsed} files parsed by Elixir; with error nodes here: {with_errors:?}");
    println!("{escaped} tokens on lines with an escaped interpolation are not compared");
    for (kind, score) in &scores {
        println!("{kind}: {score:?}");
    }
    for wrong in wrong.iter().take(60) {
        println!("wrong: {wrong}");
    }
    assert!(parsed > 0, "no file was parsed");
    if std::env::var_os("ELIXIR_CORPUS").is_none() {
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!(with_errors, Vec::<String>::new());
    }
}
