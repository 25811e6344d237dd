//! From many frames to one run: events merged by shard and trace, in blocks, with a filter and what can be asked of the run.

use super::run::{At, Block};
use super::{LooseTimes, OpenFrame, Run, RunRecord, Workshop};
use crate::runs::batches::RunBatches;
use crate::runs::filter::{Filter, hash};
use event::{Bucket, Epoch, Hlc, Producer, Shard, TraceId};
use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::ops::Range;
use std::sync::Arc;
use wire::events::{BlockOrder, EventFrame, Packer, SortedEvents};
use wire::frame::{Cut, FrameError};

/// Events of a block. A trace is read out of one: the smaller, the sooner; the larger, the better it is compressed.
const BLOCK_ROWS: usize = 16 << 10;

/// A block that is made.
pub(super) struct Made {
    block: Block,
    pub(super) bytes: Vec<u8>,
}

/// What goes into a run.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) frames: Vec<Arc<OpenFrame>>,
    /// Those that cannot be read.
    pub(super) damaged: Vec<Arc<OpenFrame>>,
    pub(super) batches: RunBatches,
}

/// A run of the workshop's events, which are those of the frames taken; by shard of one of so many, if that is given.
pub(super) fn merge(
    shop: &mut Workshop,
    bucket: Bucket,
    taken: &Taken,
    shards: Option<NonZeroU16>,
) -> Result<(Run, Vec<Made>), FrameError> {
    // A trace is looked for where its shard is. Nobody stores one elsewhere; a run that had one all the same would be by trace.
    let placed = |shards| {
        let here = |trace, shard| trace == TraceId(0) || placement::shard_of(trace, shards) == shard;
        shop.builder.all(here)
    };
    let order = if shards.is_some_and(placed) {
        BlockOrder::Shard
    } else {
        BlockOrder::Trace
    };
    let sorted = shop.builder.sorted(order);
    let mut maker = Maker {
        bucket,
        order,
        sorted: &sorted,
        packer: &mut shop.packer,
        made: Vec::new(),
        traces: Vec::new(),
    };
    for cut in sorted.cuts(BLOCK_ROWS) {
        maker.block(cut)?;
    }
    let (mut sites, mut nodes) = (Vec::new(), BTreeSet::new());
    for made in &maker.made {
        let block = EventFrame::open(&made.bytes)?;
        sites.extend(block.sites()?);
        nodes.extend(block.nodes().iter().map(|node| node.key));
    }
    sites.sort_unstable();
    sites.dedup();
    let mut record = RunRecord {
        by_shard: order == BlockOrder::Shard,
        blocks: maker.made.iter().map(|made| made.block).collect(),
        frames: taken.frames.len() as u64,
        frame_bytes: 0,
        hlc: (Hlc(u64::MAX), Hlc(0)),
        errors: false,
        loose: LooseTimes::default(),
        gaps: Vec::new(),
        sources: BTreeSet::new(),
        nodes,
        sites: sites.into(),
    };
    for frame in &taken.frames {
        record.frame_bytes += u64::from(frame.bytes);
        record.hlc = (record.hlc.0.min(frame.hlc.0), record.hlc.1.max(frame.hlc.1));
        record.errors |= frame.errors;
        record.loose.merge(&frame.loose);
        record.gaps.extend_from_slice(&frame.gaps);
        record.sources.insert((frame.key.producer, frame.key.epoch));
    }
    maker.traces.dedup();
    let hashes: Vec<u64> = maker.traces.iter().map(|trace| hash(*trace)).collect();
    let filter = Filter::of(&hashes);
    Ok((Run { record, filter }, maker.made))
}

struct Maker<'m> {
    bucket: Bucket,
    order: BlockOrder,
    sorted: &'m SortedEvents<'m>,
    packer: &'m mut Packer,
    made: Vec<Made>,
    traces: Vec<TraceId>,
}

impl Maker<'_> {
    /// Some runs of rows as one block; as more, if they do not fit.
    fn block(&mut self, rows: Range<usize>) -> Result<(), FrameError> {
        let cut = Cut {
            producer: Producer(0),
            epoch: Epoch(0),
            hlc: Hlc(0),
            bucket: self.bucket,
        };
        let bytes = match self.sorted.encode(rows.clone(), cut, self.packer) {
            Ok(bytes) => bytes,
            Err(_) if rows.len() > 1 => {
                let middle = rows.start + rows.len() / 2;
                self.block(rows.start..middle)?;
                return self.block(middle..rows.end);
            }
            Err(_) => return Err(FrameError::PayloadTooLarge(u32::MAX)),
        };
        let [first, last] = self.sorted.ends(rows.clone()).unwrap_or_default();
        let end = |(shard, trace): At| match self.order {
            BlockOrder::Shard => (shard, trace),
            BlockOrder::Trace => (Shard(0), trace),
        };
        let mut events = 0u32;
        for (trace, count) in self.sorted.traces(rows) {
            events = events.saturating_add(count as u32);
            self.traces.push(trace);
        }
        let block = Block {
            first: end(first),
            last: end(last),
            rows: events,
            bytes: bytes.len() as u32,
        };
        self.made.push(Made { block, bytes });
        Ok(())
    }
}
