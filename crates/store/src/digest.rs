//! A frame on its way in: its bytes, and what the index needs to know of them. Made before the writer sees it, on whatever
//! thread received it, so that the one writer only appends.

use crate::events::LooseTimes;
use crate::logs::{LogPart, is_logs, read_logs};
use crate::spans::{CopiedPart, SpanIndex, is_copied, read_copied, span_digest};
use event::{Bucket, Epoch, Hlc, NodeInfo, Producer, Seq, Shard, TraceId};
use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;
use wire::events::{Delay, Digest, EventFrame, UpgradeError, upgrade};
use wire::frame::{FrameError, Gap, Layout, peek_header};
use xxhash_rust::xxh3::xxh3_128;

thread_local! {
    /// Lists of the frame before, whose memory the next one uses.
    static SCRATCH: RefCell<Digest> = RefCell::default();
}

/// A checked frame, ready to be stored. Clones share it.
#[derive(Clone, Debug)]
pub struct FrameToStore {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) digest: Arc<FrameDigest>,
    /// Positions of the sections that count, ascending, each once; none = all.
    chosen: Option<Arc<[u16]>>,
    pub(crate) kind: Kind,
}

/// What a frame has.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// Events of BEAM nodes.
    Events,
    /// Spans.
    Spans(Arc<SpanIndex>),
    /// Spans of one shard in one bucket, merged, and which batches they are (`spans/copied.rs`).
    Copied(Arc<Vec<CopiedPart>>),
    /// Log records (`logs/frame.rs`).
    Logs(Arc<Vec<LogPart>>),
}

/// What the index needs to know of a frame.
#[derive(Clone, Debug)]
pub struct FrameDigest {
    /// Who cut it.
    pub producer: Producer,
    /// In which life.
    pub epoch: Epoch,
    /// Bucket of all sections.
    pub bucket: Bucket,
    /// The producer's time when it cut the frame.
    pub hlc: Hlc,
    /// xxh3-128 of the frame's bytes.
    pub hash: u128,
    /// Node incarnations that it names.
    pub nodes: Vec<NodeInfo>,
    /// By position in the frame.
    pub sections: Vec<SectionDigest>,
    /// Pairs of (event's node, parent's node) with the least time between them.
    pub delays: Vec<Delay>,
    traces: Vec<TraceId>,
}

/// What the index needs to know of a section.
#[derive(Clone, Copy, Debug)]
pub struct SectionDigest {
    /// Shard.
    pub shard: Shard,
    /// Batch number, or first number of a gap.
    pub seq: Seq,
    /// Set if this is a gap.
    pub gap: Option<Gap>,
    /// Hash of its events ([`wire::events::ContentHash`]), or of the frame of spans that it came in with the shard, or of the entry of logs; 0 for a gap.
    pub content: u64,
    /// Events or spans; 0 if it was copied out of merged spans, which do not say whose they are.
    pub rows: u32,
    /// Least and greatest HLC, 0 without events.
    pub hlc: (Hlc, Hlc),
    pub(crate) errors: bool,
    pub(crate) loose: LooseTimes,
    /// First and end in `FrameDigest::traces`.
    traces: (u32, u32),
}

impl FrameToStore {
    /// Checks a frame wholly (limits, checksum; of events every column) and digests it. Costs CPU: keep it off the writer. A frame of events, a frame
    /// of spans, of logs, or what [`crate::Synced::frames`] made of merged spans.
    pub fn new(bytes: Vec<u8>) -> Result<Self, FrameError> {
        Self::from_shared(Arc::new(bytes))
    }
    /// The same of bytes that the caller keeps, to say what was wrong with them. A frame of format version 1 is stored as one of
    /// version 3.
    pub fn from_shared(bytes: Arc<Vec<u8>>) -> Result<Self, FrameError> {
        if let Some(frame) = Self::spans(&bytes)? {
            return Ok(frame);
        }
        let upgraded = match in_columns(&bytes)? {
            Cow::Owned(upgraded) => Some(upgraded),
            Cow::Borrowed(_) => None,
        };
        let bytes = upgraded.map_or(bytes, Arc::new);
        let digest = FrameDigest::new(&bytes)?;
        Ok(Self {
            bytes,
            digest: Arc::new(digest),
            chosen: None,
            kind: Kind::Events,
        })
    }
    /// Of spans or logs; none: it has events.
    fn spans(bytes: &Arc<Vec<u8>>) -> Result<Option<Self>, FrameError> {
        let (digest, kind) = if is_copied(bytes) {
            let (digest, parts) = read_copied(bytes)?;
            (digest, Kind::Copied(Arc::new(parts)))
        } else if is_logs(bytes) {
            let (digest, parts) = read_logs(bytes)?;
            (digest, Kind::Logs(Arc::new(parts)))
        } else if peek_header(bytes)?.layout == Layout::Spans {
            let (digest, index) = span_digest(bytes)?;
            (digest, Kind::Spans(Arc::new(index)))
        } else {
            return Ok(None);
        };
        Ok(Some(Self {
            bytes: Arc::clone(bytes),
            digest: Arc::new(digest),
            chosen: None,
            kind,
        }))
    }
    /// Has it events of BEAM nodes?
    pub fn is_events(&self) -> bool {
        matches!(self.kind, Kind::Events)
    }
    /// Has it spans?
    pub fn is_spans(&self) -> bool {
        matches!(self.kind, Kind::Spans(_) | Kind::Copied(_))
    }
    /// Is it a part of spans that are no batches until the last part came?
    pub fn is_part(&self) -> bool {
        matches!(self.kind, Kind::Copied(_)) && self.digest.sections.is_empty()
    }
    /// Events, spans or log records in it.
    pub fn rows(&self) -> u32 {
        let rows: u64 = match &self.kind {
            Kind::Copied(parts) => parts.iter().map(|part| u64::from(part.index.rows)).sum(),
            Kind::Events | Kind::Spans(_) | Kind::Logs(_) => self.digest.events(),
        };
        u32::try_from(rows).unwrap_or(u32::MAX)
    }
    /// The same frame, of which only the sections at these positions count: the others are stored with it but are no batches of
    /// this store - not found, not counted, no part of digests, gone with sealing - and come as new when they are chosen later.
    /// Positions beyond the frame's are none. The receipt speaks of the chosen ones.
    #[must_use]
    pub fn choosing(&self, positions: &[u16]) -> Self {
        let mut chosen = positions.to_vec();
        chosen.retain(|at| usize::from(*at) < self.digest.sections.len());
        chosen.sort_unstable();
        chosen.dedup();
        Self {
            chosen: Some(chosen.into()),
            ..self.clone()
        }
    }
    /// Does the section at this position count?
    pub(crate) fn is_chosen(&self, at: usize) -> bool {
        let is = |chosen: &Arc<[u16]>| u16::try_from(at).is_ok_and(|at| chosen.binary_search(&at).is_ok());
        self.chosen.as_ref().is_none_or(is)
    }
    /// The sections that count, with their positions.
    pub(crate) fn chosen(&self) -> impl Iterator<Item = (usize, &SectionDigest)> {
        let all = self.digest.sections.iter().enumerate();
        all.filter(|(at, _)| self.is_chosen(*at))
    }
    /// What is known of it.
    pub fn digest(&self) -> &FrameDigest {
        &self.digest
    }
    /// The frame's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// Length of the frame.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }
}

