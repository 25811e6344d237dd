//! How fast a project's code graph is made, and how much memory that takes, for `cargo xtask bench code`.
//!
//! Argument: a folder with Elixir sources below `lib`; or several, the projects of a corpus, each read on its own, then
//! as many of them as make 400,000 lines together as one project, then all. Prints one JSON object a figure. Memory is
//! measured in processes of their own, which this program starts of itself.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use repo_sync::project::{CodeProject, ProjectOptions};

/// Lines that the memory goal is about.
const LINES: u64 = 400_000;
/// Lines a second and core that are the goal.
const LINES_PER_SECOND: f64 = 80_000.0;
/// The word that makes this program read once and print its memory.
const ONCE: &str = "--once";
const RUNS: usize = 5;

type Fault = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let result = match args.as_slice() {
        [once, root] if once == Path::new(ONCE) => once_only(root),
        [root] => figures(root),
        [] => Err("expected a folder".into()),
        projects => corpus(projects),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn open(root: &Path, threads: usize) -> Result<CodeProject, Fault> {
    let options = ProjectOptions {
        threads,
        ..ProjectOptions::default()
    };
    Ok(CodeProject::open(root, &options, &|_, _| {})?)
}

/// Reads once; prints lines and the process's peak memory in KiB.
fn once_only(root: &Path) -> Result<(), Fault> {
    let project = open(root, 0)?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.ok_or("no VmHWM")?.trim().trim_end_matches(" kB");
    println!("{} {peak}", project.reading().lines);
    Ok(())
}

fn peak_mib(root: &Path) -> Result<(u64, f64), Fault> {
    let output = Command::new(std::env::current_exe()?)
        .arg(ONCE)
        .arg(root)
        .output()?;
    let printed = String::from_utf8(output.stdout)?;
    let (lines, peak) = printed.trim().split_once(' ').ok_or("no figures")?;
    Ok((lines.parse()?, peak.parse::<f64>()? / 1024.0))
}

/// The speed of reading each of some projects, one after the other.
fn speed(roots: &[PathBuf]) -> Result<(), Fault> {
    for (name, threads) in [("one thread", 1), ("all processors", 0)] {
        let mut times = Vec::new();
        let mut lines = 0;
        for _ in 0..RUNS {
            let started = Instant::now();
            lines = 0;
            for root in roots {
                lines += open(root, threads)?.reading().lines;
            }
            times.push(started.elapsed().as_secs_f64());
        }
        times.sort_by(f64::total_cmp);
        let seconds = times[RUNS / 2];
        let a_second = lines as f64 / seconds;
        figure(
            &format!("cold read of {lines} lines, {name}"),
            seconds * 1e3,
            "ms",
            None,
        );
        figure(&format!("lines a second, {name}"), a_second, "lines/s", None);
        if threads == 1 {
            let goal = Some(1e6 / LINES_PER_SECOND);
            figure("a line, one thread", 1e6 / a_second, "us", goal);
        }
    }
    Ok(())
}

/// Elixir projects of a corpus: a folder with `lib` or `apps`, or those below it that have one.
fn roots(projects: &[PathBuf]) -> Result<Vec<PathBuf>, Fault> {
    let is_root = |path: &Path| path.join("lib").is_dir() || path.join("apps").is_dir();
    let mut roots = Vec::new();
    for project in projects {
        if is_root(project) {
            roots.push(project.clone());
            continue;
        }
        for entry in fs::read_dir(project)? {
            roots.extend(Some(entry?.path()).filter(|path| is_root(path)));
        }
    }
    roots.sort();
    Ok(roots)
}

fn corpus(projects: &[PathBuf]) -> Result<(), Fault> {
    let roots = roots(projects)?;
    figure("projects", roots.len() as f64, "projects", None);
    speed(&roots)?;
    let (mut largest, mut all) = ((0, 0.0), 0);
    let folder = tempfile::tempdir()?;
    let mut measured = false;
    for (number, root) in roots.iter().enumerate() {
        let (lines, peak) = peak_mib(root)?;
        largest = if lines > largest.0 { (lines, peak) } else { largest };
        all += lines;
        let to = folder.path().join("apps");
        copy_sources(&root.join("lib"), &to.join(format!("project{number}/lib")))?;
        for app in fs::read_dir(root.join("apps")).into_iter().flatten() {
            let app = app?;
            let name = format!("project{number}_{}", app.file_name().to_string_lossy());
            copy_sources(&app.path().join("lib"), &to.join(name).join("lib"))?;
        }
        if all >= LINES && !measured {
            measured = true;
            let (lines, peak) = peak_mib(folder.path())?;
            let goal = 600.0 * 1e6 / f64::from(1 << 20) * lines as f64 / LINES as f64;
            figure(
                &format!("peak memory at {lines} lines of several projects in one"),
                peak,
                "MiB",
                Some(goal),
            );
        }
    }
    let (lines, peak) = largest;
    figure(
        &format!("peak memory of the largest project, {lines} lines"),
        peak,
        "MiB",
        None,
    );
    let (lines, peak) = peak_mib(folder.path())?;
    figure(
        &format!("peak memory at {lines} lines, all in one project"),
        peak,
        "MiB",
        None,
    );
    Ok(())
}

fn figures(root: &Path) -> Result<(), Fault> {
    speed(&[root.to_owned()])?;
    let (lines, peak) = peak_mib(root)?;
    figure(&format!("peak memory at {lines} lines"), peak, "MiB", None);
    // The same sources as several applications of one project.
    let folder = tempfile::tempdir()?;
    for copy in 0..LINES.div_ceil(lines.max(1)) {
        copy_sources(
            &root.join("lib"),
            &folder.path().join(format!("apps/copy{copy}/lib")),
        )?;
    }
    let (lines, peak) = peak_mib(folder.path())?;
    let goal = 600.0 * 1e6 / f64::from(1 << 20);
    figure(&format!("peak memory at {lines} lines"), peak, "MiB", Some(goal));
    Ok(())
}

fn figure(name: &str, value: f64, unit: &str, goal: Option<f64>) {
    let goal = goal.map_or_else(|| "null".to_owned(), |goal| goal.to_string());
    println!(r#"{{"name":"{name}","value":{value},"unit":"{unit}","goal":{goal}}}"#);
}

fn copy_sources(from: &Path, to: &Path) -> Result<(), Fault> {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    if !from.is_dir() {
        return Ok(());
    }
    while let Some((from, to)) = folders.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let (entry, path) = entry.map(|entry| (entry.file_type(), entry.path()))?;
            let target = to.join(path.file_name().unwrap_or_default());
            let is_source = path.extension().is_some_and(|end| end == "ex" || end == "exs");
            if entry?.is_dir() {
                folders.push((path, target));
            } else if is_source {
                fs::copy(&path, &target)?;
            }
        }
    }
    Ok(())
}
