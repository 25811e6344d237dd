//! Making a run: blocks out of builders onto a sorted file, slice after slice of the order of traces, so that a run may be much
//! larger than what is in memory of it.

use super::keys;
use super::run::{Block, Run, place};
use super::terms::{CHUNK_BLOCKS, Terms};
use crate::damage::Damage;
use crate::error::StoreError;
use crate::runs::SortedFile;
use crate::runs::filter::{Filter, hash};
use crate::state::Shared;
use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard, TraceId};
use rocksdb::{Options, WriteBatch};
use std::ops::Range;
use wire::frame::FrameError;
use wire::spans::{Cut, Packer, Sorted, SpanBuilder, SpanFrame};

/// Spans of a block, about. A trace is read out of one: the smaller, the sooner; the larger, the better it is compressed.
pub(super) const BLOCK_ROWS: u32 = 16 << 10;
/// Most slices of a run.
const SLICES_MAX: u64 = 1 << 14;
/// What a column may have of different texts before they are too many to be terms: one in so many rows of a block.
const ROWS_A_TERM: usize = 3;

/// In how many equal parts the places of a run of so many spans are cut, so that one has about `rows` of them; a power of two.
/// Blocks of different runs end at the same places then, and each is decoded once when they are merged.
pub(super) fn slices(all: u64, rows: u64) -> u64 {
    let parts = (all + rows / 2) / rows.max(1);
    parts.next_power_of_two().clamp(1, SLICES_MAX)
}

/// A run that is being made.
pub(super) struct RunMaker<'m> {
    bucket: Bucket,
    number: u32,
    file: SortedFile<'m>,
    packer: &'m mut Packer,
    /// Its packer is a quick one: no terms.
    quick: bool,
    slices: u64,
    blocks: Vec<Block>,
    hashes: Vec<u64>,
    terms: Terms,
    chunks: Vec<Vec<u8>>,
}

impl<'m> RunMaker<'m> {
    /// Of about `rows` spans.
    pub(super) fn new(
        shared: &Shared,
        at: (Bucket, u32),
        rows: u64,
        options: &'m Options,
        packer: &'m mut Packer,
    ) -> Result<Self, StoreError> {
        let (bucket, number) = at;
        let quick = packer.is_quick();
        let name = format!("run-{}-{number}", bucket.0);
        let file = SortedFile::create(&shared.db, &name, options)?;
        Ok(Self {
            bucket,
            number,
            file,
            packer,
            quick,
            slices: slices(rows, u64::from(BLOCK_ROWS)),
            blocks: Vec::new(),
            hashes: Vec::new(),
            terms: Terms::default(),
            chunks: Vec::new(),
        })
    }

    /// Adds the spans of a builder, whose traces' places are beyond those that were added. `sources`: the frames that they came
    /// from.
    pub(super) fn add(&mut self, builder: &SpanBuilder, sources: &[Vec<u8>]) -> Result<(), StoreError> {
        let sorted = builder.sorted_by(|trace| place(hash(trace)));
        let traces: Vec<Trace> = sorted.traces().into_iter().map(Trace::of).collect();
        self.hashes.extend(traces.iter().map(|trace| trace.hash));
        let slice_of = |trace: &Trace| (u64::from(place(trace.hash)) * self.slices) >> 16;
        let mut cuts: Vec<Range<usize>> = Vec::new();
        let mut first = 0;
        for slice in traces.chunk_by(|one, other| slice_of(one) == slice_of(other)) {
            cut(slice, first, &mut cuts);
            first += slice.len();
        }
        for some in cuts {
            self.block(&sorted, &traces, sources, some)?;
        }
        Ok(())
    }

    /// Some adjacent traces as one block; as more, if they do not fit.
    fn block(
        &mut self,
        sorted: &Sorted<'_>,
        traces: &[Trace],
        sources: &[Vec<u8>],
        some: Range<usize>,
    ) -> Result<(), StoreError> {
        let of = traces.get(some.clone()).unwrap_or_default();
        let cut = self.cut();
        if let Ok(bytes) = sorted.encode(some.clone(), cut, |_| Seq(1), self.packer) {
            return self.keep(&bytes, of);
        }
        if some.len() > 1 {
            let middle = some.start + some.len() / 2;
            self.block(sorted, traces, sources, some.start..middle)?;
            return self.block(sorted, traces, sources, middle..some.end);
        }
        // A trace too large for one block: what each frame has of it, which did fit.
        let trace = of.first().map(|trace| trace.id);
        for source in sources {
            let mut builder = SpanBuilder::new(0);
            let frame = SpanFrame::open(source).map_err(|error| unreadable(&error))?;
            let decoded = frame.decoded().map_err(|error| unreadable(&error))?;
            builder.take(&decoded, |known| Some(known) == trace);
            if builder.is_empty() {
                continue;
            }
            let made = builder.finish(cut, |_| Shard(0), |_| Seq(1), self.packer);
            let too_large = |_| FrameError::PayloadTooLarge(builder.byte_len() as u32);
            let bytes = made.map_err(|error| unreadable(&too_large(error)))?;
            self.keep(&bytes, of)?;
        }
        Ok(())
    }