/// A frame of events in columns: its own bytes, or those of an older frame in today's form.
pub(crate) fn in_columns(bytes: &[u8]) -> Result<Cow<'_, [u8]>, FrameError> {
    if peek_header(bytes)?.layout != Layout::Events {
        return Ok(Cow::Borrowed(bytes));
    }
    upgrade(bytes).map(Cow::Owned).map_err(|error| match error {
        UpgradeError::Frame(error) => error,
        UpgradeError::TooLarge(_) => FrameError::PayloadTooLarge(u32::MAX),
    })
}

impl SectionDigest {
    /// A batch of spans or logs.
    pub(crate) fn of_spans(shard: Shard, seq: Seq, content: u64, rows: u32) -> Self {
        Self {
            shard,
            seq,
            gap: None,
            content,
            rows,
            hlc: (Hlc(0), Hlc(0)),
            errors: false,
            loose: LooseTimes::default(),
            traces: (0, 0),
        }
    }
}

impl FrameDigest {
    /// Checks a frame wholly and digests it.
    pub fn new(bytes: &[u8]) -> Result<Self, FrameError> {
        let in_columns = in_columns(bytes)?;
        let frame = EventFrame::open(&in_columns)?;
        let header = *frame.header();
        let digested = |digest: &mut Digest| {
            frame.digest_into(true, digest)?;
            let (mut sections, mut traces) = (Vec::with_capacity(digest.sections.len()), Vec::new());
            traces.reserve(digest.parts.len());
            let mut loose = digest.loose.as_slice();
            for (at, section) in (0u32..).zip(&digest.sections) {
                let first = traces.len() as u32;
                let mut errors = false;
                for part in digest.parts_of(section) {
                    traces.push(part.trace);
                    errors |= part.errors > 0 && part.trace != TraceId(0);
                }
                let mut times = LooseTimes::default();
                let (these, rest) = loose.split_at(loose.partition_point(|row| row.section == at));
                loose = rest;
                for row in these {
                    times.add(row.kind, (row.hlc, row.hlc));
                }
                sections.push(SectionDigest {
                    shard: section.shard,
                    seq: section.seq,
                    gap: section.gap,
                    content: section.content,
                    rows: section.rows,
                    hlc: section.hlc,
                    errors,
                    loose: times,
                    traces: (first, traces.len() as u32),
                });
            }
            Ok(Self {
                producer: header.producer,
                epoch: header.epoch,
                bucket: header.bucket,
                hlc: header.hlc,
                hash: xxh3_128(bytes),
                nodes: frame.nodes().to_vec(),
                sections,
                delays: digest.delays.clone(),
                traces,
            })
        };
        SCRATCH.with_borrow_mut(digested)
    }

    /// Of a frame of spans or logs, whose traces are kept elsewhere.
    pub(crate) fn of_spans(
        header: (Producer, Epoch, Bucket, Hlc),
        hash: u128,
        sections: Vec<SectionDigest>,
    ) -> Self {
        let (producer, epoch, bucket, hlc) = header;
        Self {
            producer,
            epoch,
            bucket,
            hlc,
            hash,
            nodes: Vec::new(),
            sections,
            delays: Vec::new(),
            traces: Vec::new(),
        }
    }

    /// Events of all sections.
    pub fn events(&self) -> u64 {
        self.sections.iter().map(|s| u64::from(s.rows)).sum()
    }

    /// Traces of a section, in the frame's order; 0 = in none.
    pub fn traces_of(&self, section: &SectionDigest) -> &[TraceId] {
        let (first, end) = section.traces;
        self.traces.get(first as usize..end as usize).unwrap_or_default()
    }
}
