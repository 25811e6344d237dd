//! The owner of the spool's files: commits, and new segments.
//!
//! The current segment always begins with a snapshot that is on disk. What older segments say of nodes is in it, so
//! that they can go; so a new segment becomes the current one only when its snapshot is synced.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use event::{Epoch, Producer, Shard};
use parking_lot::Mutex;
use wire::bytes::Put;

use super::record::{HEADER_BYTES, Kind, put_record};
use super::reserve::Reserve;
use super::segment::{create, put_marks, snapshot};
#[cfg(test)]
use super::tests;
use super::{Commit, DataDirError, Location, Marks, Recovered, Shared, identity, is_full, recover};

/// A segment of this length is ended.
const SEGMENT_BYTES: u64 = 8 << 20;
/// It is ended earlier where the whole spool is small: only ended segments can go.
const SEGMENTS_MIN: u64 = 8;

/// The owner of the files.
#[derive(Debug)]
pub(crate) struct Spool {
    pub(super) dir: PathBuf,
    pub(super) shared: Arc<Shared>,
    producer: Producer,
    epoch: Epoch,
    next_token: u64,
    next_seqs: BTreeMap<Shard, u64>,
    pub(super) segment: u64,
    file: File,
    pub(super) bytes: u64,
    pub(super) segment_bytes_max: u64,
    /// The current segment cannot be trusted to take more.
    failed: bool,
    pub(super) reserve: Reserve,
    /// Syncs that fail, from now on.
    #[cfg(test)]
    pub(super) failing_syncs: u32,
    _lock: File,
}

impl Spool {
    /// Opens the spool of a data folder, of at most `bytes_max`, and begins an epoch. Fails only where the folder
    /// cannot be used at all.
    pub(crate) fn open(data_dir: &Path, bytes_max: u64) -> Result<(Self, Recovered), DataDirError> {
        let lock = identity::lock(data_dir)?;
        let mut reserve = Reserve::of(data_dir);
        let mut opened = Self::begin(data_dir);
        if matches!(&opened, Err(DataDirError::Io { source, .. }) if is_full(source)) {
            tracing::warn!("no space left on the disk of the spool: the reserve is used");
            reserve.give();
            opened = Self::begin(data_dir);
        }
        let (dir, mut found, (producer, epoch), (segment, file, bytes)) = opened?;
        reserve.take();
        let mut index = std::mem::take(&mut found.index);
        index.segment_bytes(segment, bytes);
        let shared = Shared {
            dir: dir.clone(),
            index: Mutex::new(index),
            marks: Mutex::new(found.marks.clone()),
        };
        let spool = Self {
            dir,
            shared: Arc::new(shared),
            producer,
            epoch,
            next_token: found.next_token,
            next_seqs: BTreeMap::new(),
            segment,
            file,
            bytes,
            segment_bytes_max: (bytes_max / SEGMENTS_MIN).clamp(64 << 10, SEGMENT_BYTES),
            failed: false,
            reserve,
            #[cfg(test)]
            failing_syncs: 0,
            _lock: lock,
        };
        Ok((spool, found))
    }

