//! Segment files: how they begin, and the records that end with a commit.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use event::{Epoch, Shard};
use wire::bytes::Put;

use super::record::{Kind, put_record};
use super::{Commit, Marks, segment_path};

/// The first record of a segment.
pub(super) fn snapshot(
    marks: &Marks,
    epoch: Epoch,
    next_token: u64,
    next_seqs: &BTreeMap<Shard, u64>,
) -> Vec<u8> {
    let mut body = Vec::new();
    marks.write(&mut body);
    body.put_u64(epoch.0);
    body.put_u64(next_token);
    body.put_u32(next_seqs.len() as u32);
    for (shard, next) in next_seqs {
        body.put_u16(shard.0);
        body.put_u64(*next);
    }
    let mut out = Vec::new();
    put_record(&mut out, Kind::Snapshot, &body);
    out
}

/// Appends what the collector has: it may be lost.
pub(super) fn put_marks(out: &mut Vec<u8>, commit: &Commit) {
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

/// A segment file with its first record, on disk; none after an error.
pub(super) fn create(
    dir: &Path,
    segment: u64,
    first: &[u8],
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<File> {
    let path = segment_path(dir, segment);
    let made = || {
        let mut options = OpenOptions::new();
        let file = options.create(true).write(true).truncate(true).open(&path)?;
        file.write_all_at(first, 0)?;
        sync(&file)?;
        File::open(dir)?.sync_all()?;
        Ok(file)
    };
    made().inspect_err(|_| {
        let _ = fs::remove_file(&path);
    })
}
