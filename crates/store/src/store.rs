//! A member's store: the one type that the rest of the house uses.

use crate::counters::Counters;
use crate::db::Db;
use crate::digest::FrameToStore;
use crate::error::{OpenError, StoreError};
use crate::events::EventState;
use crate::list_traces::TraceFilter;
use crate::logs::{LogFilter, LogState};
use crate::losses::Losses;
use crate::meta::{self, FORMAT, FORMAT_LEAST, Owner};
use crate::options::StoreOptions;
use crate::read_trace::TraceRows;
use crate::replicas::WaitingHints;
use crate::spans::{Inspected, Needs, SpanState, SpanStats};
use crate::state::{CommitState, Rest, Shared};
use crate::stats::StoreStats;
use crate::summary::TraceSummary;
use crate::writer::{Done, Receipt, Writer};
use event::{
    Bucket, Event, EventIdentity, EventKind, Hlc, LogRecord, Micros, NodeInfo, Shard, Span, TraceId,
};
use parking_lot::Mutex;
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use wire::frame::FrameError;
use wire::spans::SpanFrame;

/// Frames on disk, and what was asked of them. All calls block: keep them off the async threads, [`Store::submit`] apart.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
    upkeep: Option<(SyncSender<()>, JoinHandle<()>)>,
    pub(crate) shared: Arc<Shared>,
}

impl Store {
    /// Opens or creates the store in the folder `path`; indexes what a crash left unindexed.
    pub fn open(path: &Path, options: StoreOptions) -> Result<Self, OpenError> {
        let memory = options.memory();
        let db = Db::open(path, memory)?;
        let owner = options.owner;
        let hold = if options.hold_all { 0 } else { u32::MAX };
        let shared = Arc::new(Shared {
            db,
            options,
            memory,
            counters: Counters::default(),
            upkeep: Mutex::new(()),
            commit: Mutex::new(CommitState::new(1)),
            events: EventState::default(),
            spans: SpanState::default(),
            logs: LogState::default(),
            hints: WaitingHints::default(),
            rest: Rest::default(),
            format: AtomicU32::new(0),
            page_bytes: AtomicU64::new(crate::replicas::PAGE_BYTES),
            floor: AtomicU32::new(0),
            hold: AtomicU32::new(hold),
            poison: Mutex::new(None),
        });
        let damaged = |e: StoreError| OpenError::Damaged {
            path: path.into(),
            reason: e.to_string(),
        };
        let found = check_format(path, &shared, owner)?;
        shared
            .open_events()
            .and_then(|()| shared.open_spans(found < FORMAT_LEAST))
            .and_then(|()| shared.open_logs())
            .map_err(damaged)?;
        let threads = |e: std::io::Error| OpenError::Damaged {
            path: path.into(),
            reason: e.to_string(),
        };
        let (wake, woken) = sync_channel(1);
        let interval = Duration::from_millis(shared.options.upkeep_interval_ms);
        let upkeep = if interval.is_zero() {
            None
        } else {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new()
                .name("store-upkeep".to_owned())
                .spawn(move || run_upkeep(&shared, &woken, interval))
                .map_err(threads)?;
            Some((wake.clone(), thread))
        };
        let writer = Writer::start(Arc::clone(&shared), wake).map_err(threads)?;
        Ok(Self {
            writer,
            upkeep,
            shared,
        })
    }

