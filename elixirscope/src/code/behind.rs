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
    thread: JoinHandle<()>,
}

impl Behind {
    /// Begins with all of the project. `open` opens its index, again after a fault; one that another process writes is a
    /// fault as soon as there is something to write.
    pub(super) fn start(
        open: impl Fn() -> Result<Index> + Send + 'static,
        project: Arc<CodeProject>,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let thread = std::thread::spawn(move || {
            let mut kept = told(open().and_then(|index| all(index, &project)));
            drop(project);
            while let Some((project, paths)) = theirs.next() {
                let done = match kept.take() {
                    Some(index) => some(index, &project, &paths),
                    // What the fault left out is not known any more.
                    None => open().and_then(|index| all(index, &project)),
                };
                kept = told(done);
            }
        });
        Self { shared, thread }
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
    pub(super) fn finish(self) -> Result<()> {
        self.shared.tell(|waiting| waiting.is_last = true);
        match self.thread.join() {
            Err(_) => anyhow::bail!("the thread that writes the search index ended"),
            Ok(()) => Ok(()),
        }
    }
}

fn all(mut index: Index, project: &CodeProject) -> Result<Index> {
    documents::fill(project, &mut index)?;
    Ok(index)
}

fn some(mut index: Index, project: &CodeProject, paths: &BTreeSet<String>) -> Result<Index> {
    documents::fill_files(project, &mut index, paths.iter().map(String::as_str))?;
    Ok(index)
}

/// The index, if it can be used on. After a fault it is opened anew, at the next change.
fn told(done: Result<Index>) -> Option<Index> {
    done.map_err(|fault| {
        client::say(&format!(
            "the search index is not written until the next change: {fault:#}"
        ));
    })
    .ok()
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
