//! Sections: a batch of events of one shard, or a gap.

use std::ops::Range;

use event::{Event, Seq, Shard, TraceId, codes};

use super::FrameError;
use crate::bytes::{ReadError, Reader};

/// Length of a section's head, with the length field at its end, in bytes.
pub(super) const HEAD_BYTES: usize = 56;
/// Length of an entry of the trace list, in bytes.
const TRACE_BYTES: usize = 24;
pub(super) const FLAG_GAP: u16 = 1;

codes! {
    /// Why seqs were given up.
    GapReason("gap reason") {
        /// The agent's spool was damaged.
        SpoolCorrupt = 1 "spool_corrupt",
        /// The agent's spool was full.
        SpoolFull = 2 "spool_full",
        /// The collector will never accept them.
        Rejected = 3 "rejected",
    }
}

/// Seqs that will never have events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The last one, included; the first is the section's seq.
    pub last_seq: Seq,
    /// Why.
    pub reason: GapReason,
    /// How many events that cost, 0 = not known.
    pub events: u64,
}

/// Rows of one trace, adjacent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceRange {
    /// The trace, 0 = in no trace.
    pub trace: TraceId,
    /// Its first row in the section.
    pub first_row: u32,
    /// Its rows.
    pub rows: u32,
}

/// A section without its events: what an index needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionEntry {
    /// Shard.
    pub shard: Shard,
    /// Seq of the batch, or first seq of the gap.
    pub seq: Seq,
    /// Set if this is a gap.
    pub gap: Option<Gap>,
    /// Events.
    pub rows: u32,
    /// Its traces, in row order, covering all rows.
    pub traces: Vec<TraceRange>,
    /// Version 1: where its columns are in the payload; version 3: its rows in the frame.
    pub(super) columns: Range<usize>,
}

impl SectionEntry {
    /// The last seq: of a gap its own, of a batch the only one.
    pub fn last_seq(&self) -> Seq {
        self.gap.map_or(self.seq, |gap| gap.last_seq)
    }

    /// Reads a section and checks all of it but its columns.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, FrameError> {
        let (mut entry, flags, traces, len) = read_head(r).map_err(FrameError::read("section head"))??;
        if flags & !FLAG_GAP != 0 {
            return Err(FrameError::Disagree {
                what: "section flags",
                found: flags.into(),
                expected: 1,
            });
        }
        if entry.seq.0 == 0 {
            return Err(FrameError::Disagree {
                what: "section seq",
                found: 0,
                expected: 1,
            });
        }
        let start = r.position();
        let body = r.bytes(len as usize).map_err(FrameError::read("section"))?;
        let mut body = Reader::new(body);
        if flags & FLAG_GAP != 0 {
            FrameError::check_equal("rows of a gap", entry.rows.into(), 0)?;
            FrameError::check_equal("traces of a gap", traces.into(), 0)?;
            entry.gap = Some(read_gap(body, entry.seq)?);
        } else {
            entry.traces = read_traces(&mut body, traces, entry.rows)?;
            entry.columns = start + body.position()..start + len as usize;
        }
        Ok(entry)
    }
}

type RawHead = (SectionEntry, u16, u32, u32);

fn read_head(r: &mut Reader<'_>) -> Result<Result<RawHead, FrameError>, ReadError> {
    let shard = Shard(r.u16()?);
    let flags = r.u16()?;
    let (seq, rows, traces) = (Seq(r.u64()?), r.u32()?, r.u32()?);
    let entry = SectionEntry {
        shard,
        seq,
        gap: None,
        rows,
        traces: Vec::new(),
        columns: 0..0,
    };
    for range in ["HLC", "node time"] {
        let (least, greatest) = (r.u64()?, r.u64()?);
        if least > greatest {
            return Ok(Err(FrameError::Disagree {
                what: range,
                found: least,
                expected: greatest,
            }));
        }
    }
    Ok(Ok((entry, flags, traces, r.u32()?)))
}

fn read_gap(mut r: Reader<'_>, first: Seq) -> Result<Gap, FrameError> {
    let (last_seq, reason, events) = (|| {
        let gap = (Seq(r.u64()?), r.u8()?, r.u64()?);
        r.finish().map(|()| gap)
    })()
    .map_err(FrameError::read("gap"))?;
    if last_seq < first {
        return Err(FrameError::Disagree {
            what: "last seq of a gap",
            found: last_seq.0,
            expected: first.0,
        });
    }
    let reason = GapReason::try_from(reason).map_err(|_| FrameError::Disagree {
        what: "gap reason",
        found: reason.into(),
        expected: GapReason::ALL.len() as u64,
    })?;
    Ok(Gap {
        last_seq,
        reason,
        events,
    })
}

/// The trace list: contiguous, in row order, covering all rows. Its length is checked before it is allocated.
fn read_traces(r: &mut Reader<'_>, traces: u32, rows: u32) -> Result<Vec<TraceRange>, FrameError> {
    let read = FrameError::read("trace list");
    let n = r.count(traces as usize, TRACE_BYTES).map_err(&read)?;
    let mut list = Vec::with_capacity(n);
    let mut next = 0u32;
    for _ in 0..n {
        let trace = TraceId(r.u128().map_err(&read)?);
        let (first_row, count) = (r.u32().map_err(&read)?, r.u32().map_err(&read)?);
        FrameError::check_equal("first row of a trace", first_row.into(), next.into())?;
        next = next.saturating_add(count);
        if count == 0 || next > rows {
            return Err(FrameError::Disagree {
                what: "rows of a trace",
                found: count.into(),
                expected: rows.into(),
            });
        }
        list.push(TraceRange {
            trace,
            first_row,
            rows: count,
        });
    }
    FrameError::check_equal("rows of all traces of a section", next.into(), rows.into())?;
    Ok(list)
}

/// A section with its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Shard.
    pub shard: Shard,
    /// Seq of the batch, or first seq of the gap.
    pub seq: Seq,
    /// Events, or none.
    pub body: SectionBody,
}

/// What is in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionBody {
    /// Events; the index is the row.
    Rows(Vec<Event>),
    /// None, and none will come.
    Gap(Gap),
}

impl Section {
    /// Its events; none for a gap.
    pub fn events(&self) -> &[Event] {
        match &self.body {
            SectionBody::Rows(events) => events,
            SectionBody::Gap(_) => &[],
        }
    }
}
