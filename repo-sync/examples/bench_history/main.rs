//! What history costs, for `cargo xtask bench history`: time a commit, and bytes of the store against the sum of
//! separate indexes of all versions.
//!
//! Arguments: `--repository FOLDER [RANGE]` of git (the last 500 commits along first parents, if no range is given), or
//! a folder with Elixir sources below `lib`, of which a repository with 500 edits is made ([`made`]). Prints one JSON
//! object a figure.
//!
//! The sum is computed of [`SAMPLES`] versions at equal distances, the first and the last among them: each is indexed
//! alone into an empty store; the sum is their mean times the number of versions. Bytes are those of keys and values,
//! before the database compresses them, on both sides alike.

#![expect(clippy::print_stdout, reason = "what it prints is its result")]

mod made;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use codegraph::records::{Family, Memory, Records as _};
use repo_sync::git::{Commit, Repository};
use repo_sync::history::{GitOptions, Line, NoFacts, Shelf, VersionMeta, index_git};

const COMMITS: usize = 500;
const SAMPLES: usize = 11;
/// Milliseconds a commit, in the median, that are the goal.
const MEDIAN_MS_MAX: f64 = 30.0;
/// Per cent of the sum of separate indexes that are the goal.
const SHARE_MAX: f64 = 4.0;

type Fault = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["--repository", folder] => figures(Path::new(folder), None),
        ["--repository", folder, range] => figures(Path::new(folder), Some(range)),
        [sources] => of_sources(Path::new(sources)),
        _ => Err("expected --repository FOLDER [RANGE], or a folder with sources".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            println!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn of_sources(sources: &Path) -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    made::repository(sources, folder.path(), COMMITS)?;
    figures(folder.path(), None)
}

fn figures(folder: &Path, range: Option<&str>) -> Result<(), Fault> {
    let mut git = Repository::open(folder)?;
    let range = match range {
        Some(range) => range.to_owned(),
        None => last(&git)?,
    };
    let commits = git.commits(&range)?;
    let records = Memory::default();
    let mut shelf = Shelf::new(&records)?;
    let options = GitOptions { range, anew: false };
    let (mut times, mut work, mut files, mut elixir) = (Vec::new(), Vec::new(), 0, 0);
    let (mut since, mut worked) = (Instant::now(), processor_ms());
    index_git(&mut shelf, &mut git, &options, &mut NoFacts, &mut |at| {
        // The first is the version before the range: all files at once.
        if at.done > 1 {
            times.push(since.elapsed().as_secs_f64() * 1e3);
            work.push(processor_ms() - worked);
            files += at.files;
            elixir += usize::from(at.files > 0);
        }
        (since, worked) = (Instant::now(), processor_ms());
    })?;
    figure("commits", work.len() as f64, "", None);
    figure("commits that change Elixir", elixir as f64, "", None);
    figure("files that they change", files as f64, "", None);
    let (median, worst) = parts(times);
    figure("a commit, median", median, "ms", Some(MEDIAN_MS_MAX));
    figure("a commit, 99 of 100", worst, "ms", None);
    // On a machine that does other work too, this says what the commit itself costs; git is a process of its own.
    let (median, worst) = parts(work);
    figure("processor time of a commit, median", median, "ms", None);
    figure("processor time of a commit, 99 of 100", worst, "ms", None);
    let bytes = records.bytes() as f64;
    let (sum, lines) = separate(&mut git, &commits)?;
    figure("lines in the newest version", lines as f64, "", None);
    figure("bytes of the store", bytes, "bytes", None);
    for family in [
        Family::Source,
        Family::Identities,
        Family::Tree,
        Family::Version,
        Family::Head,
    ] {
        let all = records.scan(family, None, usize::MAX)?;
        let bytes: usize = all.iter().map(|(key, value)| key.len() + value.len()).sum();
        figure(&format!("of them {}", family.name()), bytes as f64, "bytes", None);
    }
    figure("sum of separate indexes", sum, "bytes", None);
    figure(
        "the store is of the sum",
        100.0 * bytes / sum,
        "%",
        Some(SHARE_MAX),
    );
    Ok(())
}

/// The median and the value that 99 of 100 do not exceed.
fn parts(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |part: usize| {
        let last = values.len().saturating_sub(1);
        values.get((values.len() * part / 100).min(last)).copied()
    };
    (at(50).unwrap_or_default(), at(99).unwrap_or_default())
}

/// Milliseconds that this thread ran; 0 where the system does not say.
fn processor_ms() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ns = told
        .split_whitespace()
        .next()
        .and_then(|ns| ns.parse::<f64>().ok());
    ns.unwrap_or_default() / 1e6
}

/// The last commits of what is checked out.
fn last(git: &Repository) -> Result<String, Fault> {
    let all = git.commits("HEAD")?;
    let before = all.len().checked_sub(COMMITS + 1).and_then(|at| all.get(at));
    Ok(before.map_or_else(|| "HEAD".to_owned(), |before| format!("{}..HEAD", before.id)))
}

/// The sum of separate indexes, and the lines of the newest version.
fn separate(git: &mut Repository, commits: &[Commit]) -> Result<(f64, usize), Fault> {
    let last = commits.len().saturating_sub(1);
    let (mut bytes, mut lines) = (0, 0);
    for sample in 0..SAMPLES {
        let commit = commits.get(last * sample / (SAMPLES - 1)).ok_or("no commits")?;
        let records = Memory::default();
        let mut shelf = Shelf::new(&records)?;
        let repository = git.id(&commit.id.to_string())?;
        let mut contents = git.contents()?;
        let mut files = Vec::new();
        lines = 0;
        for file in git.files(&commit.id)? {
            let content = file.blob.as_ref().map(|blob| contents.read(blob)).transpose()?;
            let text = content
                .as_ref()
                .and_then(|content| content.bytes.as_deref())
                .unwrap_or_default();
            lines += text.split(|byte| *byte == b'\n').count() - 1;
            files.push((file.path, content));
        }
        let meta = VersionMeta {
            commit: Some(commit.id.clone()),
            ..VersionMeta::default()
        };
        let key = repo_sync::history::commit_key(repository, &commit.id);
        Line::new(&mut shelf, repository, None, &mut NoFacts)?.add(meta, files, vec![key])?;
        bytes += records.bytes();
    }
    // The version before the range counts too: the store has it.
    let versions = commits.len() + 1;
    Ok((bytes as f64 / SAMPLES as f64 * versions as f64, lines))
}

fn figure(name: &str, value: f64, unit: &str, goal: Option<f64>) {
    let goal = goal.map_or_else(|| "null".to_owned(), |goal| goal.to_string());
    println!(r#"{{"name":"{name}","value":{value},"unit":"{unit}","goal":{goal}}}"#);
}

/// All sources below a folder, by relative path.
fn sources(root: &Path) -> Result<Vec<(String, PathBuf)>, Fault> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), root.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                folders.push((format!("{path}/"), entry.path()));
            } else if Path::new(&*name).extension().is_some_and(|end| end == "ex") {
                found.push((path, entry.path()));
            }
        }
    }
    found.sort();
    Ok(found)
}