    /// How many bytes of frames and blocks a page of spans is that is copied to another member ([`crate::Synced::span_page`]); 2 MiB unless
    /// this says otherwise.
    pub fn limit_pages(&self, bytes: u64) {
        self.shared.page_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Hands frames to the writer and returns at once; `done` is called on the writer's thread when they are on disk, fsynced, or when
    /// that failed. On an error of this call it is never called.
    pub fn submit(&self, frames: Vec<FrameToStore>, done: Done) -> Result<(), StoreError> {
        self.writer.submit(&self.shared, frames, done)
    }

    /// Stores frames and returns when they are on disk, fsynced.
    pub fn append(&self, frames: Vec<FrameToStore>) -> Result<Receipt, StoreError> {
        let (tell, told) = sync_channel(1);
        self.submit(
            frames,
            Box::new(move |result| {
                let _ = tell.send(result);
            }),
        )?;
        told.recv().unwrap_or(Err(StoreError::ShutDown))
    }

    /// Stores frames and returns when they are on disk, fsynced: on the caller's thread, at once, whatever [`StoreOptions::commit_spacing_us`]
    /// says. For few callers that each gather much.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "like `append`: what is stored is not needed any more"
    )]
    pub fn append_spans(&self, frames: Vec<FrameToStore>) -> Result<Receipt, StoreError> {
        let frames: Vec<&FrameToStore> = frames.iter().collect();
        let outcomes = self.shared.commit(&frames)?;
        if self.shared.spans.is_full()
            && let Some((wake, _)) = &self.upkeep
        {
            // If it is awake already, it looks again.
            let _ = wake.try_send(());
        }
        Ok(Receipt {
            frames: outcomes,
            commit: None,
        })
    }

    /// All spans of a trace, by start.
    pub fn trace_spans(&self, trace: TraceId) -> Result<Vec<Span>, StoreError> {
        self.shared.trace_spans(trace)
    }

    /// Shows frames and blocks of spans whose time (Unix nanoseconds, both ends included) overlaps `range` and that may have
    /// what is needed, newest first, until the visitor has enough.
    pub fn visit_spans(
        &self,
        range: (u64, u64),
        needs: &Needs,
        visit: &mut dyn FnMut(&SpanFrame<'_>) -> Result<ControlFlow<()>, FrameError>,
    ) -> Result<Inspected, StoreError> {
        self.shared.visit_spans(range, needs, visit)
    }

    /// Stores log records in a bucket and returns when they are on disk, fsynced.
    pub fn append_logs(&self, bucket: Bucket, records: &[LogRecord]) -> Result<(), StoreError> {
        self.shared.append_logs(bucket, records)
    }

    /// Log records that a filter accepts, the newest first.
    pub fn find_logs(&self, filter: &LogFilter) -> Result<Vec<LogRecord>, StoreError> {
        self.shared.find_logs(filter)
    }

    /// In how many frames and blocks spans of a trace may be.
    pub fn span_units_of(&self, trace: TraceId) -> usize {
        self.shared.spans.units_of(trace)
    }

    /// Seals what is due as of `now`. The store does this by itself at its interval.
    pub fn seal_spans(&self, now: Micros) -> Result<usize, StoreError> {
        self.shared.seal_spans(now)
    }

    /// Numbers of the spans held.
    pub fn span_stats(&self) -> SpanStats {
        self.shared.spans.stats()
    }

    /// The bucket of an instant.
    pub fn bucket_at(&self, hlc: Hlc) -> Bucket {
        placement::bucket_of(hlc, self.shared.options.bucket_seconds)
    }

    /// Bytes of frames that wait to be written, and their bound.
    pub fn queue_bytes(&self) -> (u64, u64) {
        self.writer.queue_bytes()
    }

    /// Bytes of the disk that are free to us, and all of them.
    pub fn disk_space(&self) -> Result<(u64, u64), StoreError> {
        self.shared.disk_space()
    }

    /// All events of a trace.
    pub fn trace_rows(&self, trace: TraceId) -> Result<TraceRows, StoreError> {
        self.shared.trace_rows(trace)
    }

    /// Traces that a filter accepts, newest start first.
    pub fn traces(&self, filter: &TraceFilter) -> Result<Vec<TraceSummary>, StoreError> {
        self.shared.traces(filter)
    }

    /// One trace in short.
    pub fn summary(&self, trace: TraceId) -> Result<Option<TraceSummary>, StoreError> {
        self.shared.summary(trace)
    }

    /// What is known to be missing of a range of time.
    pub fn losses(&self, since: Micros, until: Micros) -> Result<Losses, StoreError> {
        self.shared.losses(since, until)
    }

    /// Events in no trace (`loss`, `error`, `node_up`, `node_down`) of a range of HLC time, newest first.
    pub fn loose_events(
        &self,
        kind: EventKind,
        since: Micros,
        until: Micros,
        limit: usize,
    ) -> Result<Vec<(EventIdentity, Event)>, StoreError> {
        self.shared.loose_events(kind, since, until, limit)
    }

    /// Node incarnations whose events may be stored.
    pub fn nodes(&self) -> Result<Vec<NodeInfo>, StoreError> {
        self.shared.nodes()
    }

    /// The digest of each shard of a bucket that has batches: equal wherever the same batches are held, however they came and
    /// whether they are sealed or not. Gaps are no part of it. Reads the lists of batches of the bucket.
    pub fn digests(&self, bucket: Bucket) -> Result<BTreeMap<Shard, u128>, StoreError> {
        self.shared.digests(bucket)
    }

    /// Reads every frame and block held and counts; slow.
    pub fn audit(&self) -> Result<crate::Audit, StoreError> {
        self.shared.audit()
    }

    /// Numbers, as of now. Reads a folder: not for a hot path.
    pub fn stats(&self) -> StoreStats {
        self.shared.stats(self.writer.queue_bytes().0)
    }

    /// Can frames be stored now? The error says why not.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        self.shared.check_writable()?;
        self.shared.check_space(0)
    }

    /// No HLC of an earlier life is greater than this.
    pub fn hlc_bound(&self) -> Result<Hlc, StoreError> {
        let bytes = self.shared.db.get(meta::FAMILY, meta::KEY_HLC_BOUND)?;
        Ok(bytes
            .map(|b| meta::hlc_decode(&b))
            .transpose()?
            .unwrap_or_default())
    }

    /// Promises, on disk, that no HLC of this life so far is greater.
    pub fn raise_hlc_bound(&self, bound: Hlc) -> Result<(), StoreError> {
        if bound <= self.hlc_bound()? {
            return Ok(());
        }
        let mut batch = WriteBatch::default();
        batch.put_cf(
            self.shared.db.family(meta::FAMILY),
            meta::KEY_HLC_BOUND,
            bound.0.to_be_bytes(),
        );
        self.shared.write(batch, true)
    }

    /// The format that it is written in.
    pub fn format(&self) -> u32 {
        self.shared.format.load(Ordering::Acquire)
    }

    /// Writes the formats up to this one from now on, as far as this program knows them: programs that do not refuse the folder then. What is
    /// there stays as it is. Says whether anything changed.
    pub fn raise_format(&self, format: u32) -> Result<bool, StoreError> {
        let format = format.min(FORMAT);
        if format <= self.format() {
            return Ok(false);
        }
        let mut batch = WriteBatch::default();
        let family = self.shared.db.family(meta::FAMILY);
        batch.put_cf(family, meta::KEY_FORMAT, format.to_be_bytes());
        self.shared.write(batch, true)?;
        self.shared.format.fetch_max(format, Ordering::AcqRel);
        Ok(true)
    }

    /// Seals what is due and drops old buckets as of `now`. The store does this by itself at its interval.
    pub fn keep_up(&self, now: Micros) -> Result<(), StoreError> {
        self.shared.keep_up(now)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.writer.stop();
        if let Some((wake, thread)) = self.upkeep.take() {
            drop(wake);
            if thread.join().is_err() {
                tracing::error!("upkeep thread panicked");
            }
        }
    }
}

