//! Numbers that are given up and not held.

use super::HeldSection;
use super::synced::Synced;
use crate::error::StoreError;
use crate::losses::GapRecord;
use crate::runs::batches::Source;
use event::{Bucket, Seq, Shard};
use placement::{Interval, IntervalSet};
use std::collections::BTreeMap;

/// What a gap costs to send, about.
const GAP_BYTES: u32 = 96;

impl Synced<'_> {
    /// What is given up and not held of a shard, by source, ascending, disjoint and not adjacent; of each the bucket of the record that covers its
    /// first number. Equal wherever the same numbers are given up and the same are held, however the gaps were cut.
    pub fn gaps(&self, shard: Shard) -> Result<Vec<HeldSection>, StoreError> {
        let mut by_source: BTreeMap<Source, Vec<(Bucket, GapRecord)>> = BTreeMap::new();
        for (bucket, gap) in self.gap_records().filter(|(_, gap)| gap.shard == shard) {
            let records = by_source.entry((gap.producer, gap.epoch)).or_default();
            records.push((bucket, gap));
        }
        let mut left = Vec::new();
        for (source, records) in by_source {
            let interval = |(_, gap): &(Bucket, GapRecord)| Interval {
                first: gap.first.0,
                last: gap.last.0,
            };
            let given_up: IntervalSet = records.iter().map(interval).collect();
            let group = self.group(source, shard)?.unwrap_or_default();
            let held = group
                .shards
                .get(&shard)
                .map(|held| held.data.clone())
                .unwrap_or_default();
            for part in given_up.iter().flat_map(|all| held.gaps(all.first, all.last)) {
                let covers =
                    |(_, gap): &&(Bucket, GapRecord)| gap.first.0 <= part.first && part.first <= gap.last.0;
                left.push(HeldSection {
                    producer: source.0,
                    epoch: source.1,
                    shard,
                    first: Seq(part.first),
                    last: Seq(part.last),
                    gap: true,
                    bucket: records
                        .iter()
                        .find(covers)
                        .map(|(bucket, _)| *bucket)
                        .unwrap_or_default(),
                    content: 0,
                    bytes: GAP_BYTES,
                });
            }
        }
        Ok(left)
    }

    /// All gaps that were stored, with their buckets.
    pub(super) fn gap_records(&self) -> impl Iterator<Item = (Bucket, GapRecord)> + '_ {
        self.buckets.iter().flat_map(|(bucket, slice)| {
            let runs = slice.runs.iter().flat_map(|(_, run)| &run.record.gaps);
            let frames = slice.frames.iter().flat_map(|frame| &frame.gaps);
            runs.chain(frames).map(|gap| (*bucket, *gap))
        })
    }
}
