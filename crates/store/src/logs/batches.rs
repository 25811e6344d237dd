//! Family `log_batches`: which entries of `logs` are which batches. Key: bucket u32, shard u16, producer u128, epoch u64, seq u64; value: arrival
//! u64 and content u64. An entry that came without an identity has none.

use super::{FAMILY, LogEntry};
use crate::bytes::{Put, Reader};
use crate::counters::add;
use crate::damage::Damage;
use crate::digest::{FrameToStore, Kind};
use crate::error::StoreError;
use crate::runs::batches::Source;
use crate::spans::keys;
use crate::state::Shared;
use event::{Bucket, Epoch, Producer, Seq, Shard};
use rocksdb::WriteBatch;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Name of the family.
pub(crate) const BATCHES: &str = "log_batches";

/// What the keys of a shard of a bucket begin with.
pub(crate) fn shard_prefix(bucket: Bucket, shard: Shard) -> Vec<u8> {
    let mut key = Vec::with_capacity(38);
    key.u32_be(bucket.0);
    key.u16_be(shard.0);
    key
}

/// What the keys of a source of a shard of a bucket begin with.
pub(crate) fn source_prefix(bucket: Bucket, shard: Shard, (producer, epoch): Source) -> Vec<u8> {
    let mut key = shard_prefix(bucket, shard);
    key.u128_be(producer.0);
    key.u64_be(epoch.0);
    key
}

pub(crate) fn key(bucket: Bucket, shard: Shard, source: Source, seq: Seq) -> Vec<u8> {
    let mut key = source_prefix(bucket, shard, source);
    key.u64_be(seq.0);
    key
}

/// Bucket, shard, source and number of a key.
pub(crate) fn read_key(key: &[u8]) -> Result<(Bucket, Shard, Source, Seq), Damage> {
    let mut r = Reader::new(BATCHES, key);
    let (bucket, shard) = (Bucket(r.u32_be()?), Shard(r.u16_be()?));
    let source = (Producer(r.u128_be()?), Epoch(r.u64_be()?));
    let seq = Seq(r.u64_be()?);
    r.end()?;
    Ok((bucket, shard, source, seq))
}

fn value(arrival: u64, content: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    out.u64_be(arrival);
    out.u64_be(content);
    out
}

/// Arrival and content of a value.
pub(crate) fn read_value(value: &[u8]) -> Result<(u64, u64), Damage> {
    let mut r = Reader::new(BATCHES, value);
    let read = (r.u64_be()?, r.u64_be()?);
    r.end()?;
    Ok(read)
}

/// An entry on its way into the index.
pub(crate) struct NewLogs {
    place: (Bucket, u64),
    entry: Arc<LogEntry>,
    source: Source,
    batch: (Shard, Seq, u64),
}

impl Shared {
    /// Sums of what is there; once, at start.
    pub(super) fn open_log_batches(&self) -> Result<(), StoreError> {
        let floor = self.floor();
        let mut digests = self.logs.digests.write();
        for item in self.db.scan(BATCHES, &[]) {
            let (key, value) = item?;
            let (bucket, shard, source, seq) = read_key(&key)?;
            let (_, content) = read_value(&value)?;
            if bucket >= floor {
                let of_bucket = digests.entry(bucket).or_default();
                of_bucket.add(source, &[(shard, seq, content)]);
            }
        }
        Ok(())
    }

    /// The content of a batch in a bucket, if it is there.
    pub(crate) fn log_content(
        &self,
        bucket: Bucket,
        shard: Shard,
        source: Source,
        seq: Seq,
    ) -> Result<Option<u64>, StoreError> {
        let found = self.db.get(BATCHES, &key(bucket, shard, source, seq))?;
        Ok(found
            .map(|value| read_value(&value))
            .transpose()?
            .map(|(_, content)| content))
    }

    /// Puts the entries of a frame of logs that are new.
    pub(crate) fn stage_logs(
        &self,
        batch: &mut WriteBatch,
        frame: &FrameToStore,
        new: impl Fn(usize) -> bool,
        staged: &mut Vec<NewLogs>,
    ) {
        let d = &frame.digest;
        let Kind::Logs(parts) = &frame.kind else { return };
        let source = (d.producer, d.epoch);
        for (at, (section, part)) in d.sections.iter().zip(&**parts).enumerate() {
            if !new(at) {
                continue;
            }
            let bytes = frame.bytes.get(part.range.clone()).unwrap_or_default();
            let arrival = self.logs.next_arrival.fetch_add(1, Ordering::Relaxed);
            batch.put_cf(self.db.family(FAMILY), keys::frame(d.bucket, arrival), bytes);
            let key = key(d.bucket, section.shard, source, section.seq);
            let value = value(arrival, section.content);
            batch.put_cf(self.db.family(BATCHES), key, value);
            staged.push(NewLogs {
                place: (d.bucket, arrival),
                entry: Arc::clone(&part.entry),
                source,
                batch: (section.shard, section.seq, section.content),
            });
        }
    }

    /// Entries are on the disk: they are found from now on.
    pub(crate) fn apply_logs(&self, staged: Vec<NewLogs>) {
        if staged.is_empty() {
            return;
        }
        let mut entries = self.logs.entries.write();
        let mut digests = self.logs.digests.write();
        for NewLogs {
            place,
            entry,
            source,
            batch,
        } in staged
        {
            add(&self.counters.logs, u64::from(entry.records));
            digests.entry(place.0).or_default().add(source, &[batch]);
            entries.insert(place, entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any two names and a value. Guarantee: they come back; the bytes' order is the names'; a key begins with its prefixes.
        #[test]
        fn round_trip_and_order(a: (u32, u16, u128, u64, u64), b: (u32, u16, u128, u64, u64), arrival: u64, content: u64) {
            let of = |(b, s, p, e, q)| key(Bucket(b), Shard(s), (Producer(p), Epoch(e)), Seq(q));
            prop_assert_eq!(of(a).cmp(&of(b)), a.cmp(&b));
            prop_assert_eq!(read_key(&of(a)).unwrap(), (Bucket(a.0), Shard(a.1), (Producer(a.2), Epoch(a.3)), Seq(a.4)));
            prop_assert!(of(a).starts_with(&source_prefix(Bucket(a.0), Shard(a.1), (Producer(a.2), Epoch(a.3)))));
            prop_assert!(of(a).starts_with(&shard_prefix(Bucket(a.0), Shard(a.1))));
            prop_assert_eq!(read_value(&value(arrival, content)).unwrap(), (arrival, content));
        }

        /// Scenario: any bytes. Guarantee: a value or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..50)) {
            let _ = (read_key(&bytes), read_value(&bytes));
        }
    }
}
