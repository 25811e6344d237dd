//! Which files a project consists of: `.ex` and `.exs` under `lib`, `apps/*/lib` and, if wanted, `test` and
//! `apps/*/test`; never `_build`, `deps`, `node_modules` or what begins with a dot. Symbolic links are not followed, so
//! that no walk is endless or leaves the project; each is reported.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::index::{FileFault, FileFaultKind};

/// Most directories inside one another.
pub(crate) const DEPTH_MAX: usize = 64;
/// Folders that are not entered.
pub(crate) const SKIPPED: &[&str] = &["_build", "deps", "node_modules"];

/// What a FIFO, a socket or a device is told.
pub(crate) fn special() -> FileFaultKind {
    FileFaultKind::Unreadable("neither a file nor a folder".to_owned())
}

/// A source file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourceFile {
    /// Relative to the root, with `/`.
    pub(crate) relative: String,
    pub(crate) path: PathBuf,
}

/// The source files by relative path, and what could not be read.
pub(crate) fn source_files(root: &Path, tests: bool) -> io::Result<(Vec<SourceFile>, Vec<FileFault>)> {
    let mut walk = Walk::default();
    let folders: &[&str] = if tests { &["lib", "test"] } else { &["lib"] };
    if !fs::metadata(root)?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a directory"));
    }
    for folder in folders {
        walk.folder(root.join(folder), (*folder).to_owned());
    }
    for (name, path, kind) in walk.entries(&root.join("apps"), "apps") {
        if kind.is_symlink() {
            walk.fault(&format!("apps/{name}"), FileFaultKind::Link);
        }
        if !kind.is_dir() {
            continue;
        }
        for folder in folders {
            walk.folder(path.join(folder), format!("apps/{name}/{folder}"));
        }
    }
    walk.files.sort();
    walk.faults.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((walk.files, walk.faults))
}

#[derive(Default)]
struct Walk {
    files: Vec<SourceFile>,
    faults: Vec<FileFault>,
}

impl Walk {
    fn fault(&mut self, path: &str, kind: FileFaultKind) {
        self.faults.push(FileFault {
            path: path.to_owned(),
            kind,
        });
    }

    /// A directory's entries that can be meant, with names; empty if there is no such directory.
    fn entries(&mut self, path: &Path, relative: &str) -> Vec<(String, PathBuf, fs::FileType)> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(fault) => {
                self.fault(relative, FileFaultKind::Unreadable(fault.to_string()));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((kind, entry)) => match entry.file_name().into_string() {
                    Ok(name) => found.push((name, entry.path(), kind)),
                    Err(name) => {
                        self.fault(
                            &format!("{relative}/{}", name.to_string_lossy()),
                            FileFaultKind::Name,
                        );
                    }
                },
                Err(fault) => self.fault(relative, FileFaultKind::Unreadable(fault.to_string())),
            }
        }
        found
    }

    fn folder(&mut self, path: PathBuf, relative: String) {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(found) if found.is_symlink() => return self.fault(&relative, FileFaultKind::Link),
            _ => return,
        }
        let mut todo = vec![(path, relative, 0)];
        while let Some((path, relative, depth)) = todo.pop() {
            for (name, path, kind) in self.entries(&path, &relative) {
                let relative = format!("{relative}/{name}");
                let is_source = path.extension().is_some_and(|end| end == "ex" || end == "exs");
                let skipped = SKIPPED.contains(&name.as_str()) || name.starts_with('.');
                if kind.is_dir() && !skipped {
                    if depth < DEPTH_MAX {
                        todo.push((path, relative, depth + 1));
                    } else {
                        self.fault(&relative, FileFaultKind::TooDeep);
                    }
                } else if kind.is_symlink() && (is_source || path.is_dir()) && !skipped {
                    self.fault(&relative, FileFaultKind::Link);
                } else if kind.is_file() && is_source && name.chars().any(char::is_control) {
                    self.fault(&relative, FileFaultKind::Name);
                } else if kind.is_file() && is_source {
                    self.files.push(SourceFile { relative, path });
                } else if is_source && !kind.is_dir() && !skipped {
                    self.fault(&relative, special());
                }
            }
        }
    }
}

/// Whether the walk would take a file of this path, relative to the root, if it is a plain file.
pub(crate) fn is_source(relative: &str, tests: bool) -> bool {
    let mut parts: Vec<&str> = relative.split('/').collect();
    let Some(name) = parts.pop() else {
        return false;
    };
    let is_named = Path::new(name)
        .extension()
        .is_some_and(|end| end == "ex" || end == "exs")
        && !name.chars().any(char::is_control);
    let below = match parts.as_slice() {
        ["apps", _, folder, below @ ..] | [folder, below @ ..]
            if *folder == "lib" || (tests && *folder == "test") =>
        {
            below
        }
        _ => return false,
    };
    let is_walked = below.len() <= DEPTH_MAX
        && below
            .iter()
            .all(|part| !part.is_empty() && !part.starts_with('.') && !SKIPPED.contains(part));
    is_named && is_walked
}
