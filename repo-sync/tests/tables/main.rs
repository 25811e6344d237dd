//! A project's tables, read by DuckDB: an engine that is not ours. Rows are whole, keys are keys, what is named is there,
//! and the reference query of `docs/code-graph/tables.md` finds what was planted.

#![expect(clippy::unwrap_used, reason = "what cannot be exported ends its test")]

mod duckdb;
mod kept;
mod planted;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use repo_sync::project::{CodeProject, ProjectOptions};
use repo_sync::tables::{ExportOptions, Exported, Readings, export};
use repo_sync::{IndexOptions, index_project};
use tables::{Table, checks, file_name, read};

fn exported(root: &Path, folder: &Path) -> Exported {
    let project = CodeProject::open(root, &ProjectOptions::default(), &|_, _| {}).unwrap();
    let options = ExportOptions {
        clones: Some(codegraph::clones::Options::default()),
    };
    let readings = Readings::of(&project).unwrap();
    let published = index_project(root, &IndexOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(readings.version, published.manifest.id());
    let done = export(&project, folder, &options, readings, None, &mut |_, _| {}).unwrap();
    assert_eq!(done.faults, vec![]);
    done
}

/// All statements of `tables::checks`: what does not hold, with how many rows break it.
fn broken(folder: &Path) -> Vec<String> {
    let statements = checks();
    let sql: Vec<&str> = statements.iter().map(|check| check.sql.as_str()).collect();
    let answers = duckdb::ask(folder, "", &sql);
    assert_eq!(answers.len(), statements.len());
    statements
        .iter()
        .zip(answers)
        .filter(|(_, answer)| *answer != [vec!["0"]])
        .map(|(check, answer)| format!("{}: {answer:?}", check.rule))
        .collect()
}

fn shop() -> std::path::PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../beam/demo")
}

/// Scenario: the shop's tables, in an engine that knows nothing of this program. Guarantee: no column that may not be is
/// empty, keys are unique, every row that is named exists, sets nest, every word is one of the list; and the counts of
/// rows are those that the export said.
#[test]
fn the_shops_tables_hold_together() {
    let folder = tempfile::tempdir().unwrap();
    let done = exported(&shop(), folder.path());
    assert_eq!(broken(folder.path()), Vec::<String>::new());
    let counts: Vec<String> = done
        .tables
        .iter()
        .map(|one| format!("SELECT count(*) FROM \"{}\"", one.table))
        .collect();
    let sql: Vec<&str> = counts.iter().map(String::as_str).collect();
    for (one, answer) in done.tables.iter().zip(duckdb::ask(folder.path(), "", &sql)) {
        assert_eq!(answer, [vec![one.rows.to_string()]], "{}", one.table);
        // The shop has no history, and need not repeat itself.
        let may_be_empty = matches!(one.table, Table::Lineage | Table::Clone);
        assert!(one.rows > 0 || may_be_empty, "{}", one.table);
    }
}

/// Scenario: functions whose `case` looks at a variable that is bound more than three times, beside others that are nearly
/// so: three bindings, four in another clause, four of another name, a subject that is no variable, piped subjects; with
/// errors inside and outside of them. Guarantee: the reference query, as it is written in the documentation, finds exactly
/// the planted ones; its static part alone as well.
#[test]
fn the_reference_query_finds_what_was_planted() {
    let (project, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    planted::write(project.path());
    exported(project.path(), folder.path());
    assert_eq!(broken(folder.path()), Vec::<String>::new());
    let page = include_str!("../../../docs/code-graph/tables.md");
    let statements: Vec<&str> = page
        .split("```sql")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .map(|sql| sql.trim().trim_end_matches(';'))
        .collect();
    let [statics, whole, ..] = statements.as_slice() else {
        panic!("the page has no two statements");
    };
    let answers = duckdb::ask(folder.path(), planted::ERRORS, &[statics, whole]);
    let column = |rows: &[Vec<String>], at: usize| -> Vec<String> {
        let mut found: Vec<String> = rows.iter().map(|row| row[at].clone()).collect();
        found.sort();
        found
    };
    let [statics, whole] = answers.as_slice() else {
        panic!("two answers");
    };
    // module, function, line, name, defs
    assert_eq!(column(statics, 1), planted::FOUND, "{statics:?}");
    // trace_id, node, hlc, module, function, line, name, defs, kind, message
    assert_eq!(column(whole, 9), planted::RAISED, "{whole:?}");
}

/// Scenario: an export read back by this program's own reader. Guarantee: batches have the described columns and as many
/// rows as were written; a file that is another table is refused by name.
#[test]
fn tables_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let done = exported(&shop(), folder.path());
    for one in &done.tables {
        let batches = read(folder.path(), one.table, None).unwrap();
        let rows: usize = batches.map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows as u64, one.rows, "{}", one.table);
    }
    let columns = read(folder.path(), Table::AstNode, Some(&["kind", "pre"])).unwrap();
    let batch = columns.into_iter().next().unwrap().unwrap();
    assert_eq!(batch.num_columns(), 2);
    let path = |table| folder.path().join(file_name(table));
    std::fs::copy(path(Table::Clause), path(Table::Call)).unwrap();
    let refused = read(folder.path(), Table::Call, None).unwrap_err().to_string();
    assert!(refused.contains("is not table call"), "{refused}");
}

/// Scenario: the same project is exported twice, the second time over the first. Guarantee: the files are equal, byte for
/// byte, and nothing else is left in the folder.
#[test]
fn an_export_is_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let files = || -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, std::fs::read(path).unwrap())
            })
            .collect()
    };
    exported(&shop(), folder.path());
    let first = files();
    exported(&shop(), folder.path());
    assert!(first == files());
    let names: Vec<&String> = first.keys().collect();
    let mut expected: Vec<String> = Table::ALL.iter().map(|table| file_name(*table)).collect();
    expected.sort();
    assert_eq!(names, expected.iter().collect::<Vec<_>>());
}
