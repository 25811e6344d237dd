//! Call edges against the compiler's own tracer: `accuracy_calls OUT [--keep] [--misses N] GROUP...` where a group is a
//! folder of Elixir sources, `single:FOLDER` for Elixir's own library. Compiles them with a tracer (`trace.exs`), links
//! the same sources, compares, and prints classes of differences, then figures as JSON, one a line.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people")]

mod anchors;
mod edges;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use edges::{Edge, Oracle};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let out = PathBuf::from(args.next().unwrap_or_default());
    let (mut misses, mut keep, mut groups) = (20, false, Vec::new());
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--misses" => misses = args.next().and_then(|n| n.parse().ok()).unwrap_or(misses),
            // Takes what an earlier run compiled.
            "--keep" => keep = true,
            folder => groups.push(Group::of(folder)),
        }
    }
    if !keep && let Err(fault) = trace(&out, &groups) {
        eprintln!("error: {fault}");
        return ExitCode::FAILURE;
    }
    let events = match std::fs::read_to_string(out.join("events.tsv")) {
        Ok(events) => events,
        Err(fault) => {
            eprintln!("error: {}: {fault}", out.join("events.tsv").display());
            return ExitCode::FAILURE;
        }
    };
    let files: Vec<PathBuf> = groups.iter().flat_map(|group| group.files.clone()).collect();
    let oracle = Oracle::read(&events);
    let source = match edges::source(&files) {
        Ok(source) => source,
        Err(fault) => {
            eprintln!("error: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let seen = source.compare(&oracle);
    println!("calls that the source shows, at (caller, called, line)");
    println!(
        "  tracer {}  ours {}  both {}  precision {:.4}  recall {:.4}",
        seen.oracle,
        seen.ours,
        seen.both,
        seen.precision(),
        seen.recall()
    );
    show("ours, not the tracer's", &seen.wrong, misses);
    show("the tracer's, not ours", &seen.missed, misses);
    let made = edges::expanded(&out, &oracle, &source);
    println!("calls that macros make in functions, from the debug info of the compiled modules");
    println!(
        "  tracer {}  found {}  recall {:.4}; in modules' bodies (not in debug info): {}; steps of expansion: {}",
        made.functions,
        made.found,
        made.recall(),
        made.bodies,
        made.steps
    );
    show("the tracer's, not in the debug info", &made.missed, misses);
    let anchored = anchors::measure(&out, &files);
    println!("expanded nodes whose token the source has, by Elixir's own parser, to that token");
    for (what, row) in [("ASCII lines", &anchored.ascii), ("other lines", &anchored.other)] {
        println!(
            "  {what}: {} of {} ({:.6}), {} to another token",
            row.right,
            row.expected,
            row.rate(),
            row.wrong
        );
    }
    println!(
        "  all nodes with a token: {}; to a token {}, to a macro's call {}, unmapped {}",
        anchored.nodes, anchored.tokens, anchored.macros, anchored.unmapped
    );
    for example in anchored.examples.iter().take(misses) {
        println!("    {example}");
    }
    figures(&seen, &made, &anchored);
    ExitCode::SUCCESS
}

/// One a line, as JSON: shares of what is wrong, which hold if they are no greater than their goals.
fn figures(seen: &edges::Seen, made: &edges::Made, anchored: &anchors::Measured) {
    let counts = [
        (
            "edges of ours that the tracer has not",
            seen.ours - seen.both,
            seen.ours,
            100,
        ),
        (
            "edges of the tracer that we have not",
            seen.missed.len(),
            seen.oracle,
            300,
        ),
        (
            "macro-made calls in functions that we have not",
            made.missed.len(),
            made.functions,
            2000,
        ),
        (
            "anchors not at their token, ASCII lines",
            anchored.ascii.faults(),
            anchored.ascii.expected,
            0,
        ),
        (
            "anchors not at their token, all lines",
            anchored.faults(),
            anchored.expected(),
            10,
        ),
    ];
    for (name, count, of, goal) in counts {
        let value = 10_000.0 * count as f64 / of.max(1) as f64;
        println!("{{\"name\": \"{name}\", \"value\": {value:.3}, \"unit\": \"in 10000\", \"goal\": {goal}}}");
    }
}

fn show(title: &str, edges: &[Edge], most: usize) {
    println!("  {title}: {}", edges.len());
    for (class, count, example) in edges::classes(edges).into_iter().take(most) {
        println!("    {count:6}  {class:40}  {example}");
    }
}

struct Group {
    kind: &'static str,
    files: Vec<PathBuf>,
}

impl Group {
    fn of(argument: &str) -> Self {
        let (kind, folder) = match argument.strip_prefix("single:") {
            Some(folder) => ("single", folder),
            None => ("parallel", argument),
        };
        let mut files = Vec::new();
        collect(Path::new(folder), &mut files);
        files.sort();
        Self { kind, files }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "ex") {
                files.push(path);
            }
        }
    }
}

fn trace(out: &Path, groups: &[Group]) -> Result<(), String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/accuracy_calls/trace.exs");
    let mut command = Command::new("elixir");
    command.arg(script).arg(out);
    for group in groups {
        command.arg(group.kind).args(&group.files).arg("--");
    }
    let output = command
        .output()
        .map_err(|fault| format!("elixir does not run: {fault}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    for line in errors.lines().filter(|line| line.starts_with("not compiled")) {
        println!("{line}");
    }
    if output.status.success() {
        return Ok(());
    }
    Err(errors.into_owned())
}
