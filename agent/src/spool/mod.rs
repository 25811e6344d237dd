//! The spool: everything that was taken from nodes and is not acknowledged, on disk.
//!
//! Append-only segments of records ([`record`]). A commit is one record: the marks of the nodes and the frames that
//! hold their events stand or fall together. A segment begins with all marks and goes when nothing in it lives. One
//! owner writes ([`Spool`]); others read frames and move the index on ([`Shared`]).

mod identity;
mod index;
mod ledger;
mod marks;
mod record;
mod recover;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use event::{Epoch, Producer, Shard};
use parking_lot::Mutex;
use wire::bytes::Put;
use wire::control::{AckRange, AgentMessage};
use wire::frame::SectionEntry;

pub use identity::DataDirError;
pub(crate) use identity::write as write_file;
pub(crate) use index::{GivenUp, Index, Location, Part};
pub use ledger::{AgentDrop, Ledger};
pub(crate) use marks::Marks;
use record::{HEADER_BYTES, Kind, put_record};
pub(crate) use recover::Recovered;

/// A segment of this length is ended.
const SEGMENT_BYTES: u64 = 8 << 20;
/// It is ended earlier where the whole spool is small: only ended segments can go.
const SEGMENTS_MIN: u64 = 8;

impl Part {
    pub(crate) fn of(section: &SectionEntry) -> Self {
        Self {
            shard: section.shard,
            first: section.seq,
            last: section.last_seq(),
            rows: section.rows,
            gap: section.gap.is_some(),
        }
    }
}

/// A frame that is to be stored.
#[derive(Debug)]
pub(crate) struct NewFrame {
    pub(crate) bytes: Vec<u8>,
    pub(crate) epoch: Epoch,
    pub(crate) parts: Vec<Part>,
}

/// What is stored together.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    pub(crate) marks: Marks,
    pub(crate) frames: Vec<NewFrame>,
    pub(crate) described: Vec<(u64, Bytes)>,
    pub(crate) noted: Vec<u64>,
    pub(crate) acks: Vec<AckRange>,
}

/// What the writer and the sender share.
#[derive(Debug)]
pub(crate) struct Shared {
    dir: PathBuf,
    pub(crate) index: Mutex<Index>,
    /// Marks that are on disk.
    pub(crate) marks: Mutex<Marks>,
}

impl Shared {
    /// The bytes of a frame. An error or damage is for the caller to judge.
    pub(crate) fn read(&self, at: Location) -> io::Result<Vec<u8>> {
        let file = File::open(segment_path(&self.dir, at.segment))?;
        let mut bytes = vec![0; at.bytes as usize];
        file.read_exact_at(&mut bytes, at.offset)?;
        Ok(bytes)
    }
}

/// The owner of the files.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    shared: Arc<Shared>,
    producer: Producer,
    epoch: Epoch,
    next_token: u64,
    next_seqs: BTreeMap<Shard, u64>,
    segment: u64,
    file: File,
    bytes: u64,
    segment_bytes_max: u64,
    /// The current segment cannot be trusted to take more.
    failed: bool,
    _lock: File,
}

impl Spool {
    /// Opens the spool of a data folder, of at most `bytes_max`, and begins an epoch. Fails only where the folder
    /// cannot be used at all.
    pub(crate) fn open(data_dir: &Path, bytes_max: u64) -> Result<(Self, Recovered), DataDirError> {
        let lock = identity::lock(data_dir)?;
        let dir = data_dir.join("spool");
        fs::create_dir_all(&dir).map_err(DataDirError::at(&dir))?;
        let mut found = recover::recover(&dir).map_err(DataDirError::at(&dir))?;
        let (producer, epoch) = identity::begin_epoch(data_dir, found.producer)?;
        let shared = Shared {
            dir: dir.clone(),
            index: Mutex::new(std::mem::take(&mut found.index)),
            marks: Mutex::new(found.marks.clone()),
        };
        let segment = found.next_segment;
        let file = create(&dir, segment).map_err(DataDirError::at(&dir))?;
        let mut spool = Self {
            dir,
            shared: Arc::new(shared),
            producer,
            epoch,
            next_token: found.next_token,
            next_seqs: BTreeMap::new(),
            segment,
            file,
            bytes: 0,
            segment_bytes_max: (bytes_max / SEGMENTS_MIN).clamp(64 << 10, SEGMENT_BYTES),
            failed: false,
            _lock: lock,
        };
        spool.begin_segment().map_err(DataDirError::at(data_dir))?;
        Ok((spool, found))
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
        if self.failed || self.bytes >= self.segment_bytes_max {
            self.rotate()?;
        }
        let mut out = Vec::new();
        let mut places = Vec::new();
        if !commit.frames.is_empty() || commit.marks != Marks::default() {
            let mut body = Vec::new();
            commit.marks.write(&mut body);
            body.put_u32(commit.frames.len() as u32);
            for frame in &commit.frames {
                body.put_u32(frame.bytes.len() as u32);
                let offset = self.bytes + (HEADER_BYTES + body.len()) as u64;
                places.push(Location {
                    segment: self.segment,
                    offset,
                    bytes: frame.bytes.len() as u32,
                });
                body.put(&frame.bytes);
            }
            put_record(&mut out, Kind::Batch, &body);
        }
        for (token, message) in &commit.described {
            put_record(
                &mut out,
                Kind::Describe,
                &[&token.to_le_bytes(), message.as_ref()].concat(),
            );
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

    /// Deletes segments in which nothing lives; where space is short (`bytes_max`), moves what lives in a sparse one.
    pub(crate) fn maintain(&mut self, bytes_max: u64) -> io::Result<()> {
        let (short, alive) = {
            let index = self.shared.index.lock();
            (
                index.bytes() > bytes_max / 2,
                !index.living(self.segment).0.is_empty(),
            )
        };
        if short && !alive && self.bytes >= self.segment_bytes_max / 2 {
            self.rotate()?;
        }
        self.delete_dead();
        let sparse = {
            let index = self.shared.index.lock();
            (index.bytes() > bytes_max / 4 * 3)
                .then(|| index.sparse(self.segment))
                .flatten()
        };
        if let Some(segment) = sparse {
            self.evacuate(segment)?;
        }
        Ok(())
    }

    /// Copies what lives in a segment to the current one and deletes it. The index moves on after the sync only.
    pub(crate) fn evacuate(&mut self, segment: u64) -> io::Result<()> {
        let (frames, described) = self.shared.index.lock().living(segment);
        let mut moved = Vec::with_capacity(frames.len());
        for at in frames {
            let bytes = self.shared.read(at)?;
            if self.failed || self.bytes >= self.segment_bytes_max {
                self.rotate()?;
            }
            let mut body = Vec::with_capacity(bytes.len() + 16);
            Marks::default().write(&mut body);
            body.put_u32(1);
            body.put_u32(at.bytes);
            let offset = self.bytes + (HEADER_BYTES + body.len()) as u64;
            body.put(&bytes);
            let mut out = Vec::new();
            put_record(&mut out, Kind::Batch, &body);
            self.append(&out, false)?;
            moved.push((
                at,
                Location {
                    segment: self.segment,
                    offset,
                    bytes: at.bytes,
                },
            ));
        }
        for (token, message) in &described {
            let mut out = Vec::new();
            put_record(
                &mut out,
                Kind::Describe,
                &[&token.to_le_bytes(), message.as_ref()].concat(),
            );
            self.append(&out, false)?;
        }
        self.sync()?;
        let mut index = self.shared.index.lock();
        for (from, to) in moved {
            index.moved(from, to);
        }
        for (token, _) in described {
            index.described_moved(token, self.segment);
        }
        drop(index);
        self.delete_dead();
        Ok(())
    }

    fn delete_dead(&mut self) {
        let dead = self.shared.index.lock().reap(self.segment);
        for segment in dead {
            let path = segment_path(&self.dir, segment);
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "spool segment could not be deleted");
            }
        }
    }

