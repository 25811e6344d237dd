//! What is compared: Elixir's own sources, as Debian's source package has them (of the release that runs here), or the
//! projects of a folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::run;

/// Where package lists are named.
const LISTS: &str = "/etc/apt/sources.list.d";
const LIST: &str = "/etc/apt/sources.list";

/// The projects of a corpus: its subfolders by name, those aside that begin with a dot.
pub fn projects(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = fs::canonicalize(folder).with_context(|| format!("no corpus in {}", folder.display()))?;
    let hidden = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let mut projects: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !hidden(path))
        .collect();
    projects.sort();
    if projects.is_empty() {
        bail!(
            "{} has no subfolder, and each is to be a project",
            folder.display()
        );
    }
    Ok(projects)
}

/// The folder of Elixir's sources, unpacked below the target folder the first time.
pub fn elixir() -> Result<PathBuf> {
    let folder = run::target().join("accuracy").join("corpus");
    let sources = folder.join("elixir");
    if sources.is_dir() {
        return Ok(sources);
    }
    fs::create_dir_all(&folder)?;
    let lists = source_lists(&folder)?;
    run::check(apt(&folder, &lists, &["update", "-qq"])?.current_dir(&folder))?;
    run::check(apt(&folder, &lists, &["source", "-qq", "--download-only", "elixir"])?.current_dir(&folder))?;
    let description = fs::read_dir(&folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|kind| kind == "dsc"))
        .context("apt-get brought no description of the source package")?;
    let half = folder.join("unpacking");
    let _ = fs::remove_dir_all(&half);
    let mut unpack = run::command("dpkg-source", &["--no-check", "-x"]);
    run::check(unpack.arg(description).arg(&half).current_dir(&folder))?;
    fs::rename(half, &sources)?;
    Ok(sources)
}

/// The machine's own package lists, asked for sources instead of binaries; the machine's own are left alone.
fn source_lists(folder: &Path) -> Result<PathBuf> {
    let parts = folder.join("lists");
    fs::create_dir_all(&parts)?;
    let mut found = 0;
    let mut files: Vec<PathBuf> = fs::read_dir(LISTS)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    files.push(PathBuf::from(LIST));
    files.sort();
    for file in files {
        let (Ok(text), Some(name)) = (fs::read_to_string(&file), file.file_name()) else {
            continue;
        };
        let known = file
            .extension()
            .is_some_and(|kind| kind == "list" || kind == "sources");
        if !known || !text.contains("debian") {
            continue;
        }
        let lines: Vec<String> = text.lines().map(for_sources).collect();
        fs::write(parts.join(name), lines.join("\n") + "\n")?;
        found += 1;
    }
    if found == 0 {
        bail!("no package list of Debian was found in {LISTS}");
    }
    Ok(parts)
}

fn for_sources(line: &str) -> String {
    if let Some(rest) = line.strip_prefix("deb ") {
        format!("deb-src {rest}")
    } else if line.starts_with("Types:") {
        "Types: deb-src".to_owned()
    } else {
        line.to_owned()
    }
}

fn apt(folder: &Path, lists: &Path, args: &[&str]) -> Result<std::process::Command> {
    let (state, cache) = (folder.join("apt/state"), folder.join("apt/cache"));
    fs::create_dir_all(state.join("partial"))?;
    fs::create_dir_all(cache.join("archives/partial"))?;
    let option = |name: &str, path: &Path| format!("{name}={}", path.display());
    let mut command = run::command("apt-get", &[]);
    command
        .args(["-o", "Dir::Etc::sourcelist=/dev/null"])
        .args(["-o", &option("Dir::Etc::sourceparts", lists)])
        .args(["-o", &option("Dir::State::lists", &state)])
        .args(["-o", &option("Dir::Cache", &cache)])
        .args(args);
    Ok(command)
}
