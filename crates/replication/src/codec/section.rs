//! Sections in bytes. Most of a message are of one producer and bucket: what is as in the section before is left out.

use super::SECTIONS_MAX;
use crate::section::{Section, Source};
use event::{Bucket, Epoch, Producer, Seq, Shard};
use wire::DecodeError;
use wire::bytes::{Put, Reader};

/// Bits of a section's first byte.
const GAP: u8 = 1;
const SOURCE: u8 = 2;
const BUCKET: u8 = 4;

/// Bytes of the shortest section: head, shard, first, last - first, bytes.
const LEAST: usize = 6;

/// Writes sections one after the other.
#[derive(Default)]
pub(super) struct Writing(Section);

impl Writing {
    pub(super) fn put(&mut self, out: &mut Vec<u8>, section: &Section) {
        let differs = |bit: u8, differs: bool| if differs { bit } else { 0 };
        let before = std::mem::replace(&mut self.0, *section);
        let source = before.source != section.source;
        let bucket = before.bucket != section.bucket;
        out.put_u8(differs(GAP, section.gap) | differs(SOURCE, source) | differs(BUCKET, bucket));
        if source {
            put_source(out, section.source);
        }
        if bucket {
            out.put_u32(section.bucket.0);
        }
        out.put_u16(section.shard.0);
        out.put_varint(section.first.0);
        if section.gap {
            out.put_varint(section.last.0.saturating_sub(section.first.0));
        } else {
            out.put_u64(section.content);
        }
        out.put_varint(u64::from(section.bytes));
    }
}

/// Reads sections one after the other.
#[derive(Default)]
pub(super) struct Reading(Section);

impl Reading {
    pub(super) fn next(&mut self, r: &mut Reader<'_>) -> Result<Section, DecodeError> {
        let head = r.u8()?;
        if head & !(GAP | SOURCE | BUCKET) != 0 {
            return Err(DecodeError::Unknown {
                what: "head of a section",
                code: u64::from(head),
            });
        }
        if head & SOURCE != 0 {
            self.0.source = source(r)?;
        }
        if head & BUCKET != 0 {
            self.0.bucket = Bucket(r.u32()?);
        }
        let s = &mut self.0;
        s.shard = Shard(r.u16()?);
        s.first = Seq(r.varint()?);
        s.gap = head & GAP != 0;
        (s.last, s.content) = if s.gap {
            let more = r.varint()?;
            let last = s.first.0.checked_add(more).ok_or(DecodeError::Range {
                what: "last number of a gap",
                value: more,
                max: u64::MAX - s.first.0,
            })?;
            (Seq(last), 0)
        } else {
            (s.first, r.u64()?)
        };
        let bytes = r.varint()?;
        s.bytes = u32::try_from(bytes).map_err(|_| DecodeError::Range {
            what: "bytes of a section",
            value: bytes,
            max: u64::from(u32::MAX),
        })?;
        Ok(*s)
    }
}

pub(super) fn put_source(out: &mut Vec<u8>, source: Source) {
    out.put_u128(source.producer.0);
    out.put_u64(source.epoch.0);
}

pub(super) fn source(r: &mut Reader<'_>) -> Result<Source, DecodeError> {
    Ok(Source {
        producer: Producer(r.u128()?),
        epoch: Epoch(r.u64()?),
    })
}

pub(super) fn put_sections(out: &mut Vec<u8>, sections: &[Section]) {
    out.put_u32(sections.len() as u32);
    let mut writing = Writing::default();
    for section in sections {
        writing.put(out, section);
    }
}

pub(super) fn sections(r: &mut Reader<'_>) -> Result<Vec<Section>, DecodeError> {
    let n = count(r, SECTIONS_MAX, LEAST)?;
    let mut reading = Reading::default();
    exactly(n, || reading.next(r))
}

/// That many of what `next` gives, in memory for that many.
pub(super) fn exactly<T>(
    n: usize,
    mut next: impl FnMut() -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut all = Vec::with_capacity(n);
    for _ in 0..n {
        all.push(next()?);
    }
    Ok(all)
}

/// A number of entries: not above `max`, and not more than the bytes that are left can hold.
pub(super) fn count(r: &mut Reader<'_>, max: usize, each: usize) -> Result<usize, DecodeError> {
    let n = r.u32()?;
    if n as usize > max {
        return Err(DecodeError::Range {
            what: "entries",
            value: u64::from(n),
            max: max as u64,
        });
    }
    Ok(r.count(n as usize, each)?)
}

/// Bytes of the shortest section of an `Append`: its position and itself.
pub(super) const PLACED_LEAST: usize = 2 + LEAST;
