//! Batches as frames of their own, out of the frames or runs in which they lie.

use super::HeldSection;
use super::pieces::{Piece, Pieces};
use super::synced::Synced;
use crate::error::StoreError;
use crate::events::{OpenFrame, UnitBytes, keys};
use crate::frames;
use crate::losses::GapRecord;
use crate::runs::batches::Source;
use event::{Bucket, Event, Hlc, Seq, Shard};
use std::collections::{BTreeMap, BTreeSet};
use wire::events::content_hash;
use wire::frame::{Gap, GapReason};

/// Sections that one call cuts.
pub const CUT_SECTIONS_MAX: usize = 4096;
/// Events that one call has in memory, about: beyond it, batches are left for the next call.
const CUT_EVENTS_MAX: usize = 1 << 20;

/// A frame of some of the sections that were asked for, of one producer's life and bucket, whose content hashes are those of the
/// batches. Read it with [`crate::FrameToStore::new`]. Batches of spans that are not sealed come as the whole frame in which they lie; of those
/// that are sealed all spans of their shard and bucket come, with the list of the batches asked for, if these make one page
/// ([`Synced::span_page`]). Everything else is up to 4 MiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutFrame {
    /// The frame (`docs/wire-format.md`), or a copy of merged spans.
    pub bytes: Vec<u8>,
    /// What of it was asked for, as it was asked for. A frame of spans may have more: [`crate::FrameToStore::choosing`].
    pub sections: Vec<HeldSection>,
    /// The position of each of them in the frame, ascending.
    pub positions: Vec<u16>,
}

/// A number of a batch in a bucket.
type Number = (Source, Shard, Seq);

impl Synced<'_> {
    /// Frames of these batches and gaps, of which only names and buckets are looked at. What lies in the same frame or run is read once, so ask
    /// for several of a bucket at a time, some MiB in all. What is not held, or cannot be read, is left out, and so is what is beyond
    /// [`CUT_SECTIONS_MAX`]: look at what came.
    ///
    /// Out of a run it reads the blocks of the shards asked for; out of one of store format 3, which lies by trace, all.
    pub fn frames(&self, wanted: &[HeldSection]) -> Result<Vec<CutFrame>, StoreError> {
        let wanted = wanted.get(..CUT_SECTIONS_MAX).unwrap_or(wanted);
        let mut by_bucket: BTreeMap<Bucket, BTreeMap<Number, HeldSection>> = BTreeMap::new();
        let (mut pieces, mut made) = (Pieces::default(), Vec::new());
        for section in wanted {
            if section.gap {
                self.cut_gap(section, &mut pieces);
            } else {
                let number = ((section.producer, section.epoch), section.shard, section.first);
                by_bucket
                    .entry(section.bucket)
                    .or_default()
                    .insert(number, *section);
            }
        }
        for (bucket, batches) in by_bucket {
            self.cut_open(bucket, &batches, &mut pieces)?;
            self.cut_sealed(bucket, &batches, &mut pieces)?;
            self.span_frames(bucket, &batches, &mut made)?;
            self.log_frames(bucket, &batches, &mut made)?;
        }
        made.extend(pieces.frames(|keys| self.node_names(keys))?);
        Ok(made)
    }

    /// Those that lie in frames that are not sealed.
    fn cut_open(
        &self,
        bucket: Bucket,
        wanted: &BTreeMap<Number, HeldSection>,
        pieces: &mut Pieces,
    ) -> Result<(), StoreError> {
        for frame in self
            .buckets
            .get(&bucket)
            .into_iter()
            .flat_map(|slice| &slice.frames)
        {
            let of =
                |(shard, seq, _): &&(Shard, Seq, u64)| wanted.contains_key(&(frame.source(), *shard, *seq));
            let here: Vec<(Number, u64)> = frame
                .batches
                .iter()
                .filter(of)
                .map(|(shard, seq, content)| ((frame.source(), *shard, *seq), *content))
                .collect();
            if here.is_empty() || pieces.events() > CUT_EVENTS_MAX {
                continue;
            }
            let Some(bytes) = self.get(frames::FAMILY, &frame.key.by_time())? else {
                continue;
            };
            let mut parts = Parts::new(here);
            if parts.take(&UnitBytes::new(bytes), &counted(frame)) {
                parts.finish(wanted, Some(frame.key.hlc), pieces);
            }
        }
        Ok(())
    }

    /// Those that lie in runs.
    fn cut_sealed(
        &self,
        bucket: Bucket,
        wanted: &BTreeMap<Number, HeldSection>,
        pieces: &mut Pieces,
    ) -> Result<(), StoreError> {
        let shards: BTreeSet<Shard> = wanted.keys().map(|(_, shard, _)| *shard).collect();
        for (number, run) in self
            .buckets
            .get(&bucket)
            .into_iter()
            .flat_map(|slice| &slice.runs)
        {
            let mut here = Vec::new();
            for shard in &shards {
                let list = self.list_of(keys::BATCHES, (bucket, *number), *shard)?;
                let of_shard = wanted.keys().filter(|(_, of, _)| of == shard);
                here.extend(of_shard.filter_map(|of| Some((*of, list.content(of.0, of.2)?))));
            }
            if here.is_empty() || pieces.events() > CUT_EVENTS_MAX {
                continue;
            }
            let mut parts = Parts::new(here);
            let read = run.blocks_with(&shards).try_fold(true, |whole, block| {
                let bytes = self.get(keys::BLOCKS, &keys::block(bucket, *number, block))?;
                let took = bytes.is_some_and(|bytes| parts.take(&UnitBytes::new(bytes), &|_, _| true));
                Ok::<bool, StoreError>(whole && took)
            })?;
            if !read {
                tracing::error!(%bucket, number, "a run cannot be read whole; some of its batches are not copied");
            }
            parts.finish(wanted, None, pieces);
        }
        Ok(())
    }

    /// A gap, if all of it is given up here.
    fn cut_gap(&self, section: &HeldSection, pieces: &mut Pieces) {
        let same = |gap: &GapRecord| {
            (gap.producer, gap.epoch, gap.shard) == (section.producer, section.epoch, section.shard)
        };
        let mut records: Vec<GapRecord> = self.gap_records().map(|(_, gap)| gap).filter(same).collect();
        records.sort_unstable_by_key(|gap| (gap.first, gap.last));
        let mut next = section.first;
        let mut found: Option<&GapRecord> = None;
        for gap in &records {
            if gap.first <= next && gap.last >= next {
                found = found.or(Some(gap));
                next = Seq(gap.last.0.saturating_add(1));
            }
        }
        let Some(record) = found.filter(|_| next > section.last) else {
            return;
        };
        let exact = (record.first, record.last) == (section.first, section.last);
        let gap = Gap {
            last_seq: section.last,
            reason: GapReason::try_from(record.reason).unwrap_or(GapReason::SpoolCorrupt),
            // Of a part nobody knows.
            events: if exact { record.events } else { 0 },
        };
        pieces.add(section, record.hlc, Piece::Gap(gap));
    }
}