    fn cut(&self) -> Cut {
        Cut {
            producer: Producer(0),
            epoch: Epoch(0),
            hlc: Hlc(0),
            bucket: self.bucket,
        }
    }

    fn keep(&mut self, bytes: &[u8], traces: &[Trace]) -> Result<(), StoreError> {
        let frame = SpanFrame::open(bytes).map_err(|error| unreadable(&error))?;
        let at = self.blocks.len();
        if !self.quick && at > 0 && at.is_multiple_of(CHUNK_BLOCKS) {
            self.chunks.push(std::mem::take(&mut self.terms).encode());
        }
        if !self.quick {
            let read = terms(&frame).map_err(|error| unreadable(&error))?;
            self.terms.add(at, &read.0, read.1);
        }
        self.file
            .put(keys::block(self.bucket, self.number, at as u32), bytes)?;
        let place = |trace: Option<&Trace>| trace.map_or(0, |trace| place(trace.hash));
        self.blocks.push(Block {
            first: place(traces.first()),
            last: place(traces.last()),
            rows: frame.rows(),
            bytes: bytes.len() as u32,
            time: frame.time(),
        });
        Ok(())
    }

    /// Its blocks are in the database then, read by nobody until its record, which is given back, is there too.
    pub(super) fn finish(mut self, shared: &Shared) -> Result<MadeRun, StoreError> {
        if !self.quick {
            self.chunks.push(std::mem::take(&mut self.terms).encode());
        }
        if !self.blocks.is_empty() {
            self.file.ingest(&shared.db, keys::BLOCKS)?;
        }
        self.hashes.sort_unstable();
        Ok(MadeRun {
            bucket: self.bucket,
            number: self.number,
            chunks: self.chunks,
            run: Run {
                blocks: self.blocks,
                traces: self.hashes.len() as u64,
                filter: Filter::of(&self.hashes),
                quick: self.quick,
                ..Run::default()
            },
            hashes: self.hashes,
        })
    }
}

/// A run whose blocks are stored and that nobody knows yet.
pub(super) struct MadeRun {
    pub(super) bucket: Bucket,
    pub(super) number: u32,
    pub(super) run: Run,
    /// Of its traces, ascending.
    pub(super) hashes: Vec<u64>,
    chunks: Vec<Vec<u8>>,
}

impl MadeRun {
    /// Record and terms.
    pub(super) fn put(&self, shared: &Shared, batch: &mut WriteBatch) {
        let key = keys::run(self.bucket, self.number);
        batch.put_cf(shared.db.family(keys::RUNS), key, self.run.encode());
        for (chunk, terms) in (0u32..).zip(&self.chunks) {
            let key = keys::block(self.bucket, self.number, chunk);
            batch.put_cf(shared.db.family(keys::TERMS), key, terms);
        }
    }
}

struct Trace {
    id: TraceId,
    hash: u64,
    rows: u32,
}

impl Trace {
    fn of((id, rows): (TraceId, u32)) -> Self {
        Self {
            id,
            hash: hash(id),
            rows,
        }
    }
}

/// Cuts the traces of a slice into blocks of about equal size. Those of one place stay together, if they are not too many.
fn cut(slice: &[Trace], first: usize, cuts: &mut Vec<Range<usize>>) {
    let all: u64 = slice.iter().map(|trace| u64::from(trace.rows)).sum();
    let parts = ((all + u64::from(BLOCK_ROWS) / 2) / u64::from(BLOCK_ROWS)).max(1);
    let wanted = all.div_ceil(parts);
    let (mut from, mut sum, mut before) = (first, 0u64, None);
    for (at, trace) in (first..).zip(slice) {
        let here = place(trace.hash);
        let enough = sum >= wanted && before != Some(here);
        if at > from && (enough || sum + u64::from(trace.rows) > 2 * u64::from(BLOCK_ROWS)) {
            cuts.push(from..at);
            (from, sum) = (at, 0);
        }
        sum += u64::from(trace.rows);
        before = Some(here);
    }
    if from < first + slice.len() {
        cuts.push(from..first + slice.len());
    }
}

fn terms(frame: &SpanFrame<'_>) -> Result<(Vec<u64>, Vec<String>), FrameError> {
    let most = frame.rows() as usize / ROWS_A_TERM;
    let (terms, mut left_out) = frame.terms(|texts| texts > most.max(64))?;
    if frame.has_other_attributes()? {
        left_out.push(String::new());
    }
    Ok((terms, left_out))
}

pub(super) fn unreadable(error: &FrameError) -> StoreError {
    tracing::error!(%error, "spans cannot be read");
    StoreError::Damaged(Damage {
        family: keys::FRAMES,
        what: "a frame does not decode",
    })
}
