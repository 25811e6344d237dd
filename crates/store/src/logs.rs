//! Log records: as OTLP had them, a request an entry, compressed. In memory is, of each entry, its time and its traces.
//!
//! Family `logs`: bucket u32, arrival u64. Value: u32 length of what follows decompressed, then one zstd frame with an
//! `ExportLogsServiceRequest`.

mod batches;
mod frame;

pub(crate) use batches::{BATCHES, key as batch_key, read_key, read_value, shard_prefix, source_prefix};
pub use frame::log_shard;
pub(crate) use frame::{LogPart, RawSection, is_logs, read_logs, write_logs};

use crate::bytes::Reader;
use crate::counters::add;
use crate::damage::Damage;
use crate::error::StoreError;
use crate::runs::batches::Digests;
use crate::spans::keys;
use crate::state::Shared;
use event::{Bucket, LogRecord, TraceId};
use parking_lot::RwLock;
use rocksdb::WriteBatch;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wire::otlp::{decode_logs, encode_logs};

/// Name of the family.
pub(crate) const FAMILY: &str = "logs";
const ZSTD_LEVEL: i32 = 1;
/// Greatest entry, decompressed: what the doors accept, with room.
const ENTRY_BYTES_MAX: usize = 128 << 20;

/// What is known of an entry without reading it.
#[derive(Debug)]
pub(crate) struct LogEntry {
    records: u32,
    /// Least and greatest time, Unix nanoseconds.
    time: (u64, u64),
    /// The lower halves of its trace ids, ascending.
    traces: Box<[u64]>,
}

/// The logs of a store.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    entries: RwLock<BTreeMap<(Bucket, u64), Arc<LogEntry>>>,
    /// Of all batches, by bucket.
    pub(crate) digests: RwLock<BTreeMap<Bucket, Digests>>,
    next_arrival: AtomicU64,
}

/// Which log records.
#[derive(Clone, Copy, Debug)]
pub struct LogFilter {
    /// Of this trace only.
    pub trace: Option<TraceId>,
    /// Unix nanoseconds, both included.
    pub range: (u64, u64),
    /// At least this severity, 1 to 24; 0 = any.
    pub severity: u8,
    /// At most so many, the newest.
    pub limit: usize,
}

/// When a record happened, or was seen.
fn time_of(record: &LogRecord) -> u64 {
    if record.time_ns == 0 {
        record.observed_ns
    } else {
        record.time_ns
    }
}

impl LogEntry {
    fn of(records: &[LogRecord]) -> Self {
        let with_trace = records.iter().filter(|record| record.trace.0 != 0);
        let mut traces: Vec<u64> = with_trace.map(|record| record.trace.0 as u64).collect();
        traces.sort_unstable();
        traces.dedup();
        Self {
            records: records.len() as u32,
            time: (
                records.iter().map(time_of).min().unwrap_or_default(),
                records.iter().map(time_of).max().unwrap_or_default(),
            ),
            traces: traces.into(),
        }
    }

    fn may_have(&self, filter: &LogFilter) -> bool {
        let of_trace = filter
            .trace
            .is_none_or(|trace| self.traces.binary_search(&(trace.0 as u64)).is_ok());
        of_trace && self.time.0 <= filter.range.1 && self.time.1 >= filter.range.0
    }
}

fn damage(what: &'static str) -> StoreError {
    StoreError::Damaged(Damage { family: FAMILY, what })
}

fn compress(records: &[LogRecord]) -> Result<Vec<u8>, StoreError> {
    let request = encode_logs(records);
    let packed =
        zstd::bulk::compress(&request, ZSTD_LEVEL).map_err(|error| StoreError::Read(error.to_string()))?;
    let mut value = (request.len() as u32).to_be_bytes().to_vec();
    value.extend_from_slice(&packed);
    Ok(value)
}

fn decompress(value: &[u8]) -> Result<Vec<LogRecord>, StoreError> {
    let mut r = Reader::new(FAMILY, value);
    let length = r.u32_be()? as usize;
    if length > ENTRY_BYTES_MAX {
        return Err(damage("longer than an entry may be"));
    }
    let request = zstd::bulk::decompress(r.rest(), length).map_err(|_| damage("does not decompress"))?;
    let decoded = decode_logs(&request).map_err(|_| damage("is no request of logs"))?;
    Ok(decoded.records)
}

