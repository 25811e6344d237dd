//! Batches of logs: asked for and cut out of their entries.

use super::synced::Synced;
use super::{CutFrame, HeldSection};
use crate::error::StoreError;
use crate::logs::{self, RawSection, read_key, read_value, shard_prefix, source_prefix, write_logs};
use crate::runs::batches::Source;
use crate::spans::keys;
use event::{Bucket, Hlc, Seq, Shard};
use std::collections::BTreeMap;

/// What the entries of one frame take, about.
const FRAME_BYTES: usize = 4 << 20;

type Number = (Source, Shard, Seq);

impl Synced<'_> {
    /// Shows the batches of logs of a shard in a bucket: source, number, content.
    pub(super) fn log_batches(
        &self,
        shard: Shard,
        bucket: Bucket,
        each: &mut dyn FnMut(Source, Seq, u64),
    ) -> Result<(), StoreError> {
        for item in self.scan(logs::BATCHES, &shard_prefix(bucket, shard), &[]) {
            let (key, value) = item?;
            let (_, _, source, seq) = read_key(&key)?;
            each(source, seq, read_value(&value)?.1);
        }
        Ok(())
    }

    /// At most `max` batches of a source after a number: number, content, bytes.
    pub(super) fn log_list(
        &self,
        (shard, bucket): (Shard, Bucket),
        source: Source,
        after: Seq,
        max: usize,
    ) -> Result<Vec<(Seq, u64, u32)>, StoreError> {
        let mut found = Vec::new();
        let prefix = source_prefix(bucket, shard, source);
        let from = after.0.saturating_add(1).to_be_bytes();
        for item in self.scan(logs::BATCHES, &prefix, &from).take(max) {
            let (key, value) = item?;
            let (_, _, _, seq) = read_key(&key)?;
            if seq > after {
                found.push((seq, read_value(&value)?.1, LOG_BYTES));
            }
        }
        Ok(found)
    }

    /// Frames of the batches of logs among these.
    pub(super) fn log_frames(
        &self,
        bucket: Bucket,
        wanted: &BTreeMap<Number, HeldSection>,
        made: &mut Vec<CutFrame>,
    ) -> Result<(), StoreError> {
        let mut by_source: BTreeMap<Source, Vec<(HeldSection, RawSection)>> = BTreeMap::new();
        for ((source, shard, seq), section) in wanted {
            let key = logs::batch_key(bucket, *shard, *source, *seq);
            let Some(value) = self.get(logs::BATCHES, &key)? else {
                continue;
            };
            let (arrival, _) = read_value(&value)?;
            let Some(entry) = self.get(logs::FAMILY, &keys::frame(bucket, arrival))? else {
                continue;
            };
            let of_source = by_source.entry(*source).or_default();
            of_source.push((*section, (*shard, *seq, entry)));
        }
        for (source, all) in by_source {
            let mut some: Vec<(HeldSection, RawSection)> = Vec::new();
            let mut bytes = 0;
            for part in all {
                bytes += part.1.2.len();
                some.push(part);
                if bytes >= FRAME_BYTES {
                    made.push(frame(source, bucket, std::mem::take(&mut some)));
                    bytes = 0;
                }
            }
            if !some.is_empty() {
                made.push(frame(source, bucket, some));
            }
        }
        Ok(())
    }
}

/// What an entry is said to take: how long it is only it itself says.
const LOG_BYTES: u32 = 4096;

fn frame(source: Source, bucket: Bucket, parts: Vec<(HeldSection, RawSection)>) -> CutFrame {
    let (sections, raw): (Vec<HeldSection>, Vec<RawSection>) = parts.into_iter().unzip();
    CutFrame {
        bytes: write_logs(source, (Hlc(0), bucket), &raw),
        positions: (0..sections.len()).map(|at| at as u16).collect(),
        sections,
    }
}
