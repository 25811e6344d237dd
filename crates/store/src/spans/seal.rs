//! From many frames to one run: spans merged by trace, repeats dropped, in blocks with filter and terms.

use super::filter::Filter;
use super::keys;
use super::run::{Block, Run};
use super::terms::Terms;
use super::{OpenFrame, SpanBucket};
use crate::counters::add;
use crate::damage::Damage;
use crate::error::StoreError;
use crate::state::Shared;
use event::{Bucket, Epoch, Hlc, Micros, Producer, Seq, Shard, TraceId};
use rocksdb::{IngestExternalFileOptions, Options, SstFileWriter, WriteBatch};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use wire::frame::FrameError;
use wire::spans::{Cut, Packer, Sorted, SpanBuilder, SpanFrame};

/// Spans that are merged into one run. What that takes in memory, some 200 bytes each, bounds it.
pub(super) const RUN_ROWS: u64 = 256 << 10;
/// What sealing reads was taken in before: nobody chooses texts against it that were not stored already.
const SEED: u64 = 0x5ea1;
/// Frames of one run at most: of small ones there are many.
pub(super) const RUN_FRAMES: usize = 4096;
/// Frames' bytes of one run at most.
pub(super) const RUN_BYTES: u64 = 32 << 20;
/// Spans of a block. A trace is read out of one: the smaller, the sooner; the larger, the better it is compressed.
const BLOCK_ROWS: u32 = 16 << 10;
/// What a column may have of different texts before they are too many to be terms: one in so many rows of a block.
const ROWS_A_TERM: usize = 3;

/// A block that is made.
struct Made {
    block: Block,
    bytes: Vec<u8>,
}

impl Shared {
    /// Seals full runs, and what is left of buckets that are over. How many runs it made.
    pub(crate) fn seal_spans(&self, now: Micros) -> Result<usize, StoreError> {
        let mut memory = self.spans.sealing.lock();
        let mut builder = memory.take().unwrap_or_else(|| SpanBuilder::new(SEED));
        let mut made = 0;
        while let Some(bucket) = self.to_seal(now) {
            if self.check_writable().is_err() || !self.seal_run(bucket, &mut builder)? {
                break;
            }
            made += 1;
        }
        if made > 0 {
            *memory = Some(builder);
        }
        Ok(made)
    }

    fn to_seal(&self, now: Micros) -> Option<Bucket> {
        let buckets = self.spans.buckets.read();
        let due = |number: &Bucket, bucket: &SpanBucket| {
            !bucket.frames.is_empty() && (bucket.is_full() || self.is_over(*number, now))
        };
        buckets
            .iter()
            .find(|(number, bucket)| due(number, bucket))
            .map(|(number, _)| *number)
    }

    fn seal_run(&self, bucket: Bucket, builder: &mut SpanBuilder) -> Result<bool, StoreError> {
        let (frames, number) = {
            let buckets = self.spans.buckets.read();
            let Some(known) = buckets.get(&bucket) else {
                return Ok(false);
            };
            (
                first_frames(&known.frames),
                known.runs.keys().next_back().map_or(0, |last| last + 1),
            )
        };
        let Some(through) = frames.last().map(|frame| frame.arrival) else {
            return Ok(false);
        };
        self.check_space(frames.iter().map(|frame| u64::from(frame.bytes)).sum())?;
        let mut stored = Vec::with_capacity(frames.len());
        for frame in &frames {
            let bytes = self.db.get(keys::FRAMES, &keys::frame(bucket, frame.arrival))?;
            stored.push(bytes.ok_or_else(gone)?);
        }
        let taken = frames.iter().map(|frame| u64::from(frame.rows)).sum();
        let (run, terms, blocks) =
            merge(&stored, bucket, taken, builder).map_err(|error| unreadable(&error))?;
        drop(stored);
        self.ingest(bucket, number, &blocks)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(
            self.db.family(keys::RUNS),
            keys::run(bucket, number),
            run.encode(),
        );
        batch.put_cf(
            self.db.family(keys::TERMS),
            keys::run(bucket, number),
            terms.encode(),
        );
        let (from, to) = (keys::frame(bucket, 0), keys::frame(bucket, through + 1));
        batch.delete_range_cf(self.db.family(keys::FRAMES), from, to);
        // Under the lock, so that whoever looks at the index and takes a snapshot sees the same in both.
        let mut buckets = self.spans.buckets.write();
        self.write(batch, true)?;
        add(&self.counters.span_runs, 1);
        if let Some(known) = buckets.get_mut(&bucket) {
            known.frames.retain(|frame| frame.arrival > through);
            known.runs.insert(number, Arc::new(run));
        }
        Ok(true)
    }

    /// Blocks as a sorted file, taken over as it is.
    fn ingest(&self, bucket: Bucket, number: u32, blocks: &[Made]) -> Result<(), StoreError> {
        let file: PathBuf = self
            .db
            .raw
            .path()
            .join(format!("run-{}-{number}.sst.tmp", bucket.0));
        let mut options = Options::default();
        options.set_compression_type(rocksdb::DBCompressionType::None);
        let mut writer = SstFileWriter::create(&options);
        let written = writer.open(&file).and_then(|()| {
            for (at, made) in (0u32..).zip(blocks) {
                writer.put(keys::block(bucket, number, at), &made.bytes)?;
            }
            writer.finish()
        });
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let taken = written.and_then(|()| {
            self.db
                .raw
                .ingest_external_file_cf_opts(self.db.family(keys::BLOCKS), &options, vec![&file])
        });
        // Moved, or of no use.
        if let Err(error) = std::fs::remove_file(&file)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %file.display(), "temporary file could not be removed");
        }
        taken.map_err(StoreError::from)
    }
}

