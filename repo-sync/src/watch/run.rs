//! The thread between the system's watches and whoever takes batches.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::eyes::{Blind, Change, Eyes, Signal};
use super::poll::Looks;
use super::{Batch, Debouncer, Limits, Scope, Why};

/// Events of the system that wait here; with more, everything is to be looked at.
const SIGNALS_MAX: usize = 4096;
/// While polling, the system's watches are tried again after so many looks.
const LOOKS_BEFORE_RETRY: u32 = 30;

/// How to watch.
#[derive(Clone, Copy, Debug)]
pub struct WatchOptions {
    /// Also the `test` folders.
    pub tests: bool,
    /// How long batches wait, how much they hold.
    pub limits: Limits,
    /// Most folders that are watched; a project with more is looked at again and again instead.
    pub folders_max: usize,
    /// Time between two looks, where the system does not tell what changes.
    pub look_every: Duration,
    /// Looks in any case: for network file systems, which tell nothing.
    pub polling: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            tests: false,
            limits: Limits::default(),
            folders_max: 1 << 16,
            look_every: Duration::from_secs(1),
            polling: false,
        }
    }
}

/// Why a project cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchFault {
    /// There is no such folder, or it cannot be read.
    #[error("{path}: {source}")]
    Root {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The thread could not be started.
    #[error("no thread to watch with: {0}")]
    Thread(io::Error),
    /// The thread ended.
    #[error("watching ended unexpectedly")]
    Ended,
}

/// A project that is watched until this is dropped.
#[derive(Debug)]
pub struct Watch {
    batches: Receiver<Batch>,
    signals: SyncSender<Signal>,
    stop: Arc<AtomicBool>,
    blind: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Watches the project in the folder `root`. When it returns, every later change will be in a batch.
    pub fn start(root: &Path, options: &WatchOptions) -> Result<Self, WatchFault> {
        let fault = |source| WatchFault::Root {
            path: root.to_owned(),
            source,
        };
        let root = fs::canonicalize(root).map_err(fault)?;
        if !root.is_dir() {
            return Err(fault(io::Error::new(
                io::ErrorKind::NotADirectory,
                "not a directory",
            )));
        }
        let (signals, incoming) = sync_channel(SIGNALS_MAX);
        let (out, batches) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let blind = Arc::new(Mutex::new(None));
        let mut watching = Watching {
            root,
            options: *options,
            signals: signals.clone(),
            out,
            lost: Arc::default(),
            stop: stop.clone(),
            blind: blind.clone(),
            since: Instant::now(),
            debouncer: Debouncer::new(options.limits),
            folders_changed: false,
            mode: Mode::Starting,
        };
        watching.begin();
        let thread = thread::Builder::new()
            .name("code-watch".to_owned())
            .spawn(move || watching.run(&incoming))
            .map_err(WatchFault::Thread)?;
        Ok(Self {
            batches,
            signals,
            stop,
            blind,
            thread: Some(thread),
        })
    }