    /// Everything of [`Spool::open`] that reads or writes; may be tried again.
    #[expect(clippy::type_complexity, reason = "the parts of a spool that is not one yet")]
    fn begin(
        data_dir: &Path,
    ) -> Result<(PathBuf, Recovered, (Producer, Epoch), (u64, File, u64)), DataDirError> {
        let dir = data_dir.join("spool");
        fs::create_dir_all(&dir).map_err(DataDirError::at(&dir))?;
        let found = recover::recover(&dir).map_err(DataDirError::at(&dir))?;
        let identity = identity::begin_epoch(data_dir, found.producer)?;
        let snapshot = snapshot(&found.marks, identity.1, found.next_token, &BTreeMap::new());
        let segment = found.next_segment;
        let file = create(&dir, segment, &snapshot, File::sync_all).map_err(DataDirError::at(&dir))?;
        Ok((dir, found, identity, (segment, file, snapshot.len() as u64)))
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
    pub(crate) fn producer(&self) -> Producer {
        self.producer
    }
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }
    /// A token that was never used.
    pub(crate) fn next_token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token - 1
    }

    /// Writes a commit; on disk when this returns, unless it holds only what may be lost (acknowledgements). After an
    /// error nothing of it counts, and it may be tried again.
    pub(crate) fn commit(&mut self, commit: &Commit) -> io::Result<()> {
        self.ready()?;
        let mut out = Vec::new();
        let mut places = Vec::new();
        if !commit.frames.is_empty() || commit.marks != Marks::default() {
            let mut body = Vec::new();
            commit.marks.write(&mut body);
            body.put_u32(commit.frames.len() as u32);
            for frame in &commit.frames {
                body.put_u32(frame.bytes.len() as u32);
                places.push(Location {
                    segment: self.segment,
                    offset: self.bytes + (HEADER_BYTES + body.len()) as u64,
                    bytes: frame.bytes.len() as u32,
                });
                body.put(&frame.bytes);
            }
            put_record(&mut out, Kind::Batch, &body);
        }
        for (token, message) in &commit.described {
            let body = [&token.to_le_bytes(), message.as_ref()].concat();
            put_record(&mut out, Kind::Describe, &body);
        }
        let durable = !out.is_empty();
        put_marks(&mut out, commit);
        if out.is_empty() {
            return Ok(());
        }
        self.append(&out, durable)?;
        let mut index = self.shared.index.lock();
        for (frame, at) in commit.frames.iter().zip(places) {
            index.insert(at, frame.epoch, &frame.parts, true);
            for part in frame.parts.iter().filter(|_| frame.epoch == self.epoch) {
                let next = self.next_seqs.entry(part.shard).or_insert(1);
                *next = (*next).max(part.last.0 + 1);
            }
        }
        for (token, message) in &commit.described {
            index.describe(*token, self.segment, message.clone());
        }
        drop(index);
        self.shared.marks.lock().merge(&commit.marks);
        Ok(())
    }

    /// A segment that can take more is the current one.
    pub(super) fn ready(&mut self) -> io::Result<()> {
        if self.failed || self.bytes >= self.segment_bytes_max {
            self.rotate()?;
        }
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8], durable: bool) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(bytes, self.bytes) {
            self.cut_back(self.bytes);
            return Err(error);
        }
        if durable {
            self.sync()?;
        }
        self.bytes += bytes.len() as u64;
        self.shared.index.lock().segment_bytes(self.segment, self.bytes);
        Ok(())
    }

    /// The current segment ends at `bytes` again. If that fails, the rest is a torn tail for the next start.
    pub(super) fn cut_back(&mut self, bytes: u64) {
        self.bytes = bytes;
        self.failed |= self.file.set_len(bytes).is_err();
        self.shared.index.lock().segment_bytes(self.segment, bytes);
    }

    /// After a failed sync the kernel may have dropped the pages: the segment is never written again.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        #[cfg(test)]
        let synced = tests::synced(&mut self.failing_syncs, &self.file);
        #[cfg(not(test))]
        let synced = self.file.sync_data();
        synced.inspect_err(|_| self.failed = true)
    }

    /// Begins the next segment. After an error the current one is as it was.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        if !self.failed {
            self.sync()?;
        }
        let snapshot = snapshot(
            &self.shared.marks.lock(),
            self.epoch,
            self.next_token,
            &self.next_seqs,
        );
        let next = self.segment + 1;
        #[cfg(test)]
        let sync = |file: &File| tests::synced(&mut self.failing_syncs, file);
        #[cfg(not(test))]
        let sync = File::sync_all;
        self.file = create(&self.dir, next, &snapshot, sync)?;
        self.segment = next;
        self.bytes = snapshot.len() as u64;
        self.failed = false;
        self.shared.index.lock().segment_bytes(next, self.bytes);
        Ok(())
    }
}