    fn append(&mut self, bytes: &[u8], durable: bool) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(bytes, self.bytes) {
            // What is there of it is cut off; if that fails too, it is a torn tail for the next start.
            self.failed = self.file.set_len(self.bytes).is_err();
            return Err(error);
        }
        if durable {
            self.sync()?;
        }
        self.bytes += bytes.len() as u64;
        self.shared.index.lock().segment_bytes(self.segment, self.bytes);
        Ok(())
    }

    /// After a failed sync the kernel may have dropped the pages: the segment is never written again.
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data().inspect_err(|_| self.failed = true)
    }

    fn rotate(&mut self) -> io::Result<()> {
        if !self.failed {
            self.sync()?;
        }
        self.file = create(&self.dir, self.segment + 1)?;
        self.segment += 1;
        self.bytes = 0;
        self.failed = false;
        self.begin_segment()
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let mut body = Vec::new();
        self.shared.marks.lock().write(&mut body);
        body.put_u64(self.epoch.0);
        body.put_u64(self.next_token);
        body.put_u32(self.next_seqs.len() as u32);
        for (shard, next) in &self.next_seqs {
            body.put_u16(shard.0);
            body.put_u64(*next);
        }
        let mut out = Vec::new();
        put_record(&mut out, Kind::Snapshot, &body);
        self.append(&out, true)
    }
}

fn put_marks(out: &mut Vec<u8>, commit: &Commit) {
    if !commit.noted.is_empty() {
        let mut body = Vec::new();
        body.put_u32(commit.noted.len() as u32);
        commit.noted.iter().for_each(|token| body.put_u64(*token));
        put_record(out, Kind::Noted, &body);
    }
    if !commit.acks.is_empty() {
        let mut body = Vec::new();
        body.put_u32(commit.acks.len() as u32);
        for range in &commit.acks {
            body.put_u64(range.epoch.0);
            body.put_u16(range.shard.0);
            body.put_u64(range.first.0);
            body.put_u64(range.last.0);
        }
        put_record(out, Kind::Acks, &body);
    }
}

fn segment_path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:016x}.seg"))
}

fn create(dir: &Path, segment: u64) -> io::Result<File> {
    let path = segment_path(dir, segment);
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .open(path)?;
    File::open(dir)?.sync_all()?;
    Ok(file)
}

/// The same description of the same node, of which only the newest is of interest.
pub(crate) fn superseded_by(new: &AgentMessage, old: &AgentMessage) -> bool {
    use wire::control::ModulesOp;
    match (new, old) {
        (AgentMessage::Node { description: new, .. }, AgentMessage::Node { description: old, .. }) => {
            new.node.key == old.node.key
        }
        (
            AgentMessage::Modules {
                node: new,
                op: ModulesOp::Snapshot,
                ..
            },
            AgentMessage::Modules { node: old, .. },
        ) => new == old,
        (AgentMessage::Define { table: new, .. }, AgentMessage::Define { table: old, .. }) => new == old,
        _ => false,
    }
}

/// A range of one part.
pub(crate) fn range_of(epoch: Epoch, part: &Part) -> AckRange {
    AckRange {
        epoch,
        shard: part.shard,
        first: part.first,
        last: part.last,
    }
}
