//! The one thread that writes: gathers what waits into one commit, and tells each waiter what became of its frames.

use crate::admit::FrameOutcome;
use crate::counters::add;
use crate::digest::FrameToStore;
use crate::error::StoreError;
use crate::events::EventBucket;
use crate::options::{COMMIT_FRAMES_MAX, QUEUE_REQUESTS_MAX};
use crate::state::Shared;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// By position in the request.
    pub frames: Vec<FrameOutcome>,
    /// About the commit; given to one of its requests only, so that sums are right.
    pub commit: Option<CommitInfo>,
}

/// One commit.
#[derive(Clone, Copy, Debug)]
pub struct CommitInfo {
    /// Frames in it.
    pub frames: usize,
    /// Bytes of frames in it.
    pub bytes: usize,
    /// How long writing and syncing took.
    pub took: Duration,
}

/// Called once, on the writer's thread; must not block.
pub type Done = Box<dyn FnOnce(Result<Receipt, StoreError>) + Send>;

struct Request {
    frames: Vec<FrameToStore>,
    bytes: usize,
    done: Done,
}

/// The way to the writer's thread. Dropped = what waits is written, then the thread ends.
pub(crate) struct Writer {
    queue: Option<SyncSender<Request>>,
    queued_bytes: Arc<AtomicU64>,
    limit_bytes: u64,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("queued_bytes", &self.queued_bytes)
            .finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn start(shared: Arc<Shared>, wake_upkeep: SyncSender<()>) -> std::io::Result<Self> {
        let (queue, requests) = sync_channel(QUEUE_REQUESTS_MAX);
        let queued_bytes = Arc::new(AtomicU64::new(0));
        let limit_bytes = shared.memory.queue;
        let queued = Arc::clone(&queued_bytes);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(&shared, &requests, &queued, &wake_upkeep))?;
        Ok(Self {
            queue: Some(queue),
            queued_bytes,
            limit_bytes,
            thread: Some(thread),
        })
    }

    /// Bytes of frames that wait, and their bound.
    pub(crate) fn queue_bytes(&self) -> (u64, u64) {
        (self.queued_bytes.load(Ordering::Relaxed), self.limit_bytes)
    }

    pub(crate) fn submit(
        &self,
        shared: &Shared,
        frames: Vec<FrameToStore>,
        done: Done,
    ) -> Result<(), StoreError> {
        shared
            .check_writable()
            .inspect_err(|_| add(&shared.counters.write_failed, 1))?;
        let bytes: usize = frames.iter().map(|f| f.bytes.len()).sum();
        let queue = self.queue.as_ref().ok_or(StoreError::ShutDown)?;
        let before = self.queued_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let full = StoreError::QueueFull {
            queued_bytes: before,
            limit_bytes: self.limit_bytes,
        };
        let sent = if before > 0 && before + bytes as u64 > self.limit_bytes {
            Err(full)
        } else {
            queue
                .try_send(Request { frames, bytes, done })
                .map_err(|e| match e {
                    TrySendError::Full(_) => full,
                    TrySendError::Disconnected(_) => StoreError::ShutDown,
                })
        };
        sent.inspect_err(|_| {
            self.queued_bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
            add(&shared.counters.queue_full, 1);
        })
    }

    /// Writes what waits and ends the thread.
    pub(crate) fn stop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("writer thread panicked");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(shared: &Shared, requests: &Receiver<Request>, queued: &AtomicU64, wake_upkeep: &SyncSender<()>) {
    let mut before = None;
    while let Ok(first) = requests.recv() {
        space(shared, before, queued);
        let gathered = gather(shared, requests, first);
        let started = Instant::now();
        before = Some(started);
        let frames: Vec<&FrameToStore> = gathered.iter().flat_map(|r| &r.frames).collect();
        let result = shared.commit(&frames);
        let bytes = gathered.iter().map(|r| r.bytes).sum();
        let mut info = Some(CommitInfo {
            frames: frames.len(),
            bytes,
            took: started.elapsed(),
        });
        queued.fetch_sub(bytes as u64, Ordering::Relaxed);
        match result {
            Ok(outcomes) => {
                let mut outcomes = outcomes.into_iter();
                for r in gathered {
                    let frames = outcomes.by_ref().take(r.frames.len()).collect();
                    (r.done)(Ok(Receipt {
                        frames,
                        commit: info.take(),
                    }));
                }
            }
            Err(e) => {
                if let StoreError::Poisoned(_) = e {
                    add(&shared.counters.write_failed, gathered.len() as u64);
                }
                for request in gathered {
                    (request.done)(Err(e.clone()));
                }
            }
        }
        bound_index(shared, wake_upkeep);
    }
}

/// Lets time pass since the commit before, unless a commit's worth waits already. A sleep and not a wait for each request: that would
/// wake this thread once a frame, which costs more than the frame itself.
fn space(shared: &Shared, before: Option<Instant>, queued: &AtomicU64) {
    let spacing = Duration::from_micros(shared.options.commit_spacing_us);
    let Some(left) = before.and_then(|before| spacing.checked_sub(before.elapsed())) else {
        return;
    };
    if queued.load(Ordering::Relaxed) < shared.options.commit_bytes_max as u64 {
        std::thread::sleep(left);
    }
}

/// What waits, up to the bounds of a commit.
fn gather(shared: &Shared, requests: &Receiver<Request>, first: Request) -> Vec<Request> {
    let (mut bytes, mut frames) = (first.bytes, first.frames.len());
    let mut gathered = vec![first];
    while bytes < shared.options.commit_bytes_max && frames < COMMIT_FRAMES_MAX {
        let Ok(r) = requests.try_recv() else { break };
        bytes += r.bytes;
        frames += r.frames.len();
        gathered.push(r);
    }
    gathered
}

/// What is enough for a run is sealed at once; far above that, and the writer waits for it.
fn bound_index(shared: &Shared, wake_upkeep: &SyncSender<()>) {
    if shared.spans.is_full() {
        let _ = wake_upkeep.try_send(());
    }
    let (full, above) = {
        let buckets = shared.events.buckets.read();
        let full = buckets.values().any(EventBucket::is_full);
        let memory: usize = buckets.values().map(|bucket| bucket.open_memory).sum();
        let bytes: u64 = buckets.values().map(|bucket| bucket.open_bytes).sum();
        (
            full,
            memory > shared.memory.open_index || bytes > shared.memory.open_index as u64,
        )
    };
    if full && above {
        if let Err(error) = shared.seal_events((shared.options.now)()) {
            tracing::error!(%error, "events could not be sealed");
        }
    } else if full {
        // Full = it is awake already.
        let _ = wake_upkeep.try_send(());
    }
}
