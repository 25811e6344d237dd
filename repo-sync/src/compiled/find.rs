//! Where a project's compiled modules are: `_build/<env>/lib/<app>/ebin/*.beam`, or what the caller names.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Most folders and files of one folder that are looked at.
const ENTRIES_MAX: usize = 100_000;

/// One application's compiled modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct App {
    pub(super) name: String,
    /// `.beam` files, by name.
    pub(super) beams: Vec<PathBuf>,
}

/// A folder of applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// `.../dev`, which has `lib`.
    pub(super) path: PathBuf,
    pub(super) apps: Vec<App>,
}

/// The folders of a directory, or its files, by name.
fn entries(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .take(ENTRIES_MAX)
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn beams(ebin: &Path) -> Vec<PathBuf> {
    let mut found = entries(ebin);
    found.retain(|path| path.extension().is_some_and(|end| end == "beam"));
    found
}

/// The applications below `lib`. A folder of an application may be a link: Mix makes some.
fn apps(lib: &Path) -> Vec<App> {
    let found = entries(lib).into_iter().map(|app| App {
        name: name(&app),
        beams: beams(&app.join("ebin")),
    });
    found.filter(|app| !app.beams.is_empty()).collect()
}

/// The builds that a path may mean: one of `_build` for each environment, one environment, its `lib`, or a folder of
/// `.beam` files.
pub(super) fn folders(path: &Path) -> Vec<Folder> {
    let own = beams(path);
    if !own.is_empty() {
        let app = path.parent().map_or_else(String::new, name);
        return vec![Folder {
            path: path.to_owned(),
            apps: vec![App {
                name: app,
                beams: own,
            }],
        }];
    }
    let below = |path: &Path| Folder {
        path: path.to_owned(),
        apps: apps(&path.join("lib")),
    };
    let mut found = vec![below(path)];
    found.extend(entries(path).iter().map(|environment| below(environment)));
    if path.file_name().is_some_and(|name| name == "lib") {
        found.push(Folder {
            path: path.to_owned(),
            apps: apps(path),
        });
    }
    found.retain(|folder| !folder.apps.is_empty());
    found
}

/// When a file was last written; long ago if that cannot be said.
pub(super) fn written(path: &Path) -> SystemTime {
    let found = fs::metadata(path).and_then(|found| found.modified());
    found.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The newest of several files.
pub(super) fn newest<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> SystemTime {
    paths
        .map(|path| written(path))
        .max()
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The applications that a project's `mix.exs` files name: `app: :shop`. Their text is searched, not run.
pub(super) fn own_apps(root: &Path) -> Vec<String> {
    let mut files = vec![root.join("mix.exs")];
    files.extend(entries(&root.join("apps")).iter().map(|app| app.join("mix.exs")));
    let mut found: Vec<String> = files.iter().filter_map(|file| app_of(file)).collect();
    found.sort();
    found.dedup();
    found
}

fn app_of(file: &Path) -> Option<String> {
    let size = fs::metadata(file).ok()?.len();
    let text = (size < 1 << 20).then(|| fs::read_to_string(file).ok())??;
    let after = text.split("app:").nth(1)?.trim_start().strip_prefix(':')?;
    let end = after.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let app = after.get(..end.unwrap_or(after.len()))?;
    (!app.is_empty()).then(|| app.to_owned())
}
