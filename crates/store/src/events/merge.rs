//! From many frames to one run: events merged by trace, in blocks, with a filter and what can be asked of the run.

use super::run::Block;
use super::{LooseTimes, OpenFrame, Run, RunRecord, Workshop};
use crate::runs::batches::RunBatches;
use crate::runs::filter::{Filter, hash};
use event::{Bucket, Epoch, Hlc, Producer, TraceId};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use wire::events::{EventFrame, Packer, SortedEvents};
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

/// A run of the workshop's events, which are those of the frames taken.
pub(super) fn merge(
    shop: &mut Workshop,
    bucket: Bucket,
    taken: &Taken,
) -> Result<(Run, Vec<Made>), FrameError> {
    let sorted = shop.builder.sorted();
    let mut maker = Maker {
        bucket,
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
        let first = self.traces.len();
        let (mut events, traces) = (0u32, self.sorted.traces(rows));
        for (trace, count) in traces {
            events = events.saturating_add(count as u32);
            self.traces.push(trace);
        }
        let block = Block {
            first: self.traces.get(first).copied().unwrap_or_default(),
            last: self.traces.last().copied().unwrap_or_default(),
            rows: events,
            bytes: bytes.len() as u32,
        };
        self.made.push(Made { block, bytes });
        Ok(())
    }
}
