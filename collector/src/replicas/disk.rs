//! This member's disk, as replication needs it: `crates/store` and nothing else is behind it.

use super::span_writer::SpanWriter;
use event::{Bucket, Seq, Shard};
use placement::{MemberId, ShardMap};
use replication::{Held, Section, Source};
use std::cell::Cell;
use std::sync::Arc;
use std::thread::JoinHandle;
use store::{CutFrame, Done, FrameToStore, HeldSection, Hint, Marker, SpanPage, Store, StoreError, Synced};

/// The store. Clones share it. All calls but `submit` and `hint` block.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    store: Arc<Store>,
    spans: SpanWriter,
}

impl Disk {
    /// With a thread, which ends when the last clone is gone.
    pub(super) fn new(store: Arc<Store>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (spans, thread) = SpanWriter::start(Arc::clone(&store))?;
        Ok((Self { store, spans }, thread))
    }

    /// Writes chosen sections of frames; `done` is called when they are synced, or on an error.
    pub(super) fn submit(&self, frames: Vec<FrameToStore>, done: Done) -> Result<(), StoreError> {
        if frames.iter().any(FrameToStore::is_spans) {
            return self.spans.submit(frames, done);
        }
        self.store.submit(frames, done)
    }

    /// The same of frames of spans, or of none.
    pub(super) fn submit_spans(&self, frames: Vec<FrameToStore>, done: Done) -> Result<(), StoreError> {
        self.spans.submit(frames, done)
    }

    /// What is synced, as of now.
    pub(super) fn held(&self) -> View<'_> {
        View {
            synced: self.store.synced(),
            failed: Cell::new(false),
        }
    }

    /// The map that was adopted last.
    pub(super) fn map(&self) -> Result<Option<ShardMap>, StoreError> {
        let read = |bytes: Vec<u8>| {
            // Another program wrote it: then the cluster's is as good.
            let read = serde_json::from_slice(&bytes);
            read.inspect_err(|error| tracing::error!(%error, "the kept map cannot be read"))
                .ok()
        };
        Ok(self.store.kept_map()?.and_then(read))
    }

    /// Keeps the map, synced.
    pub(super) fn keep_map(&self, map: &ShardMap) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(map).map_err(|e| StoreError::Read(e.to_string()))?;
        self.store.keep_map(&bytes)
    }

    /// Hints that were kept.
    pub(super) fn hints(&self) -> Result<Vec<(MemberId, Section)>, StoreError> {
        let hints = self.store.hints()?;
        let named = |hint: &Hint| (MemberId(hint.target), section(&hint.section));
        Ok(hints.iter().map(named).collect())
    }

    /// Keeps a hint, or forgets it, with the next sync.
    pub(super) fn hint(&self, to: MemberId, section: &Section, keep: bool) {
        let hint = Hint {
            target: to.0,
            section: held_section(section),
        };
        if keep {
            self.store.keep_hint(&hint);
        } else {
            self.store.drop_hint(&hint.key());
        }
    }

    /// Syncs what was kept or forgotten.
    pub(super) fn sync_hints(&self) {
        if let Err(error) = self.store.sync_hints() {
            tracing::warn!(%error, "hints are not on disk: comparing finds what they would have said");
        }
    }

    /// The marker of this disk.
    pub(super) fn marker(&self) -> Result<Option<Marker>, StoreError> {
        self.store.marker()
    }

    /// Marks the disk, synced.
    pub(super) fn mark(&self, marker: Marker) -> Result<Marker, StoreError> {
        self.store.mark(marker)
    }
}

/// What is synced at one moment.
pub(super) struct View<'s> {
    synced: Synced<'s>,
    /// Something could not be read: less was shown than there is.
    failed: Cell<bool>,
}

impl View<'_> {
    /// Could all that was asked for be read?
    pub(super) fn is_sound(&self) -> bool {
        !self.failed.get()
    }

    /// Frames with these batches and gaps, and what is in them. What is not held any more is in none.
    pub(super) fn frames(&self, sections: &[Section]) -> Result<Vec<CutFrame>, StoreError> {
        let wanted: Vec<HeldSection> = sections.iter().map(held_section).collect();
        self.synced.frames(&wanted)
    }

    /// The spans that these batches are, page by page.
    pub(super) fn page(&self, sections: &[Section], from: u64) -> Result<SpanPage, StoreError> {
        let wanted: Vec<HeldSection> = sections.iter().map(held_section).collect();
        self.synced.span_page(&wanted, from)
    }

    fn read<T: Default>(&self, read: Result<T, StoreError>) -> T {
        read.unwrap_or_else(|error| {
            tracing::error!(%error, "what is held cannot be read");
            self.failed.set(true);
            T::default()
        })
    }
}

impl Held for View<'_> {
    fn floor(&self) -> Bucket {
        self.synced.floor()
    }
    fn buckets(&self, shard: Shard) -> Vec<(Bucket, u128)> {
        self.synced.buckets(shard)
    }
    fn sources(&self, shard: Shard, bucket: Bucket) -> Vec<(Source, u128)> {
        let sources = self.read(self.synced.sources(shard, bucket));
        let named = |((producer, epoch), digest)| (Source { producer, epoch }, digest);
        sources.into_iter().map(named).collect()
    }
    fn list(&self, shard: Shard, bucket: Bucket, source: Source, after: Seq, max: usize) -> Vec<Section> {
        let source = (source.producer, source.epoch);
        let list = self.read(self.synced.list(shard, bucket, source, after, max));
        list.iter().map(section).collect()
    }
    fn gaps(&self, shard: Shard) -> Vec<Section> {
        self.read(self.synced.gaps(shard)).iter().map(section).collect()
    }
    fn has(&self, s: &Section) -> bool {
        let source = (s.source.producer, s.source.epoch);
        self.read(self.synced.has(source, s.shard, s.first, s.bucket))
    }
}

/// As replication names it.
pub(super) fn section(s: &HeldSection) -> Section {
    Section {
        source: Source {
            producer: s.producer,
            epoch: s.epoch,
        },
        shard: s.shard,
        first: s.first,
        last: s.last,
        gap: s.gap,
        bucket: s.bucket,
        content: s.content,
        bytes: s.bytes,
    }
}

/// As the store names it.
fn held_section(s: &Section) -> HeldSection {
    HeldSection {
        producer: s.source.producer,
        epoch: s.source.epoch,
        shard: s.shard,
        first: s.first,
        last: s.last,
        gap: s.gap,
        bucket: s.bucket,
        content: s.content,
        bytes: s.bytes,
    }
}