    /// The next batch; `None` if there is none within `wait`.
    pub fn next(&self, wait: Duration) -> Result<Option<Batch>, WatchFault> {
        match self.batches.recv_timeout(wait) {
            Ok(batch) => Ok(Some(batch)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(WatchFault::Ended),
        }
    }

    /// Why the system is not asked to tell what changes, and all sources are looked at every second instead; `None`: it
    /// is.
    #[must_use]
    pub fn polling(&self) -> Option<String> {
        self.blind.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // If the queue is full the thread is awake, and sees the flag.
        let _ = self.signals.try_send(Signal::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

enum Mode {
    Starting,
    Told(Eyes),
    Looking {
        before: Looks,
        looks: u32,
        next: Duration,
    },
}

struct Watching {
    root: PathBuf,
    options: WatchOptions,
    signals: SyncSender<Signal>,
    out: SyncSender<Batch>,
    /// Set where changes are lost.
    lost: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    blind: Arc<Mutex<Option<String>>>,
    since: Instant,
    debouncer: Debouncer,
    /// Folders may have come or gone since the watches were set.
    folders_changed: bool,
    mode: Mode,
}

impl Watching {
    fn now(&self) -> Duration {
        self.since.elapsed()
    }

    fn begin(&mut self) {
        if self.options.polling {
            self.go_looking("asked for".to_owned());
            return;
        }
        match self.eyes() {
            Ok(eyes) => self.mode = Mode::Told(eyes),
            Err(Blind(why)) => self.go_looking(why),
        }
    }

    fn eyes(&self) -> Result<Eyes, Blind> {
        let scope = Scope {
            tests: self.options.tests,
        };
        let (signals, lost) = (self.signals.clone(), self.lost.clone());
        Eyes::open(&self.root, scope, self.options.folders_max, signals, lost)
    }

    fn say(&self, why: Option<String>) {
        *self.blind.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn go_looking(&mut self, why: String) {
        self.say(Some(why));
        self.mode = Mode::Looking {
            before: Looks::of(&self.root, self.options.tests).unwrap_or_default(),
            looks: 0,
            next: self.now().saturating_add(self.options.look_every),
        };
    }

    fn run(mut self, incoming: &Receiver<Signal>) {
        while !self.stop.load(Ordering::Relaxed) {
            if self.lost.swap(false, Ordering::Relaxed) {
                self.folders_changed = true;
                let now = self.now();
                self.debouncer.everything(now, Why::Overflow);
            }
            self.look();
            if self.deliver().is_err() {
                return;
            }
            match incoming.recv_timeout(self.pause()) {
                Ok(Signal::Changed(paths)) => self.take_in(&paths),
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// How long nothing is to be done.
    fn pause(&self) -> Duration {
        let look = match &self.mode {
            Mode::Looking { next, .. } => *next,
            _ => Duration::MAX,
        };
        let until = self.debouncer.ready_at().unwrap_or(Duration::MAX).min(look);
        until.saturating_sub(self.now()).min(self.options.look_every)
    }

    fn take_in(&mut self, paths: &[PathBuf]) {
        let Mode::Told(eyes) = &self.mode else {
            return;
        };
        let now = self.since.elapsed();
        for path in paths {
            match eyes.meaning(path) {
                Change::Nothing => {}
                Change::File(file) => self.debouncer.file(now, file),
                Change::Everything(why) => {
                    self.folders_changed = true;
                    self.debouncer.everything(now, why);
                }
            }
        }
    }

    /// Looks at all sources, if it is time to.
    fn look(&mut self) {
        let now = self.now();
        let Mode::Looking { before, looks, next } = &mut self.mode else {
            return;
        };
        if now < *next {
            return;
        }
        *looks += 1;
        let retry = !self.options.polling && looks.is_multiple_of(LOOKS_BEFORE_RETRY);
        // A root that is gone for a moment changes nothing.
        if let Ok(after) = Looks::of(&self.root, self.options.tests) {
            for file in after.changed_since(before) {
                self.debouncer.file(now, file);
            }
            *before = after;
        }
        let done = self.since.elapsed();
        *next = done.saturating_add(self.options.look_every);
        if retry && let Ok(eyes) = self.eyes() {
            self.mode = Mode::Told(eyes);
            self.say(None);
            self.debouncer.everything(done, Why::Watching);
        }
    }

    /// Hands out a batch that is ready. If the last one is still there, it waits and grows.
    fn deliver(&mut self) -> Result<(), ()> {
        let now = self.now();
        let Some(batch) = self.debouncer.take(now) else {
            return Ok(());
        };
        // Before the batch, so that what happens after it is told.
        if std::mem::take(&mut self.folders_changed)
            && let Mode::Told(eyes) = &mut self.mode
            && let Err(Blind(why)) = eyes.look_around()
        {
            self.go_looking(why);
        }
        match self.out.try_send(batch) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(batch)) => {
                self.debouncer.put_back(now, batch);
                Ok(())
            }
            Err(TrySendError::Disconnected(_)) => Err(()),
        }
    }
}
