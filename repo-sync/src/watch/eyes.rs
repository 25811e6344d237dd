//! The system's watches: one for each folder that sources can be in, one for git's `HEAD`.
//!
//! Folders are watched one by one, and not as a tree: `_build`, `deps` and the like hold most folders of a project and
//! nothing of ours, symbolic links are not followed, and which folders are watched is known. A folder is watched before
//! it is listed, so that what is made in it meanwhile is told.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::scope::{Scope, relative};
use super::{Meaning, Why};

/// Most bytes of a `.git` file that names the folder elsewhere.
const GIT_FILE_BYTES_MAX: u64 = 4096;

/// What the thread is told.
pub(super) enum Signal {
    /// Something happened at these paths.
    Changed(Vec<PathBuf>),
    /// Stop.
    Stop,
}

/// Why changes cannot be seen, in words.
#[derive(Debug)]
pub(super) struct Blind(pub(super) String);

/// What a change means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Nothing,
    File(String),
    Everything(Why),
}

pub(super) struct Eyes {
    watcher: RecommendedWatcher,
    root: PathBuf,
    scope: Scope,
    folders_max: usize,
    /// Relative paths of the folders that are watched.
    folders: BTreeSet<String>,
    git: Option<PathBuf>,
}

impl Eyes {
    /// Watches a project; what happens goes to `to`. If that is full, `lost` is set.
    pub(super) fn open(
        root: &Path,
        scope: Scope,
        folders_max: usize,
        to: SyncSender<Signal>,
        lost: Arc<AtomicBool>,
    ) -> Result<Self, Blind> {
        let tell = move |event: notify::Result<Event>| {
            let told = match event {
                Ok(event) if event.need_rescan() => false,
                Ok(event) => !is_change(event.kind) || to.try_send(Signal::Changed(event.paths)).is_ok(),
                Err(_) => false,
            };
            if !told {
                lost.store(true, Ordering::Relaxed);
            }
        };
        let config = Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(tell, config).map_err(|fault| blind(&fault))?;
        let mut eyes = Self {
            watcher,
            root: root.to_owned(),
            scope,
            folders_max,
            folders: BTreeSet::new(),
            git: None,
        };
        eyes.look_around()?;
        Ok(eyes)
    }

    /// Watches all folders that are there now, and no others. Those that were watched are watched anew: another folder
    /// may have their name by now.
    pub(super) fn look_around(&mut self) -> Result<(), Blind> {
        for gone in std::mem::take(&mut self.folders) {
            let path = self.root.join(&gone);
            if !is_folder(&path) {
                // It is watched no more, or was never: both are what is wanted.
                let _ = self.watcher.unwatch(&path);
            }
        }
        let mut todo = vec![String::new()];
        while let Some(folder) = todo.pop() {
            if self.folders.len() >= self.folders_max {
                return Err(Blind(format!("there are more than {} folders", self.folders_max)));
            }
            let path = if folder.is_empty() {
                self.root.clone()
            } else {
                self.root.join(&folder)
            };
            match self.watcher.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                Err(fault) if folder.is_empty() || is_limit(&fault) => return Err(blind(&fault)),
                // Gone again, or not readable: what it becomes is told by its parent's watch.
                Err(_) => continue,
            }
            for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let inside = if folder.is_empty() {
                    name
                } else {
                    format!("{folder}/{name}")
                };
                if entry.file_type().is_ok_and(|kind| kind.is_dir())
                    && self.scope.meaning(&inside).can_be_folder()
                {
                    todo.push(inside);
                }
            }
            self.folders.insert(folder);
        }
        self.git = git_folder(&self.root).filter(|git| {
            // Without it a checked out branch is many single changes.
            self.watcher.watch(git, RecursiveMode::NonRecursive).is_ok()
        });
        Ok(())
    }

    /// What a change at `path` means.
    pub(super) fn meaning(&self, path: &Path) -> Change {
        if let Some(git) = &self.git
            && let Ok(inside) = path.strip_prefix(git)
        {
            return if inside == Path::new("HEAD") {
                Change::Everything(Why::Branch)
            } else {
                Change::Nothing
            };
        }
        let Some(relative) = relative(&self.root, path) else {
            return Change::Nothing;
        };
        let meaning = self.scope.meaning(&relative);
        if meaning == Meaning::Nothing {
            return Change::Nothing;
        }
        let was_folder = self.folders.contains(&relative);
        let now = fs::symlink_metadata(path).ok();
        // A link does not count, but that it is there is told.
        let is_folder = now.is_some_and(|now| now.is_dir() || now.is_symlink() && !meaning.can_be_source());
        if meaning.can_be_folder() && (was_folder || is_folder) {
            Change::Everything(Why::Folders)
        } else if meaning.can_be_source() {
            Change::File(relative)
        } else {
            Change::Nothing
        }
    }
}

/// Whether an event says that something is now otherwise. Reading a file is an event too.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

fn is_limit(fault: &notify::Error) -> bool {
    matches!(fault.kind, notify::ErrorKind::MaxFilesWatch)
}

fn blind(fault: &notify::Error) -> Blind {
    let limit = |name: &str| {
        let at = fs::read_to_string(format!("/proc/sys/fs/inotify/{name}"));
        let now = at.map_or_else(|_| String::new(), |now| format!(", now {}", now.trim()));
        format!("fs.inotify.{name}{now}: raise it with `sysctl fs.inotify.{name}=...`")
    };
    // EMFILE of `inotify_init`.
    let too_many_open = 24;
    Blind(match &fault.kind {
        notify::ErrorKind::MaxFilesWatch => {
            format!(
                "the system's limit of watched folders is reached ({})",
                limit("max_user_watches")
            )
        }
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(too_many_open) => {
            format!(
                "the system's limit of watchers or of open files is reached ({})",
                limit("max_user_instances")
            )
        }
        _ => fault.to_string(),
    })
}

/// The folder with the `HEAD` of the repository that a project is in: `.git`, or, in another work tree or a submodule,
/// the one that the file `.git` names.
fn git_folder(root: &Path) -> Option<PathBuf> {
    for folder in root.ancestors() {
        let git = folder.join(".git");
        let Ok(found) = fs::symlink_metadata(&git) else {
            continue;
        };
        if found.is_dir() {
            return Some(git);
        }
        if found.is_file() && found.len() <= GIT_FILE_BYTES_MAX {
            let text = fs::read_to_string(&git).ok()?;
            return canonical(&folder.join(text.strip_prefix("gitdir:")?.trim())).ok();
        }
    }
    None
}

fn canonical(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}
