//! Frames of logs: batches of records of one producer's life in one bucket, on their way between members and to the disk.
//!
//! ```text
//! 4 ESL1   u128 producer   u64 epoch   u64 HLC   u32 bucket
//! varint sections, each: u16 shard, varint seq, u32 length, an entry as `logs` has it      u64 xxh3-64 of all before
//! ```
//!
//! Big-endian, as on the disk. An entry stays what it is, so that a batch can be cut out at any time; its content hash is xxh3-64 of the entry.

use super::{LogEntry, compress, decompress};
use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::digest::{FrameDigest, FrameToStore, SectionDigest};
use crate::error::StoreError;
use event::{Bucket, Epoch, Hlc, LogRecord, Producer, Seq, Shard};
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::Arc;
use wire::frame::FrameError;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

const MAGIC: &[u8; 4] = b"ESL1";
/// Sections of a frame.
const SECTIONS_MAX: usize = 4096;
/// Longest frame, in bytes: an entry of what the doors accept, should it not be compressible, and room.
const FRAME_BYTES_MAX: usize = 48 << 20;

/// An entry in a frame, and what the index must know of it.
#[derive(Debug)]
pub(crate) struct LogPart {
    pub(crate) range: Range<usize>,
    pub(crate) entry: Arc<LogEntry>,
}

/// An entry on its way into a frame: shard, number, entry.
pub(crate) type RawSection = (Shard, Seq, Vec<u8>);

/// Is it a frame of logs?
pub(crate) fn is_logs(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// The shard of a record: of its trace; in no trace by the name of its service, so that what a service says stays together.
pub fn log_shard(record: &LogRecord, shards: NonZeroU16) -> Shard {
    if record.trace.0 != 0 {
        return placement::shard_of(record.trace, shards);
    }
    let hash = xxh3_64(record.resource.service().as_bytes());
    Shard((hash % u64::from(shards.get())) as u16)
}

impl FrameToStore {
    /// Log records as a frame, a batch a shard, in their order; `seq_of` numbers the batch of each shard, ascending by shard.
    pub fn of_logs(
        (producer, epoch): (Producer, Epoch),
        (hlc, bucket): (Hlc, Bucket),
        shards: NonZeroU16,
        records: &[LogRecord],
        mut seq_of: impl FnMut(Shard) -> Seq,
    ) -> Result<Self, StoreError> {
        let mut by_shard: BTreeMap<Shard, Vec<LogRecord>> = BTreeMap::new();
        for record in records {
            by_shard
                .entry(log_shard(record, shards))
                .or_default()
                .push(record.clone());
        }
        let mut sections = Vec::with_capacity(by_shard.len());
        for (shard, records) in by_shard {
            sections.push((shard, seq_of(shard), compress(&records)?));
        }
        let bytes = write_logs((producer, epoch), (hlc, bucket), &sections);
        Self::new(bytes).map_err(|error| {
            tracing::error!(%error, "a frame of logs does not read back");
            super::damage("a frame of logs does not read back")
        })
    }
}

/// A frame of these sections.
pub(crate) fn write_logs(
    (producer, epoch): (Producer, Epoch),
    (hlc, bucket): (Hlc, Bucket),
    sections: &[RawSection],
) -> Vec<u8> {
    let length: usize = sections.iter().map(|(_, _, entry)| entry.len() + 16).sum();
    let mut out = Vec::with_capacity(length + 64);
    out.raw(MAGIC);
    out.u128_be(producer.0);
    out.u64_be(epoch.0);
    out.u64_be(hlc.0);
    out.u32_be(bucket.0);
    out.varint(sections.len() as u64);
    for (shard, seq, entry) in sections {
        out.u16_be(shard.0);
        out.varint(seq.0);
        out.u32_be(entry.len() as u32);
        out.raw(entry);
    }
    let hash = xxh3_64(&out);
    out.u64_be(hash);
    out
}

/// Checks a frame wholly: each of its entries decompresses and decodes.
pub(crate) fn read_logs(bytes: &[u8]) -> Result<(FrameDigest, Vec<LogPart>), FrameError> {
    let wrong = |what| FrameError::Disagree {
        what,
        found: 0,
        expected: 1,
    };
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(FrameError::PayloadTooLarge(u32::MAX));
    }
    let (head, places) = read_sections(bytes).map_err(|_| wrong("frame of logs"))?;
    let (mut parts, mut sections) = (Vec::new(), Vec::new());
    for (shard, seq, range) in places {
        let entry = bytes.get(range.clone()).unwrap_or_default();
        let records = decompress(entry).map_err(|_| wrong("entry of logs"))?;
        sections.push(SectionDigest::of_spans(
            shard,
            seq,
            xxh3_64(entry),
            records.len() as u32,
        ));
        parts.push(LogPart {
            range,
            entry: Arc::new(LogEntry::of(&records)),
        });
    }
    Ok((FrameDigest::of_spans(head, xxh3_128(bytes), sections), parts))
}

