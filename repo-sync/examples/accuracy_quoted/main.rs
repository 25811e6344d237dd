//! How often lowering gives what Elixir itself gives, over all sources below some folders.
//!
//! Arguments: folders, each a project. Prints a line for each difference, one for each project, and then one JSON object
//! a figure, for `cargo xtask accuracy`.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

mod class;
mod compare;
mod tally;
mod term;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use repo_sync::lower::Lowerer;
use tally::Tally;
use term::Terms;

/// Files that the reference reads before they are compared: its answers are kept until then.
const BATCH_FILES: usize = 200;

fn main() -> ExitCode {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match run(&folders) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(folders: &[PathBuf]) -> Result<(), String> {
    let mut lowerer = Lowerer::new().map_err(|fault| fault.to_string())?;
    let (mut all, mut version) = (Tally::default(), String::new());
    let mut rows = Vec::new();
    for folder in folders {
        let mut paths = Vec::new();
        collect(folder, &mut paths);
        paths.sort();
        paths.retain(|path| path.to_str().is_some_and(|path| !path.contains('\n')));
        let mut project = Tally::default();
        for batch in paths.chunks(BATCH_FILES) {
            version = compare_batch(batch, &mut lowerer, &mut project)?;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        rows.push(format!("{name}: {}", project.row()));
        all.add(project);
    }
    all.print_differences();
    for row in rows {
        println!("{row}");
    }
    println!("reference: Elixir {version}; all: {}", all.row());
    all.print_figures();
    Ok(())
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

/// The reference's version.
fn compare_batch(paths: &[PathBuf], lowerer: &mut Lowerer, tally: &mut Tally) -> Result<String, String> {
    let (version, answers) = reference(paths)?;
    let mut rest = answers.as_slice();
    for path in paths {
        let (length, after) = rest.split_first_chunk::<4>().ok_or("an answer is missing")?;
        let (term, after) = after
            .split_at_checked(u32::from_be_bytes(*length) as usize)
            .ok_or("an answer is cut off")?;
        rest = after;
        let terms = Terms::read(term).ok_or("an answer is no term")?;
        if terms.atom(0) == Some("refused") {
            tally.refused(path);
            continue;
        }
        let text = std::fs::read_to_string(path).map_err(|fault| fault.to_string())?;
        tally.file(path, &text, &terms, lowerer);
    }
    Ok(version)
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
