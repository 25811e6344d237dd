//! How often lowering gives what Elixir itself gives, over all sources below some folders.
//!
//! Arguments: folders. Prints a line for each difference and then one JSON object a figure, for `cargo xtask accuracy`.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

mod class;
mod compare;
mod term;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use class::Class;
use codegraph::quoted::Kind;
use compare::{Difference, differences};
use repo_sync::lower::Lowerer;
use term::Terms;

fn main() -> ExitCode {
    let mut paths = Vec::new();
    for folder in std::env::args_os().skip(1) {
        collect(Path::new(&folder), &mut paths);
    }
    paths.sort();
    paths.retain(|path| path.to_str().is_some_and(|path| !path.contains('\n')));
    match run(&paths) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_symlink() {
        return;
    }
    if let Ok(entries) = std::fs::read_dir(path) {
        let built = |name: &std::ffi::OsStr| name == "_build" || name == "deps" || name == ".git";
        for entry in entries.flatten().filter(|entry| !built(&entry.file_name())) {
            collect(&entry.path(), into);
        }
    } else if path.extension().is_some_and(|kind| kind == "ex" || kind == "exs") {
        into.push(path.to_owned());
    }
}

/// The reference's version, and one answer a file.
fn reference(paths: &[PathBuf]) -> Result<(String, Vec<u8>), String> {
    let folder = tempfile::tempdir().map_err(|fault| fault.to_string())?;
    let (list, output) = (folder.path().join("list"), folder.path().join("terms"));
    let names: Vec<&str> = paths.iter().filter_map(|path| path.to_str()).collect();
    std::fs::write(&list, names.join("\n")).map_err(|fault| fault.to_string())?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/accuracy_quoted/oracle.exs");
    let answer = Command::new("elixir")
        .arg(script)
        .args([&output, &list])
        .stderr(Stdio::null())
        .output()
        .map_err(|fault| format!("elixir does not run: {fault}"))?;
    if !answer.status.success() {
        return Err(format!("elixir ended with {}", answer.status));
    }
    let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    Ok((version, std::fs::read(output).map_err(|fault| fault.to_string())?))
}

fn run(paths: &[PathBuf]) -> Result<(), String> {
    let (version, answers) = reference(paths)?;
    let mut lowerer = Lowerer::new().map_err(|fault| fault.to_string())?;
    let mut rest = answers.as_slice();
    let (mut accepted, mut broken, mut unequal, mut lines, mut nodes) = (0u32, 0u32, 0u32, 0, 0);
    let mut took = Duration::ZERO;
    let mut listed: Vec<(Class, String)> = Vec::new();
    for path in paths {
        let (length, after) = rest.split_first_chunk::<4>().ok_or("an answer is missing")?;
        let (term, after) = after
            .split_at_checked(u32::from_be_bytes(*length) as usize)
            .ok_or("an answer is cut off")?;
        rest = after;
        let terms = Terms::read(term).ok_or("an answer is no term")?;
        if terms.atom(0) == Some("refused") {
            println!("refused by the reference: {}", path.display());
            continue;
        }
        let text = std::fs::read_to_string(path).map_err(|fault| fault.to_string())?;
        accepted += 1;
        lines += text.lines().count();
        let start = Instant::now();
        let lowered = lowerer.lower(&text);
        took += start.elapsed();
        nodes += lowered.quoted.nodes().len();
        if !lowered.errors.is_empty() || lowered.quoted.nodes().iter().any(|node| node.kind == Kind::Error) {
            broken += 1;
            for error in &lowered.errors {
                println!(
                    "error node: {}:{}:{}: {}",
                    path.display(),
                    error.line,
                    error.column,
                    error.message
                );
            }
        }
        let found = differences(&lowered.quoted, &terms);
        unequal += u32::from(!found.is_empty());
        for difference in &found {
            let class = Class::of(&text, difference.line);
            let Difference {
                line, column, what, ..
            } = difference;
            listed.push((class, format!("{}:{line}:{column}: {what}", path.display())));
        }
    }
    listed.sort();
    for (class, line) in &listed {
        println!("difference ({class:?}): {line}");
    }
    println!(
        "reference: Elixir {version}; {accepted} of {} files accepted",
        paths.len()
    );
    let speed = lines as f64 / took.as_secs_f64().max(1e-9);
    println!("{lines} lines, {nodes} nodes, {speed:.0} lines/s parsed and lowered on one core");
    let share = |count: u32| f64::from(count) * 100.0 / f64::from(accepted.max(1));
    figure(
        "files with an error node",
        share(broken),
        "% of files",
        Some(0.05),
    );
    figure(
        "files whose quoted form differs",
        share(unequal),
        "% of files",
        Some(0.5),
    );
    figure("files compared", f64::from(accepted), "files", None);
    figure("time to parse and lower", 1e9 / speed, "ns/line", None);
    Ok(())
}

fn figure(name: &str, value: f64, unit: &str, goal: Option<f64>) {
    let goal = goal.map_or_else(|| "null".to_owned(), |goal| goal.to_string());
    println!("{{\"name\": \"{name}\", \"value\": {value}, \"unit\": \"{unit}\", \"goal\": {goal}}}");
}
