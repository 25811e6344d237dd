//! Events of many frames by trace, to make blocks of.

use std::ops::Range;

use event::{Micros, Producer, Shard, TraceId};

use super::build::{EventBuilder, RunRows};
use super::encode::{Packer, What, encode};
use super::names::SiteOrder;
use crate::frame::{Cut, FrameTooLarge, HEADER_BYTES, Layout, finish_frame};

/// Bytes of payloads in a block, so that it stays within the limits of a frame.
const BLOCK_PAYLOAD_BYTES: u64 = 1 << 20;

/// How the traces of blocks follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockOrder {
    /// By id; what is in no trace first.
    Trace,
    /// What is in no trace first, by shard; then by shard and id. So what a shard has is in few blocks, and no block has both.
    Shard,
}

impl BlockOrder {
    /// By what it comes before the trace.
    fn place(self, run: &RunRows) -> (bool, Shard) {
        match self {
            Self::Trace => (false, Shard(0)),
            Self::Shard => (run.trace != 0, run.shard),
        }
    }
}

/// The events of a builder in the order of blocks. The runs of a trace are by the HLC of their first row; rows stay as they came.
#[derive(Debug)]
pub struct SortedEvents<'b> {
    builder: &'b EventBuilder,
    order: BlockOrder,
    runs: Vec<RunRows>,
    sites: SiteOrder,
}

impl EventBuilder {
    /// Its events in that order; of runs that are there twice, one.
    pub fn sorted(&self, order: BlockOrder) -> SortedEvents<'_> {
        let first_hlc = |run: &RunRows| self.rows.get(run.first as usize).map_or(0, |row| row.hlc);
        let mut keyed: Vec<_> = self
            .runs
            .iter()
            .map(|run| {
                let source = self.sources.get(run.source as usize).copied();
                (
                    order.place(run),
                    run.trace,
                    first_hlc(run),
                    source.unwrap_or_default(),
                    run,
                )
            })
            .collect();
        let key = |(place, trace, hlc, source, run): &(_, u128, u64, _, &RunRows)| {
            (
                *place, *trace, *hlc, *source, run.shard, run.seq, run.at, run.rows,
            )
        };
        keyed.sort_unstable_by_key(key);
        keyed.dedup_by_key(|run| key(run));
        SortedEvents {
            builder: self,
            order,
            runs: keyed.into_iter().map(|(.., run)| *run).collect(),
            sites: SiteOrder::of(&self.sites),
        }
    }
}

impl SortedEvents<'_> {
    /// Ranges of runs that make blocks of about `events` events each, whole traces where that is possible: a trace is divided
    /// only if it is longer than a block. By shard, what is in no trace is in blocks of its own, and a shard that would begin in a block with enough
    /// in it begins a new one: who reads one shard reads little of others.
    pub fn cuts(&self, events: usize) -> Vec<Range<usize>> {
        let mut cuts = Vec::new();
        let (mut first, mut rows, mut payload) = (0, 0usize, 0u64);
        let mut at = 0;
        let loose = |at: usize| self.runs.get(at).is_some_and(|run| run.trace == 0);
        let shard = |at: usize| self.runs.get(at).map(|run| run.shard);
        let enough = |rows: usize, payload: u64| rows >= events / 2 || payload >= BLOCK_PAYLOAD_BYTES / 4;
        let together = |one: &RunRows, other: &RunRows| {
            one.trace == other.trace && (self.order == BlockOrder::Trace || one.shard == other.shard)
        };
        for trace in self.runs.chunk_by(together) {
            let (more_rows, more_payload) = trace.iter().fold((0, 0), |(rows, payload), run| {
                (rows + run.rows as usize, payload + run.payload_bytes)
            });
            let full = |rows: usize, payload: u64| rows > events || payload > BLOCK_PAYLOAD_BYTES;
            let next_shard = at > 0 && shard(at) != shard(at - 1);
            let other = self.order == BlockOrder::Shard
                && (loose(at) != loose(first) || next_shard && enough(rows, payload));
            if at > first && (other || full(rows + more_rows, payload + more_payload)) {
                cuts.push(first..at);
                (first, rows, payload) = (at, 0, 0);
            }
            if full(more_rows, more_payload) {
                for run in trace {
                    let (more_rows, more_payload) = (run.rows as usize, run.payload_bytes);
                    if at > first && full(rows + more_rows, payload + more_payload) {
                        cuts.push(first..at);
                        (first, rows, payload) = (at, 0, 0);
                    }
                    (rows, payload) = (rows + more_rows, payload + more_payload);
                    at += 1;
                }
            } else {
                (rows, payload) = (rows + more_rows, payload + more_payload);
                at += trace.len();
            }
        }
        if at > first {
            cuts.push(first..at);
        }
        cuts
    }

    /// Shard and trace of the first and of the last of some runs.
    pub fn ends(&self, runs: Range<usize>) -> Option<[(Shard, TraceId); 2]> {
        let runs = self.runs.get(runs)?;
        let end = |run: &RunRows| (run.shard, TraceId(run.trace));
        Some([end(runs.first()?), end(runs.last()?)])
    }

    /// The traces of some runs, in their order, each with its events.
    pub fn traces(&self, runs: Range<usize>) -> impl Iterator<Item = (TraceId, usize)> + '_ {
        let runs = self.runs.get(runs).unwrap_or_default();
        runs.chunk_by(|one, other| one.trace == other.trace).map(|trace| {
            let rows = trace.iter().map(|run| run.rows as usize).sum();
            (TraceId(trace.first().map_or(0, |run| run.trace)), rows)
        })
    }

    /// Least and greatest node time of some runs.
    pub fn time(&self, runs: Range<usize>) -> Option<(Micros, Micros)> {
        let rows = self.runs.get(runs)?.iter().flat_map(|run| {
            let first = run.first as usize;
            let rows = self.builder.rows.get(first..first + run.rows as usize);
            rows.unwrap_or_default()
        });
        let (mut min, mut max) = (u64::MAX, 0);
        rows.for_each(|row| (min, max) = (row.time.min(min), row.time.max(max)));
        (min <= max).then_some((Micros(min), Micros(max)))
    }

    /// The block of some runs: a frame with the sections of all of them as one, and where each of its events comes from. Its producer is 0.
    pub fn encode(
        &self,
        runs: Range<usize>,
        cut: Cut,
        packer: &mut Packer,
    ) -> Result<Vec<u8>, FrameTooLarge> {
        let runs = self.runs.get(runs).unwrap_or_default();
        let rows: u32 = runs.iter().map(|run| run.rows).sum();
        let cut = Cut {
            producer: Producer(0),
            ..cut
        };
        let mut frame = vec![0; HEADER_BYTES];
        let units = runs.chunk_by(|one, other| one.trace == other.trace);
        encode(self.builder, units, What::Block, &self.sites, packer, &mut frame)?;
        finish_frame(Layout::Columns, cut, 1, rows, frame)
    }
}