/// Ends when both senders are gone: the writer's and the store's.
fn run_upkeep(shared: &Shared, woken: &Receiver<()>, interval: Duration) {
    while let Ok(()) | Err(RecvTimeoutError::Timeout) = woken.recv_timeout(interval) {
        if let Err(error) = shared.keep_up((shared.options.now)()) {
            tracing::error!(%error, "upkeep failed");
        }
    }
}

/// The format that the folder had.
fn check_format(path: &Path, shared: &Shared, owner: Option<Owner>) -> Result<u32, OpenError> {
    let damaged = |reason: String| OpenError::Damaged {
        path: path.into(),
        reason,
    };
    let get = |key: &[u8]| {
        shared
            .db
            .get(meta::FAMILY, key)
            .map_err(|e| damaged(e.into_string()))
    };
    let mut batch = WriteBatch::default();
    let family = shared.db.family(meta::FAMILY);
    let found = get(meta::KEY_FORMAT)?
        .map(|bytes| meta::format_decode(&bytes))
        .transpose()
        .map_err(|e| damaged(e.to_string()))?;
    if let Some(found) = found.filter(|found| *found > FORMAT) {
        return Err(OpenError::NewerFormat {
            path: path.into(),
            found,
            known: FORMAT,
        });
    }
    let format = shared.options.format.clamp(FORMAT_LEAST, FORMAT);
    let format = found.map_or(format, |found| found.max(format));
    if found != Some(format) {
        batch.put_cf(family, meta::KEY_FORMAT, format.to_be_bytes());
    }
    shared.format.store(format, Ordering::Release);
    let format = found.unwrap_or(format);
    if let Some(owner) = owner {
        match get(meta::KEY_OWNER)? {
            None => batch.put_cf(family, meta::KEY_OWNER, owner.encode()),
            Some(bytes) => {
                let Owner { cluster, member } = Owner::decode(&bytes).map_err(|e| damaged(e.to_string()))?;
                if (Owner { cluster, member }) != owner {
                    return Err(OpenError::OtherOwner {
                        path: path.into(),
                        cluster,
                        member,
                    });
                }
            }
        }
    }
    if batch.is_empty() {
        return Ok(format);
    }
    let written = shared.write(batch, true).map(|()| format);
    written.map_err(|e| damaged(e.to_string()))
}
