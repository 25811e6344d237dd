//! Brings the search index of a watched project up to date behind the answers: what an edit changes is told before its
//! documents are on disk.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::Result;
use repo_sync::documents;
use repo_sync::project::{CodeProject, Refreshed};
use search::Index;

use crate::client;

/// What is to be done: the newest project, and which of its files changed since the last time. Edits that come faster than
/// they are indexed are put together, so that no more waits here than the project has files.
#[derive(Default)]
struct Waiting {
    project: Option<Arc<CodeProject>>,
    paths: BTreeSet<String>,
    is_last: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    told: Condvar,
}

/// A thread that writes the index.
pub(super) struct Behind {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Behind {
    /// Begins with all of the project. An index that another process writes is left to it.
    pub(super) fn start(mut index: Index, project: Arc<CodeProject>) -> Self {
        let shared = Arc::new(Shared::default());
        if !index.is_writer() {
            client::say("another process writes the search index; it is left to it");
            return Self { shared, thread: None };
        }
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || {
            let mut done = documents::fill(&project, &mut index).map(|_| ());
            drop(project);
            while done.is_ok()
                && let Some((project, paths)) = theirs.next()
            {
                let paths = paths.iter().map(String::as_str);
                done = documents::fill_files(&project, &mut index, paths).map(|_| ());
            }
            if let Err(fault) = done {
                client::say(&format!("the search index is no longer kept: {fault}"));
            }
        });
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// Takes over what an edit changed.
    pub(super) fn changed(&self, project: &Arc<CodeProject>, found: &Refreshed) {
        self.shared.tell(|waiting| {
            waiting.project = Some(project.clone());
            let paths = found.changed.iter().chain(&found.gone).cloned();
            waiting.paths.extend(paths);
        });
    }

    /// Waits until everything is indexed.
    pub(super) fn finish(mut self) -> Result<()> {
        self.shared.tell(|waiting| waiting.is_last = true);
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => anyhow::bail!("the thread that writes the search index ended"),
            _ => Ok(()),
        }
    }
}

impl Shared {
    fn tell(&self, change: impl FnOnce(&mut Waiting)) {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.told.notify_one();
    }

    /// What is to be done next; waits for it. `None`: nothing any more.
    fn next(&self) -> Option<(Arc<CodeProject>, BTreeSet<String>)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(project) = waiting.project.take() {
                return Some((project, std::mem::take(&mut waiting.paths)));
            }
            if waiting.is_last {
                return None;
            }
            waiting = self.told.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
