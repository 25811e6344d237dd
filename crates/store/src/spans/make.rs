//! Making a run: blocks out of builders onto a sorted file, slice after slice of the order of traces, so that a run may be much
//! larger than what is in memory of it.

use super::cut::{Cutter, Trace};
use super::keys;
use super::run::{Block, Run, place};
use super::terms::{CHUNK_BLOCKS, Terms};
use crate::damage::Damage;
use crate::error::StoreError;
use crate::runs::SortedFile;
use crate::runs::batches::RunBatches;
use crate::runs::filter::Filter;
use crate::state::Shared;
use event::Bucket;
use rocksdb::{Options, WriteBatch};
use std::ops::ControlFlow;
use wire::frame::FrameError;
use wire::spans::{Packer, SpanBuilder, SpanFrame};

/// What a column may have of different texts before they are too many to be terms: one in so many rows of a block.
const ROWS_A_TERM: usize = 3;
/// So many of them are never too many.
const TEXTS_MIN: usize = 64;

/// A run that is being made.
pub(super) struct RunMaker<'m> {
    cutter: Cutter,
    packer: &'m mut Packer,
    hashes: Vec<u64>,
    written: Written<'m>,
}

/// What of it is on its file.
struct Written<'m> {
    bucket: Bucket,
    number: u32,
    file: SortedFile<'m>,
    /// Its packer is a quick one: no terms.
    quick: bool,
    blocks: Vec<Block>,
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
        let name = format!("run-{}-{number}", bucket.0);
        let written = Written {
            bucket,
            number,
            file: SortedFile::create(&shared.db, &name, options)?,
            quick: packer.is_quick(),
            blocks: Vec::new(),
            terms: Terms::default(),
            chunks: Vec::new(),
        };
        Ok(Self {
            cutter: Cutter::new(bucket, rows),
            packer,
            hashes: Vec::new(),
            written,
        })
    }

    /// Adds the spans of a builder, whose traces' places are beyond those that were added.
    pub(super) fn add(&mut self, builder: &SpanBuilder) -> Result<(), StoreError> {
        let (written, hashes) = (&mut self.written, &mut self.hashes);
        let cut = self.cutter.cut(builder, self.packer, &mut |bytes, traces| {
            written.keep(bytes, traces)?;
            // Parts of one trace follow one another.
            let known = hashes.last().copied();
            let new = traces.iter().map(|trace| trace.hash);
            hashes.extend(new.filter(|hash| Some(*hash) != known));
            Ok(ControlFlow::Continue(()))
        });
        cut.map(drop)
    }

    /// Its blocks are in the database then, read by nobody until its record, which is given back, is there too.
    pub(super) fn finish(self, shared: &Shared) -> Result<MadeRun, StoreError> {
        let (mut written, mut hashes) = (self.written, self.hashes);
        if !written.quick {
            written.chunks.push(std::mem::take(&mut written.terms).encode());
        }
        if !written.blocks.is_empty() {
            written.file.ingest(&shared.db, keys::BLOCKS)?;
        }
        hashes.sort_unstable();
        Ok(MadeRun {
            bucket: written.bucket,
            number: written.number,
            chunks: written.chunks,
            run: Run {
                blocks: written.blocks,
                traces: hashes.len() as u64,
                filter: Filter::of(&hashes),
                quick: written.quick,
                ..Run::default()
            },
            batches: RunBatches::default(),
            hashes,
        })
    }
}

impl Written<'_> {
    fn keep(&mut self, bytes: &[u8], traces: &[Trace]) -> Result<(), StoreError> {
        let frame = SpanFrame::open(bytes).map_err(|error| unreadable(&error))?;
        let at = self.blocks.len();
        if !self.quick && at > 0 && at.is_multiple_of(CHUNK_BLOCKS) {
            self.chunks.push(std::mem::take(&mut self.terms).encode());
        }
        if !self.quick {
            let most = (frame.rows() as usize / ROWS_A_TERM).max(TEXTS_MIN);
            let read = frame.terms(most).map_err(|error| unreadable(&error))?;
            self.terms.add(at, read);
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
}

/// A run whose blocks are stored and that nobody knows yet.
pub(super) struct MadeRun {
    pub(super) bucket: Bucket,
    pub(super) number: u32,
    pub(super) run: Run,
    /// Of its traces, ascending.
    pub(super) hashes: Vec<u64>,
    /// Which batches it is made of.
    pub(super) batches: RunBatches,
    chunks: Vec<Vec<u8>>,
}

impl MadeRun {
    /// Record, batches and terms.
    pub(super) fn put(&self, shared: &Shared, batch: &mut WriteBatch) {
        let key = keys::run(self.bucket, self.number);
        batch.put_cf(shared.db.family(keys::RUNS), key, self.run.encode());
        let at = (self.bucket, self.number);
        self.batches.put(&shared.db, keys::BATCHES, at, batch);
        for (chunk, terms) in (0u32..).zip(&self.chunks) {
            let key = keys::block(self.bucket, self.number, chunk);
            batch.put_cf(shared.db.family(keys::TERMS), key, terms);
        }
    }
}

pub(super) fn unreadable(error: &FrameError) -> StoreError {
    tracing::error!(%error, "spans cannot be read");
    StoreError::Damaged(Damage {
        family: keys::FRAMES,
        what: "a frame does not decode",
    })
}
