//! A project's tables, for `cargo xtask bench tables`: rows, bytes, seconds, peak memory, and whether they hold together
//! as DuckDB sees it.
//!
//! Argument: a folder with Elixir sources below `lib`. Prints one JSON object a figure, and each statement that does not
//! hold.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]
#![expect(clippy::expect_used, reason = "a measurement that cannot be made ends")]

#[path = "../tests/tables/duckdb.rs"]
mod duckdb;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use repo_sync::project::{CodeProject, ProjectOptions};
use repo_sync::tables::{ExportOptions, Readings, export};
use tables::checks;

fn main() {
    let root = std::env::args_os().nth(1).map(PathBuf::from);
    let root = root.expect("a folder with sources");
    let folder = tempfile::tempdir().expect("a folder");
    measure(&root, folder.path());
    let statements = checks();
    let started = Instant::now();
    let sql: Vec<&str> = statements.iter().map(|check| check.sql.as_str()).collect();
    let mut broken = 0;
    for (check, answer) in statements.iter().zip(duckdb::ask(folder.path(), "", &sql)) {
        if answer != [vec!["0"]] {
            println!("does not hold: {}: {answer:?}", check.rule);
            broken += 1;
        }
    }
    let asked = statements.len();
    figure(
        &format!("of {asked} checks by DuckDB not held"),
        f64::from(broken),
        "checks",
        "0",
    );
    figure(
        "DuckDB's time for them",
        started.elapsed().as_secs_f64(),
        "s",
        "null",
    );
}

fn measure(root: &Path, folder: &Path) {
    let project = CodeProject::open(root, &ProjectOptions::default(), &|_, _| {}).expect("a project");
    let lines = project.reading().lines;
    let open_mib = peak_mib();
    for clones in [None, Some(codegraph::clones::Options::default())] {
        let what = if clones.is_some() {
            "with clones"
        } else {
            "without clones"
        };
        let options = ExportOptions { clones };
        let started = Instant::now();
        let readings = Readings::of(&project).expect("a version");
        let done = export(&project, folder, &options, readings, None, &mut |_, _| {}).expect("an export");
        let seconds = started.elapsed().as_secs_f64();
        let (rows, bytes) = done
            .tables
            .iter()
            .fold((0, 0), |(rows, bytes), one| (rows + one.rows, bytes + one.bytes));
        figure(&format!("tables of {lines} lines, {what}"), seconds, "s", "null");
        figure(
            &format!("peak memory after it, {what}"),
            peak_mib(),
            "MiB",
            "null",
        );
        figure(
            &format!("writers, {what}"),
            done.writer_bytes as f64 / f64::from(1 << 20),
            "MiB",
            "null",
        );
        if clones.is_some() {
            figure("rows", rows as f64, "rows", "null");
            figure("bytes", bytes as f64 / f64::from(1 << 20), "MiB", "null");
            for one in &done.tables {
                figure(&format!("rows of {}", one.table), one.rows as f64, "rows", "null");
                figure(
                    &format!("bytes of {}", one.table),
                    one.bytes as f64 / 1024.0,
                    "KiB",
                    "null",
                );
            }
        }
    }
    figure("peak memory before the first", open_mib, "MiB", "null");
}

/// The process's peak memory so far.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.map(|peak| peak.trim().trim_end_matches(" kB"));
    kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

fn figure(name: &str, value: f64, unit: &str, goal: &str) {
    println!(r#"{{"name":"{name}","value":{value},"unit":"{unit}","goal":{goal}}}"#);
}
