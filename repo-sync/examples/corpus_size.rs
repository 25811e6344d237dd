//! How much code a corpus is: lines, files and functions of each project, and how much of it is distinct.
//!
//! Argument: a folder whose subfolders are projects. All `.ex` and `.exs` files below each are counted. A function is
//! distinct if no function before it, of this project or of one before it, has the same content id (formatting, comments
//! and the place do not count for that id); distinct lines are those of distinct functions, from first clause to last,
//! and distinct code is what they are together with the lines that are in no function, of files whose text is distinct.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use codegraph::SourceHash;
use codegraph::definitions::Outline;
use codegraph::identity::{ContentId, Contents};
use repo_sync::lower::Lowerer;

type Fault = Box<dyn std::error::Error>;

/// Counts of one project, or of all.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    files: usize,
    lines: usize,
    functions: usize,
    distinct_functions: usize,
    /// Lines of distinct functions.
    function_lines: usize,
    /// These, and the lines of distinct files that are in no function.
    distinct_lines: usize,
}

/// What was there before.
#[derive(Debug, Default)]
struct Seen {
    functions: HashSet<ContentId>,
    files: HashSet<SourceHash>,
}

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        println!("error: expected a folder whose subfolders are projects");
        return ExitCode::FAILURE;
    };
    match run(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("error: {}: {fault}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path) -> Result<(), Fault> {
    let mut lowerer = Lowerer::new()?;
    let (mut seen, mut all) = (Seen::default(), Size::default());
    println!(
        "{:<40} {:>6} {:>9} {:>9} {:>9} {:>14} {:>14}",
        "project", "files", "lines", "functions", "distinct", "their lines", "distinct lines"
    );
    for project in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let mut size = Size::default();
        let mut files = Vec::new();
        sources(&project, &mut files)?;
        for file in files {
            // A text that is not UTF-8 is no Elixir.
            if let Ok(text) = std::fs::read_to_string(&file) {
                count(&text, &mut lowerer, &mut seen, &mut size);
            }
        }
        let name = project.file_name().unwrap_or_default().to_string_lossy();
        print(&name, size);
        all.add(size);
    }
    print("all", all);
    Ok(())
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if !hidden && !entry.file_type()?.is_symlink() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn sources(project: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut folders = vec![project.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            let built = path
                .file_name()
                .is_some_and(|name| name == "_build" || name == "deps");
            if path.is_dir() && !built {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "ex" || end == "exs") {
                into.push(path);
            }
        }
    }
    into.sort();
    Ok(())
}

fn count(text: &str, lowerer: &mut Lowerer, seen: &mut Seen, size: &mut Size) {
    let tree = lowerer.lower(text).quoted;
    let outline = Outline::of(&tree);
    let contents = Contents::of(&tree, &outline);
    let lines = text.lines().count();
    let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |byte: u32| breaks.partition_point(|at| *at < byte as usize);
    size.files += 1;
    size.lines += lines;
    let mut in_functions = 0;
    for (function, ids) in outline.functions.iter().zip(&contents.functions) {
        let spans = || {
            let clauses = function.clauses.iter();
            let clauses = clauses.filter_map(|clause| outline.clauses.get(*clause as usize));
            clauses.map(|clause| tree.node(clause.node))
        };
        let own: usize = spans().map(|node| line(node.end) - line(node.start) + 1).sum();
        in_functions += own;
        size.functions += 1;
        if seen.functions.insert(ids.exact) {
            size.distinct_functions += 1;
            size.function_lines += own;
            size.distinct_lines += own;
        }
    }
    if seen.files.insert(SourceHash::of(text.as_bytes())) {
        size.distinct_lines += lines.saturating_sub(in_functions);
    }
}

impl Size {
    fn add(&mut self, other: Self) {
        self.files += other.files;
        self.lines += other.lines;
        self.functions += other.functions;
        self.distinct_functions += other.distinct_functions;
        self.function_lines += other.function_lines;
        self.distinct_lines += other.distinct_lines;
    }
}

fn print(name: &str, size: Size) {
    println!(
        "{name:<40} {:>6} {:>9} {:>9} {:>9} {:>14} {:>14}",
        size.files,
        size.lines,
        size.functions,
        size.distinct_functions,
        size.function_lines,
        size.distinct_lines
    );
}