impl Shared {
    pub(crate) fn open_logs(&self) -> Result<(), StoreError> {
        let mut entries = self.logs.entries.write();
        let mut next = 0;
        for item in self.db.scan(FAMILY, &[]) {
            let (key, value) = item?;
            let (bucket, arrival) = keys::read_frame(&key)?;
            next = next.max(arrival + 1);
            match decompress(&value) {
                Ok(records) => drop(entries.insert((bucket, arrival), Arc::new(LogEntry::of(&records)))),
                Err(error) => {
                    tracing::error!(%error, %bucket, arrival, "stored logs are damaged");
                    add(&self.counters.damaged_frames, 1);
                }
            }
        }
        drop(entries);
        self.logs.next_arrival.store(next, Ordering::Relaxed);
        self.open_log_batches()
    }

    /// Stores records and returns when they are on disk, fsynced.
    pub(crate) fn append_logs(&self, bucket: Bucket, records: &[LogRecord]) -> Result<(), StoreError> {
        if records.is_empty() || bucket < self.floor() {
            return Ok(());
        }
        self.check_writable()?;
        let value = compress(records)?;
        self.check_space(value.len() as u64)?;
        let arrival = self.logs.next_arrival.fetch_add(1, Ordering::Relaxed);
        let mut batch = WriteBatch::default();
        batch.put_cf(self.db.family(FAMILY), keys::frame(bucket, arrival), value);
        self.write(batch, true)?;
        add(&self.counters.logs, records.len() as u64);
        self.logs
            .entries
            .write()
            .insert((bucket, arrival), Arc::new(LogEntry::of(records)));
        Ok(())
    }

    /// Records that a filter accepts, the newest first.
    pub(crate) fn find_logs(&self, filter: &LogFilter) -> Result<Vec<LogRecord>, StoreError> {
        let places: Vec<(Bucket, u64)> = {
            let entries = self.logs.entries.read();
            entries
                .iter()
                .rev()
                .filter(|(_, entry)| entry.may_have(filter))
                .map(|(place, _)| *place)
                .collect()
        };
        let mut found: Vec<LogRecord> = Vec::new();
        for (bucket, arrival) in places {
            let Some(value) = self.db.get(FAMILY, &keys::frame(bucket, arrival))? else {
                continue;
            };
            let wanted = |record: &LogRecord| {
                let within = (filter.range.0..=filter.range.1).contains(&time_of(record));
                within
                    && record.severity >= filter.severity
                    && filter.trace.is_none_or(|trace| record.trace == trace)
            };
            found.extend(decompress(&value)?.into_iter().filter(wanted));
            // Entries come newest first, but their records may interleave: cut late.
            if found.len() > filter.limit.saturating_mul(4).saturating_add(10_000) {
                break;
            }
        }
        found.sort_by_key(|record| std::cmp::Reverse(time_of(record)));
        found.truncate(filter.limit);
        Ok(found)
    }

    /// Forgets buckets below a floor; how many records they had.
    pub(crate) fn forget_logs(&self, floor: Bucket) -> u64 {
        let mut digests = self.logs.digests.write();
        *digests = digests.split_off(&floor);
        drop(digests);
        let mut entries = self.logs.entries.write();
        let kept = entries.split_off(&(floor, 0));
        let gone = std::mem::replace(&mut *entries, kept);
        gone.values().map(|entry| u64::from(entry.records)).sum()
    }

    /// How many records each bucket has.
    pub(crate) fn log_counts(&self) -> BTreeMap<Bucket, u64> {
        let mut counts = BTreeMap::new();
        for ((bucket, _), entry) in &*self.logs.entries.read() {
            *counts.entry(*bucket).or_default() += u64::from(entry.records);
        }
        counts
    }

    /// Shows the records of a bucket, an entry at a time, in order of arrival. How many entries could not be read.
    pub(crate) fn visit_bucket_logs(
        &self,
        bucket: Bucket,
        visit: &mut dyn FnMut(Vec<LogRecord>) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        let arrivals: Vec<u64> = {
            let entries = self.logs.entries.read();
            let of = entries.range((bucket, 0)..=(bucket, u64::MAX));
            of.map(|((_, arrival), _)| *arrival).collect()
        };
        let mut damaged = 0;
        for arrival in arrivals {
            let value = self.db.get(FAMILY, &keys::frame(bucket, arrival))?;
            let read = value.as_deref().map(decompress);
            match read {
                Some(Ok(records)) => {
                    if visit(records).is_break() {
                        break;
                    }
                }
                // Dropped since its entries were listed.
                None if bucket < self.floor() => break,
                failed => {
                    tracing::error!(?failed, %bucket, arrival, "stored logs cannot be read");
                    damaged += 1;
                }
            }
        }
        Ok(damaged)
    }

    /// Are there logs in a bucket below a floor?
    pub(crate) fn has_logs_below(&self, floor: Bucket) -> bool {
        self.logs.entries.read().range(..(floor, 0)).next().is_some()
    }
}