fn gone() -> StoreError {
    StoreError::Damaged(Damage {
        family: keys::FRAMES,
        what: "a frame is gone",
    })
}

pub(super) fn unreadable(error: &FrameError) -> StoreError {
    tracing::error!(%error, "spans cannot be read");
    StoreError::Damaged(Damage {
        family: keys::FRAMES,
        what: "a frame does not decode",
    })
}

/// The oldest frames, as many as one run takes.
fn first_frames(frames: &[Arc<OpenFrame>]) -> Vec<Arc<OpenFrame>> {
    let (mut rows, mut bytes) = (0u64, 0u64);
    let fits = |frame: &&Arc<OpenFrame>| {
        let room = rows < RUN_ROWS && bytes < RUN_BYTES;
        rows += u64::from(frame.rows);
        bytes += u64::from(frame.bytes);
        room
    };
    frames
        .iter()
        .take(RUN_FRAMES)
        .take_while(fits)
        .map(Arc::clone)
        .collect()
}

fn merge(
    stored: &[Vec<u8>],
    bucket: Bucket,
    taken: u64,
    builder: &mut SpanBuilder,
) -> Result<(Run, Terms, Vec<Made>), FrameError> {
    builder.clear();
    for bytes in stored {
        builder.append(&SpanFrame::open(bytes)?)?;
    }
    let sorted = builder.sorted(|_| Shard(0));
    let traces = sorted.traces();
    let mut maker = Maker {
        bucket,
        stored,
        sorted: &sorted,
        traces: &traces,
        packer: Packer::default(),
        made: Vec::new(),
    };
    let mut first = 0;
    while first < traces.len() {
        let mut sum = 0;
        let here = traces.iter().skip(first).take_while(|(_, rows)| {
            let room = sum == 0 || sum + rows <= BLOCK_ROWS;
            sum += rows;
            room
        });
        let after = first + here.count();
        maker.block(first..after)?;
        first = after;
    }
    let mut terms = Terms::default();
    for (at, made) in maker.made.iter().enumerate() {
        let frame = SpanFrame::open(&made.bytes)?;
        let most = frame.rows() as usize / ROWS_A_TERM;
        let (of_block, mut left_out) = frame.terms(|texts| texts > most.max(64))?;
        if frame.has_other_attributes()? {
            left_out.push(String::new());
        }
        terms.add(at, &of_block, left_out);
    }
    let run = Run {
        blocks: maker.made.iter().map(|made| made.block).collect(),
        traces: traces.len() as u64,
        taken,
        filter: Filter::of(traces.iter().map(|(trace, _)| *trace)),
    };
    Ok((run, terms, maker.made))
}

struct Maker<'m> {
    bucket: Bucket,
    stored: &'m [Vec<u8>],
    sorted: &'m Sorted<'m>,
    traces: &'m [(TraceId, u32)],
    packer: Packer,
    made: Vec<Made>,
}

impl Maker<'_> {
    /// Some adjacent traces as one block; as more, if they do not fit.
    fn block(&mut self, some: Range<usize>) -> Result<(), FrameError> {
        let cut = self.cut();
        if let Ok(bytes) = self
            .sorted
            .encode(some.clone(), cut, |_| Seq(1), &mut self.packer)
        {
            return self.keep(bytes, some);
        }
        if some.len() > 1 {
            let middle = some.start + some.len() / 2;
            self.block(some.start..middle)?;
            return self.block(middle..some.end);
        }
        // A trace too large for one block: what each frame has of it, which did fit.
        let trace = self.traces.get(some.start).map(|(trace, _)| *trace);
        for stored in self.stored {
            let mut builder = SpanBuilder::new(0);
            let frame = SpanFrame::open(stored)?;
            builder.take(&frame.decoded()?, |known| Some(known) == trace);
            if builder.is_empty() {
                continue;
            }
            let made = builder.finish(cut, |_| Shard(0), |_| Seq(1), &mut self.packer);
            let bytes = made.map_err(|_| FrameError::PayloadTooLarge(builder.byte_len() as u32))?;
            self.keep(bytes, some.clone())?;
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

    fn keep(&mut self, bytes: Vec<u8>, traces: Range<usize>) -> Result<(), FrameError> {
        let traces = self.traces.get(traces).unwrap_or_default();
        let frame = SpanFrame::open(&bytes)?;
        let block = Block {
            first: traces.first().map_or(TraceId(0), |(trace, _)| *trace),
            last: traces.last().map_or(TraceId(0), |(trace, _)| *trace),
            rows: frame.rows(),
            bytes: bytes.len() as u32,
            time: frame.time(),
        };
        self.made.push(Made { block, bytes });
        Ok(())
    }
}