/// Of a frame the batches that count: another one may hold the same number.
fn counted(frame: &OpenFrame) -> impl Fn(Shard, Seq) -> bool + '_ {
    |shard, seq| {
        frame
            .batches
            .iter()
            .any(|(of, known, _)| (*of, *known) == (shard, seq))
    }
}

/// Batches on their way out of a frame or a run.
struct Parts {
    /// By number: the hash that it must have, and its rows so far, by the first of each part.
    batches: BTreeMap<Number, (u64, BTreeMap<u32, Vec<Event>>)>,
}

impl Parts {
    fn new(batches: Vec<(Number, u64)>) -> Self {
        let empty = |(number, content)| (number, (content, BTreeMap::new()));
        Self {
            batches: batches.into_iter().map(empty).collect(),
        }
    }

    /// Takes what a frame or block has of them. False: it cannot be read.
    fn take(&mut self, unit: &UnitBytes, counts: &dyn Fn(Shard, Seq) -> bool) -> bool {
        let wanted = |source: Source, shard, seq| {
            self.batches.contains_key(&(source, shard, seq)) && counts(shard, seq)
        };
        let read =
            unit.with(|frame| frame.events_of(|run| wanted((run.producer, run.epoch), run.shard, run.seq)));
        let Ok(found) = read.inspect_err(|error| tracing::error!(%error, "stored events cannot be read"))
        else {
            return false;
        };
        for (run, events) in found {
            let number = ((run.producer, run.epoch), run.shard, run.seq);
            if let Some((_, rows)) = self.batches.get_mut(&number) {
                rows.insert(run.first_row, events);
            }
        }
        true
    }

    /// Hands over what is whole: with the hash that it was stored with.
    fn finish(self, wanted: &BTreeMap<Number, HeldSection>, hlc: Option<Hlc>, pieces: &mut Pieces) {
        for (number, (content, rows)) in self.batches {
            let events: Vec<Event> = rows.into_values().flatten().collect();
            if content_hash(&events) != content {
                tracing::error!(producer = %number.0.0, seq = number.2.0, "a batch is not what was stored and is not copied");
                continue;
            }
            let latest = || events.iter().map(|event| event.hlc).max().unwrap_or_default();
            if let Some(section) = wanted.get(&number) {
                pieces.add(section, hlc.unwrap_or_else(latest), Piece::Events(events));
            }
        }
    }
}