type Head = (Producer, Epoch, Bucket, Hlc);
type Places = Vec<(Shard, Seq, Range<usize>)>;

fn read_sections(bytes: &[u8]) -> Result<(Head, Places), Damage> {
    let mut r = Reader::new("frame of logs", bytes);
    let Some((body, hash)) = bytes.split_last_chunk::<8>() else {
        return Err(r.damage("cut off"));
    };
    if xxh3_64(body) != u64::from_be_bytes(*hash) {
        return Err(r.damage("not what was sent"));
    }
    r.set_rest(body);
    if r.take(4)? != MAGIC {
        return Err(r.damage("no frame of logs"));
    }
    let (producer, epoch) = (Producer(r.u128_be()?), Epoch(r.u64_be()?));
    let (hlc, bucket) = (Hlc(r.u64_be()?), Bucket(r.u32_be()?));
    let n = r.count(7)?;
    if n > SECTIONS_MAX {
        return Err(r.damage("too many sections"));
    }
    let mut places = Vec::with_capacity(n);
    for _ in 0..n {
        let (shard, seq) = (Shard(r.u16_be()?), Seq(r.varint()?));
        if seq.0 == 0 {
            return Err(r.damage("number 0"));
        }
        let length = r.u32_be()? as usize;
        let start = body.len() - r.rest().len();
        r.take(length)?;
        places.push((shard, seq, start..start + length));
    }
    r.end()?;
    Ok(((producer, epoch, bucket, hlc), places))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any sections. Guarantee: they come back; a flipped bit is found.
        #[test]
        fn round_trip(p: u128, e: u64, h: u64, b: u32, sections in prop::collection::vec((any::<u16>(), 1..u64::MAX, prop::collection::vec(any::<u8>(), 0..30)), 0..6), flip: prop::sample::Index) {
            let sections: Vec<RawSection> = sections.into_iter().map(|(s, q, entry)| (Shard(s), Seq(q), entry)).collect();
            let mut bytes = write_logs((Producer(p), Epoch(e)), (Hlc(h), Bucket(b)), &sections);
            let (head, places) = read_sections(&bytes).unwrap();
            prop_assert_eq!(head, (Producer(p), Epoch(e), Bucket(b), Hlc(h)));
            let read: Vec<RawSection> = places.into_iter().map(|(s, q, range)| (s, q, bytes[range].to_vec())).collect();
            prop_assert_eq!(read, sections);
            let at = flip.index(bytes.len());
            bytes[at] ^= 2;
            prop_assert!(read_sections(&bytes).is_err());
        }

        /// Scenario: any bytes behind the first four, with a right hash. Guarantee: a frame or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut all = [MAGIC.as_slice(), &bytes].concat();
            let hash = xxh3_64(&all);
            all.extend_from_slice(&hash.to_be_bytes());
            let _ = (read_sections(&all), read_logs(&all), read_logs(&bytes));
        }
    }
}
