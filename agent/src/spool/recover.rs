//! Reading a spool that an earlier life left. Damage costs what it hit, is counted, and never stops the start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use event::{Epoch, Producer, Shard};
use wire::bytes::{ReadError, Reader};
use wire::control::{AckRange, AgentMessage};
use wire::frame::{decode_directory, verify_crc};

use super::index::{Index, Location, Part};
use super::lost::{Seen, Seqs, lost_in};
use super::marks::Marks;
use super::record::{Kind, Scanned, scan};

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) index: Index,
    pub(crate) marks: Marks,
    pub(crate) producer: Option<(Producer, Epoch)>,
    pub(crate) next_token: u64,
    pub(crate) next_segment: u64,
    /// Seqs that were in damaged parts and are in no other.
    pub(crate) lost: Vec<AckRange>,
    /// Segments with damage inside.
    pub(crate) damaged: Vec<u64>,
    pub(crate) corrupt_bytes: u64,
    pub(crate) torn_bytes: u64,
}

#[derive(Debug, Default)]
struct Reading {
    out: Recovered,
    frames: Vec<(Location, Epoch, Vec<Part>)>,
    described: BTreeMap<u64, (u64, Bytes)>,
    noted: BTreeSet<u64>,
    done: Seqs,
}

/// Segment files of a folder, by id.
pub(crate) fn segment_files(dir: &Path) -> std::io::Result<BTreeMap<u64, PathBuf>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let id = path
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.strip_suffix(".seg"))
            .and_then(|n| u64::from_str_radix(n, 16).ok());
        if let Some(id) = id {
            files.insert(id, path);
        }
    }
    Ok(files)
}

/// Reads all segments of `dir`.
pub(crate) fn recover(dir: &Path) -> std::io::Result<Recovered> {
    let mut reading = Reading::default();
    let mut segments = Vec::new();
    for (id, path) in segment_files(dir)? {
        reading.out.next_segment = reading.out.next_segment.max(id.saturating_add(1));
        let bytes = fs::read(&path).inspect_err(|error| set_aside(&path, error));
        let seen = match &bytes {
            Ok(bytes) => reading.segment(id, bytes),
            Err(_) => Seen {
                id,
                damaged: true,
                ..Seen::default()
            },
        };
        reading
            .out
            .index
            .segment_bytes(id, bytes.map_or(0, |b| b.len() as u64));
        segments.push(seen);
    }
    Ok(reading.finish(&segments))
}

/// A segment that cannot be read, for now or for ever, is not deleted with the dead ones: a person may read it again.
fn set_aside(path: &Path, error: &std::io::Error) {
    let aside = path.with_extension("unreadable");
    tracing::error!(path = %path.display(), aside = %aside.display(), %error, "spool segment is not readable");
    if let Err(error) = fs::rename(path, &aside) {
        tracing::error!(path = %path.display(), %error, "and could not be set aside");
    }
}

impl Reading {
    fn segment(&mut self, id: u64, bytes: &[u8]) -> Seen {
        let mut seen = Seen {
            id,
            ..Seen::default()
        };
        for part in scan(bytes) {
            match part {
                Scanned::Record(kind, body) => {
                    let offset = body.start;
                    let whole = bytes
                        .get(body)
                        .is_some_and(|b| self.record(kind, offset, b, &mut seen).is_ok());
                    seen.damaged |= !whole;
                }
                Scanned::Corrupt(range) => {
                    seen.damaged = true;
                    self.out.corrupt_bytes += range.len() as u64;
                }
                Scanned::Torn(range) => {
                    seen.damaged = true;
                    self.out.torn_bytes += range.len() as u64;
                }
            }
        }
        seen
    }

    fn record(&mut self, kind: Kind, offset: usize, body: &[u8], seen: &mut Seen) -> Result<(), ReadError> {
        let mut r = Reader::new(body);
        match kind {
            Kind::Snapshot => {
                self.out.marks.merge(&Marks::read(&mut r)?);
                seen.epoch = Some(Epoch(r.u64()?));
                self.out.next_token = self.out.next_token.max(r.u64()?);
                let n = r.u32()? as usize;
                let starts = (0..r.count(n, 10)?).map(|_| Ok((Shard(r.u16()?), r.u64()?)));
                seen.starts = Some(starts.collect::<Result<_, ReadError>>()?);
            }
            Kind::Batch => {
                let marks = Marks::read(&mut r)?;
                let n = r.u32()? as usize;
                for _ in 0..r.count(n, 4)? {
                    let length = r.u32()? as usize;
                    let at = offset + r.position();
                    self.frame(r.bytes(length)?, at, seen);
                }
                self.out.marks.merge(&marks);
            }
            Kind::Describe => {
                let token = r.u64()?;
                self.out.next_token = self.out.next_token.max(token.saturating_add(1));
                if AgentMessage::decode(r.rest()).is_ok() {
                    self.described
                        .insert(token, (seen.id, Bytes::copy_from_slice(r.rest())));
                }
            }
            Kind::Noted => {
                let n = r.u32()? as usize;
                for _ in 0..r.count(n, 8)? {
                    self.noted.insert(r.u64()?);
                }
            }
            Kind::Acks => {
                let n = r.u32()? as usize;
                for _ in 0..r.count(n, 26)? {
                    let key = (Epoch(r.u64()?), Shard(r.u16()?));
                    self.done.entry(key).or_default().insert_range(r.u64()?, r.u64()?);
                }
            }
        }
        Ok(())
    }

    fn frame(&mut self, frame: &[u8], at: usize, seen: &mut Seen) {
        let directory = match verify_crc(frame).and_then(|()| decode_directory(frame)) {
            Ok(directory) => directory,
            Err(error) => {
                tracing::error!(segment = seen.id, at, %error, "frame in the spool is damaged");
                seen.damaged = true;
                return;
            }
        };
        let header = directory.header();
        let parts: Vec<Part> = directory.sections().iter().map(Part::of).collect();
        for part in &parts {
            let found = seen.found.entry((header.epoch, part.shard)).or_default();
            found.insert_range(part.first.0, part.last.0);
        }
        let newest = self.out.producer.is_none_or(|(_, epoch)| header.epoch >= epoch);
        if newest {
            self.out.producer = Some((header.producer, header.epoch));
        }
        let at = Location {
            segment: seen.id,
            offset: at as u64,
            bytes: frame.len() as u32,
        };
        self.frames.push((at, header.epoch, parts));
    }

    fn finish(mut self, segments: &[Seen]) -> Recovered {
        for (at, epoch, mut parts) in std::mem::take(&mut self.frames) {
            parts.retain(|p| {
                let done = self.done.get(&(epoch, p.shard));
                !done.is_some_and(|d| d.contains_range(p.first.0, p.last.0))
            });
            self.out.index.insert(at, epoch, &parts, false);
        }
        for (token, (segment, message)) in std::mem::take(&mut self.described) {
            if !self.noted.contains(&token) {
                self.out.index.describe(token, segment, message);
            }
        }
        let mut all = self.done;
        for (key, seqs) in segments.iter().flat_map(|s| &s.found) {
            all.entry(*key).or_default().union(seqs);
        }
        for (i, segment) in segments.iter().enumerate().filter(|(_, s)| s.damaged) {
            self.out.damaged.push(segment.id);
            lost_in(segment, segments.get(i + 1), &all, &mut self.out.lost);
        }
        self.out
    }
}
