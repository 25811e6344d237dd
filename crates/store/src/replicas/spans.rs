//! Batches of spans as frames: those that are not sealed as the frames that they came in, others as a copy of all spans of their shard and
//! bucket (`spans/copied.rs`) if these make one page, else page by page (`pages.rs`).

use super::synced::{Slice, Synced};
use super::{CutFrame, HeldSection};
use crate::error::StoreError;
use crate::runs::batches::Source;
use crate::spans::{COPIED_BATCHES_MAX, keys, write_copied};
use event::{Bucket, Seq, Shard};
use std::collections::{BTreeMap, BTreeSet};
use wire::spans::SpanFrame;

/// A number of a batch in a bucket.
type Number = (Source, Shard, Seq);

impl Synced<'_> {
    /// Frames of the batches of spans among these.
    pub(super) fn span_frames(
        &self,
        bucket: Bucket,
        wanted: &BTreeMap<Number, HeldSection>,
        made: &mut Vec<CutFrame>,
    ) -> Result<(), StoreError> {
        let Some(slice) = self.buckets.get(&bucket) else {
            return Ok(());
        };
        let mut done = BTreeSet::new();
        for frame in slice.span_frames.iter().filter(|frame| !frame.copied) {
            let of = |(shard, seq, _): &(Shard, Seq, u64)| (frame.source, *shard, *seq);
            if !frame.batches.iter().any(|batch| wanted.contains_key(&of(batch))) {
                continue;
            }
            let Some(bytes) = self.get(keys::FRAMES, &keys::frame(bucket, frame.arrival))? else {
                continue;
            };
            let Ok(read) = SpanFrame::open(&bytes) else {
                tracing::error!(%bucket, "a stored frame of spans is damaged and is not copied");
                continue;
            };
            let mut cut = CutFrame::default();
            for (at, section) in (0u16..).zip(read.sections()) {
                let number = (frame.source, section.shard, section.seq);
                if let Some(section) = wanted
                    .get(&number)
                    .filter(|_| frame.uncounted.binary_search(&at).is_err())
                {
                    cut.positions.push(at);
                    cut.sections.push(*section);
                    done.insert(number);
                }
            }
            cut.bytes = bytes;
            made.push(cut);
        }
        let mut merged: BTreeMap<(Shard, Source), Vec<HeldSection>> = BTreeMap::new();
        for (number, section) in wanted.iter().filter(|(number, _)| !done.contains(number)) {
            merged.entry((number.1, number.0)).or_default().push(*section);
        }
        // One shard after the other: its spans are gathered once for all sources.
        let shards: BTreeSet<Shard> = merged.keys().map(|(shard, _)| *shard).collect();
        for shard in shards {
            let mut frames: Option<Option<Vec<Vec<u8>>>> = None;
            for ((_, source), sections) in merged
                .range((shard, Source::default())..)
                .take_while(|((of, _), _)| *of == shard)
            {
                let here = self.merged_batches(bucket, slice, shard, *source)?;
                let of = |s: &HeldSection| Some((*s, here.get(&s.first).copied()?));
                let found: Vec<_> = sections.iter().filter_map(of).take(COPIED_BATCHES_MAX).collect();
                if found.is_empty() {
                    continue;
                }
                let frames = match &frames {
                    Some(frames) => frames,
                    None => frames.insert(self.one_page(bucket, slice, shard).unwrap_or_else(|error| {
                        tracing::error!(%error, %bucket, %shard, "spans cannot be read and are not copied");
                        None
                    })),
                };
                // More than a page comes page by page.
                let Some(frames) = frames else { break };
                let batches: Vec<(Seq, u64)> = found.iter().map(|(s, content)| (s.first, *content)).collect();
                let Some(bytes) = write_copied((shard, bucket), *source, &batches, frames) else {
                    break;
                };
                made.push(CutFrame {
                    bytes,
                    positions: (0..found.len() as u16).collect(),
                    sections: found.into_iter().map(|(section, _)| section).collect(),
                });
            }
        }
        Ok(())
    }

    /// The batches of a source that lie in runs, or came in copies.
    pub(super) fn merged_batches(
        &self,
        bucket: Bucket,
        slice: &Slice,
        shard: Shard,
        source: Source,
    ) -> Result<BTreeMap<Seq, u64>, StoreError> {
        let frames = slice
            .span_frames
            .iter()
            .filter(|frame| frame.copied && frame.source == source);
        let copied = frames
            .flat_map(|frame| &frame.batches)
            .filter(|(of, _, _)| *of == shard);
        let mut all: BTreeMap<Seq, u64> = copied.map(|(_, seq, content)| (*seq, *content)).collect();
        for (run, _) in &slice.span_runs {
            let list = self.list_of(keys::BATCHES, (bucket, *run), shard)?;
            all.extend(list.of(source).iter().copied());
        }
        Ok(all)
    }
}
