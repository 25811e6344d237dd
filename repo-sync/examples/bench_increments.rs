//! How soon a project is queryable after an edit, and how soon it is open again from its records, for `cargo xtask bench
//! increments`. Arguments: folders with Elixir sources below `lib`; they are copied into one project, until that has
//! 400,000 lines. Records are kept in memory here. Prints one JSON object a figure.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use codegraph::records::{Memory, Records};
use repo_sync::project::{CodeProject, LiveProject, ProjectOptions};

type Fault = Box<dyn std::error::Error>;

/// Edits of each kind.
const EDITS: usize = 100;
const SEED: u64 = 0x5eed_c0de;
const OPENS: usize = 5;
/// Lines that the goals are about.
const LINES: usize = 400_000;

fn main() -> ExitCode {
    let roots: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    match figures(&roots) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn figure(name: &str, value: f64, unit: &str, goal: Option<f64>) {
    let goal = goal.map_or_else(|| "null".to_owned(), |goal| goal.to_string());
    println!("{{\"name\":\"{name}\",\"value\":{value},\"unit\":\"{unit}\",\"goal\":{goal}}}");
}

/// What is changed in one file.
struct Edit {
    name: &'static str,
    change: fn(&str, u64) -> String,
    goals: (Option<f64>, Option<f64>),
}

const KINDS: &[Edit] = &[
    Edit {
        name: "comment",
        change: |text, n| format!("# {n}\n{text}"),
        goals: (None, None),
    },
    Edit {
        name: "body",
        change: |text, n| nth_do(text, n, &format!("    _ = {n}\n")),
        goals: (Some(20.0), Some(100.0)),
    },
    Edit {
        name: "new function",
        change: |text, n| text.replacen(" do\n", &format!(" do\n  def added_{n}(a), do: a\n"), 1),
        goals: (Some(20.0), Some(100.0)),
    },
];

/// Behind one of the first lines that end with `do`, of a function if it can be.
fn nth_do(text: &str, n: u64, added: &str) -> String {
    let places: Vec<usize> = text.match_indices(" do\n").map(|(at, _)| at + 4).collect();
    match places.get(1 + (n as usize) % places.len().max(2).saturating_sub(1)) {
        Some(place) => format!("{}{added}{}", &text[..*place], &text[*place..]),
        None => format!("{text}\n# {n}\n"),
    }
}

/// Xorshift (Marsaglia 2003), so that the same files are edited every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

fn figures(roots: &[PathBuf]) -> Result<(), Fault> {
    let dir = tempfile::tempdir()?;
    let mut lines = 0;
    for (at, root) in roots.iter().enumerate() {
        if lines < LINES {
            lines += copy(root, &dir.path().join(format!("lib/p{at}")))?;
        }
    }
    if lines == 0 {
        return Err("expected folders with Elixir sources below lib".into());
    }
    let records: Arc<dyn Records> = Arc::new(Memory::default());
    let open = || {
        let options = ProjectOptions::default();
        LiveProject::open(dir.path(), &options, Some(records.clone()), &|_, _| {})
    };
    let started = Instant::now();
    let mut live = open()?;
    let lines = live.project().reading().lines;
    figure(
        &format!("cold read of {lines} lines with records"),
        started.elapsed().as_secs_f64() * 1e3,
        "ms",
        None,
    );
    live.save()?;
    let files: Vec<String> = live
        .project()
        .files()
        .iter()
        .map(|file| file.path.clone())
        .collect();
    let mut random = Random(SEED);
    for kind in KINDS {
        let (mut times, mut facts, mut most) = (Vec::new(), 0, 0);
        for _ in 0..EDITS {
            let file = &files[random.below(files.len() as u64) as usize];
            let path = dir.path().join(file);
            let text = fs::read_to_string(&path)?;
            fs::write(&path, (kind.change)(&text, random.below(1 << 20)))?;
            let started = Instant::now();
            let found = live.refresh_paths(std::slice::from_ref(file))?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            facts += found.measured + found.linked;
            most = most.max(found.linked);
            live.save()?;
        }
        times.sort_by(f64::total_cmp);
        let name = format!("one-file edit to queryable, {lines} lines: {}", kind.name);
        figure(&format!("{name}, p50"), times[EDITS / 2], "ms", kind.goals.0);
        figure(
            &format!("{name}, p99"),
            times[EDITS * 99 / 100],
            "ms",
            kind.goals.1,
        );
        let goal = (kind.name == "comment").then_some(0.0);
        figure(
            &format!("{name}, facts computed an edit"),
            facts as f64 / EDITS as f64,
            "files",
            goal,
        );
        figure(
            &format!("{name}, files linked at most"),
            most as f64,
            "files",
            None,
        );
    }
    let cold = CodeProject::open(dir.path(), &ProjectOptions::default(), &|_, _| {})?;
    if cold.sites() != live.project().sites() || cold.functions() != live.project().functions() {
        return Err("after these edits the project is not what it is when read anew".into());
    }
    let mut times = Vec::new();
    for _ in 0..OPENS {
        let started = Instant::now();
        let again = open()?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
        if again.project().reading().parsed > 0 {
            return Err("a warm open parsed files".into());
        }
    }
    times.sort_by(f64::total_cmp);
    figure(
        &format!("warm open of {lines} lines, records in memory"),
        times[OPENS / 2],
        "ms",
        Some(300.0),
    );
    Ok(())
}

/// Copies the sources below folders that are called `lib`, and counts their lines.
fn copy(from: &Path, to: &Path) -> Result<usize, Fault> {
    let mut lines = 0;
    let mut folders: Vec<(PathBuf, PathBuf, bool)> = vec![(from.to_owned(), to.to_owned(), false)];
    while let Some((from, to, is_lib)) = folders.pop() {
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            let target = to.join(&name);
            let kind = entry.file_type()?;
            let skipped = ["test", "deps", "_build", "node_modules"]
                .iter()
                .any(|skip| name == *skip);
            if kind.is_dir() && !skipped {
                folders.push((path, target, is_lib || name == "lib"));
            } else if kind.is_file() && is_lib && path.extension().is_some_and(|end| end == "ex") {
                fs::create_dir_all(&to)?;
                let text = fs::read(&path)?;
                lines += text.split(|byte| *byte == b'\n').count() - 1;
                fs::write(target, text)?;
            }
        }
    }
    Ok(lines)
}
