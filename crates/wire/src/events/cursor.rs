//! From columns to rows, trace by trace. Total: any bytes give rows or an error.

use std::ops::Range;

use super::frame::EventFrame;
use super::layout as column;
use super::names::Names;
use super::row::{LANE_BITS, Row, expected_hlc, slot_and_lane};
use super::stream::{NumberReader, PlaneReader};
use super::tag::{self, BITS, Tag};
use crate::bytes::unzigzag;
use crate::columns::{PartKind, missing};
use crate::frame::FrameError;
use crate::node_socket::PAYLOAD_BYTES_MAX;

/// Who is last in the trace that is being read, by node.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    trace: u32,
    slot: u64,
    lane: u32,
}

/// Reads the rows of a frame.
#[derive(Debug)]
pub(super) struct Cursor<'f> {
    tags: Vec<Tag>,
    tag: PlaneReader<'f>,
    back: PlaneReader<'f>,
    node: PlaneReader<'f>,
    remote: PlaneReader<'f>,
    site: PlaneReader<'f>,
    shape: PlaneReader<'f>,
    lane: PlaneReader<'f>,
    parent_id: NumberReader<'f>,
    remote_time: NumberReader<'f>,
    pid: NumberReader<'f>,
    ordinal: NumberReader<'f>,
    slot: NumberReader<'f>,
    time: NumberReader<'f>,
    hlc: NumberReader<'f>,
    payload: NumberReader<'f>,
    least: &'f [u64],
    time_min: u64,
    nodes: u32,
    keys: u32,
    sites: u32,
    shapes: u32,
    linked_len: u32,
    heap_len: u64,
    linked: u32,
    heap: u64,
    trace: u32,
    last: Vec<Last>,
    /// By row of the trace: 1 + the row of its parent, 0 = it is not before it.
    parents: Vec<u32>,
}

/// How many numbers the rows before a place have taken of each column.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    rows: usize,
    back: usize,
    parent_id: usize,
    node: usize,
    remote: usize,
    remote_time: usize,
    site: usize,
    pid: usize,
    ordinal: usize,
    slot: usize,
    lane: usize,
    hlc: usize,
    shape: usize,
    linked: usize,
    payload: usize,
}

impl Taken {
    fn add(&mut self, tag: Tag, rows: usize) {
        let mut count = |place: fn(&mut Self) -> &mut usize, yes: bool| {
            if yes {
                *place(self) += rows;
            }
        };
        count(|t| &mut t.back, tag.parent() == tag::parent::BACK);
        count(|t| &mut t.parent_id, tag.parent() == tag::parent::ELSEWHERE);
        count(|t| &mut t.node, tag.node_given() == 1);
        count(|t| &mut t.remote, tag.remote() == tag::remote::GIVEN);
        count(|t| &mut t.remote_time, tag.remote() >= tag::remote::TIME);
        count(|t| &mut t.site, tag.site() == tag::site::GIVEN);
        count(|t| &mut t.pid, tag.pid_given() == 1);
        count(|t| &mut t.ordinal, tag.ordinal() == tag::ORDINAL_GIVEN);
        count(|t| &mut t.slot, tag.id() >= tag::id::SLOT);
        count(|t| &mut t.lane, tag.id() == tag::id::GIVEN);
        count(|t| &mut t.hlc, tag.hlc_given() == 1);
        count(|t| &mut t.shape, tag.shape() == 1);
        count(|t| &mut t.linked, tag.linked() == 1);
        count(|t| &mut t.payload, tag.payload() == 1);
    }
}

impl<'f> Cursor<'f> {
    /// At the first row.
    pub(super) fn new(frame: &'f EventFrame<'_>, names: &Names<'f>) -> Result<Self, FrameError> {
        Self::at(frame, names, read_tags(frame)?, Taken::default())
    }

    /// At the first row of a trace, without reading what is before it.
    pub(super) fn seek(frame: &'f EventFrame<'_>, names: &Names<'f>, row: u32) -> Result<Self, FrameError> {
        let tags = read_tags(frame)?;
        let mut counts = vec![0usize; tags.len() + 1];
        let mut tag = PlaneReader::new(&frame.parts, column::TAG, 0)?;
        for _ in 0..row {
            if let Some(count) = counts.get_mut(tag.next() as usize) {
                *count += 1;
            }
        }
        let mut taken = Taken {
            rows: row as usize,
            ..Taken::default()
        };
        for (tag, count) in tags.iter().zip(counts.iter().skip(1)) {
            taken.add(*tag, *count);
        }
        Self::at(frame, names, tags, taken)
    }

    fn at(
        frame: &'f EventFrame<'_>,
        names: &Names<'f>,
        tags: Vec<Tag>,
        taken: Taken,
    ) -> Result<Self, FrameError> {
        let planes = |column, at| PlaneReader::new(&frame.parts, column, at);
        let numbers = |column, at| NumberReader::new(&frame.parts, column, at);
        let mut payload = NumberReader::new(&frame.parts, column::PAYLOAD, 0)?;
        let heap = (0..taken.payload)
            .map(|_| payload.next())
            .fold(0, u64::saturating_add);
        Ok(Self {
            tags,
            tag: planes(column::TAG, taken.rows)?,
            back: planes(column::PARENT_BACK, taken.back)?,
            node: planes(column::NODE, taken.node)?,
            remote: planes(column::REMOTE, taken.remote)?,
            site: planes(column::SITE, taken.site)?,
            shape: planes(column::SHAPE, taken.shape)?,
            lane: planes(column::LANE, taken.lane)?,
            parent_id: numbers(column::PARENT_ID, taken.parent_id)?,
            remote_time: numbers(column::REMOTE_TIME, taken.remote_time)?,
            pid: numbers(column::PID, taken.pid)?,
            ordinal: numbers(column::ORDINAL, taken.ordinal)?,
            slot: numbers(column::SLOT, taken.slot)?,
            time: numbers(column::TIME, taken.rows)?,
            hlc: numbers(column::HLC, taken.hlc)?,
            payload,
            least: frame.least_slots()?,
            time_min: frame.time().0.0,
            nodes: names.nodes as u32,
            keys: names.keys.len() as u32,
            sites: names.sites.len() as u32,
            shapes: names.shapes.len() as u32,
            linked_len: names.linked.len() as u32,
            heap_len: names.heap.len() as u64,
            linked: taken.linked as u32,
            heap,
            trace: 0,
            last: vec![Last::default(); names.nodes],
            parents: Vec::new(),
        })
    }

    /// The next `count` rows, which are those of one trace, in place of what is in `rows`.
    pub(super) fn next(&mut self, count: u32, rows: &mut Vec<Row>) -> Result<(), FrameError> {
        rows.clear();
        self.parents.clear();
        self.trace += 1;
        for _ in 0..count {
            let row = self.row(rows)?;
            rows.push(row);
        }
        Ok(())
    }

    #[inline]
    fn row(&mut self, rows: &[Row]) -> Result<Row, FrameError> {
        let number = self.tag.next() as usize;
        let tag = number.checked_sub(1).and_then(|at| self.tags.get(at));
        let Some(tag) = tag.copied() else {
            return Err(value(column::TAG, number as u64));
        };
        let mut row = Row {
            kind: tag.kind(),
            class: tag.class(),
            flags: tag.flags(),
            ..Row::default()
        };
        let before = rows.last();
        let parent = self.parent(tag, rows, &mut row)?;
        self.place(tag, &mut row, before, parent)?;
        row.site = match tag.site() {
            tag::site::NONE => 0,
            tag::site::NEXT => parent.map_or(0, |parent| parent.site).saturating_add(1),
            tag::site::SAME => parent.map_or(0, |parent| parent.site),
            _ => self.site.next(),
        };
        if row.site > self.sites {
            return Err(value(column::SITE, row.site.into()));
        }
        self.id(tag, &mut row);
        self.times(tag, &mut row, before);
        self.process(tag, &mut row, before, parent)?;
        if tag.parent() == tag::parent::ELSEWHERE {
            row.parent = row.id.wrapping_add(unzigzag(self.parent_id.next()) as u64);
        }
        self.rest(tag, &mut row)?;
        Ok(row)
    }

    /// The row of the parent, if it is in the trace.
    #[inline]
    fn parent<'r>(
        &mut self,
        tag: Tag,
        rows: &'r [Row],
        row: &mut Row,
    ) -> Result<Option<&'r Row>, FrameError> {
        let at = rows.len() as u32;
        let of = |found: u32| {
            let at = (found as usize).checked_sub(1);
            at.and_then(|at| self.parents.get(at))
                .copied()
                .unwrap_or_default()
        };
        let found = match tag.parent() {
            tag::parent::BEFORE => at,
            tag::parent::OF_BEFORE => of(at),
            tag::parent::OF_THAT => of(of(at)),
            tag::parent::BACK => (at + 1).saturating_sub(self.back.next()).min(at),
            tag::parent::NONE | tag::parent::ELSEWHERE => {
                self.parents.push(0);
                return Ok(None);
            }
            other => return Err(value(column::TAG, other)),
        };
        self.parents.push(found);
        let Some(parent) = (found as usize).checked_sub(1).and_then(|at| rows.get(at)) else {
            return Err(value(column::PARENT_BACK, found.into()));
        };
        row.parent = parent.id;
        row.up = at + 1 - found;
        Ok(Some(parent))
    }

    /// The node, and the node and time of the parent.
    #[inline]
    fn place(
        &mut self,
        tag: Tag,
        row: &mut Row,
        before: Option<&Row>,
        parent: Option<&Row>,
    ) -> Result<(), FrameError> {
        let here = parent.filter(|_| matches!(tag.remote(), tag::remote::NONE));
        row.node = if tag.node_given() == 1 {
            self.node.next().saturating_add(1)
        } else {
            here.or(before).map_or(0, |row| row.node)
        };
        if row.node == 0 || row.node > self.nodes {
            return Err(value(column::NODE, row.node.into()));
        }
        match tag.remote() {
            tag::remote::PARENT | tag::remote::TIME => row.remote = parent.map_or(0, |parent| parent.node),
            tag::remote::GIVEN => row.remote = self.remote.next(),
            _ => {}
        }
        if row.remote > self.keys {
            return Err(value(column::REMOTE, row.remote.into()));
        }
        Ok(())
    }

    #[inline]
    fn id(&mut self, tag: Tag, row: &mut Row) {
        let at = row.node as usize - 1;
        let Some(last) = self.last.get_mut(at) else {
            return;
        };
        let (expected, lane_before) = if last.trace == self.trace {
            (last.slot.wrapping_add(1), last.lane)
        } else {
            (self.least.get(at).copied().unwrap_or_default(), 0)
        };
        let mode = tag.id();
        let slot = if mode >= tag::id::SLOT {
            expected.wrapping_add(unzigzag(self.slot.next()) as u64)
        } else {
            expected
        };
        let lane = match mode {
            tag::id::PAIR => lane_before ^ 1,
            tag::id::GIVEN => lane_before ^ self.lane.next(),
            _ => lane_before,
        };
        row.id = slot << LANE_BITS | u64::from(lane);
        let (slot, lane) = slot_and_lane(row.id);
        *last = Last {
            trace: self.trace,
            slot,
            lane,
        };
    }

    #[inline]
    fn times(&mut self, tag: Tag, row: &mut Row, before: Option<&Row>) {
        let from = before.map_or(self.time_min, |before| before.time);
        let by = self.time.next();
        row.time = if tag.time_back() == 1 {
            from.wrapping_sub(by)
        } else {
            from.wrapping_add(by)
        };
        row.hlc = if tag.hlc_given() == 1 {
            (row.time << 10).wrapping_add(unzigzag(self.hlc.next()) as u64)
        } else {
            expected_hlc(row.time, before)
        };
    }

    /// Process and ordinal, the parent's time.
    #[inline]
    fn process(
        &mut self,
        tag: Tag,
        row: &mut Row,
        before: Option<&Row>,
        parent: Option<&Row>,
    ) -> Result<(), FrameError> {
        row.remote_time = match tag.remote() {
            tag::remote::PARENT => parent.map_or(0, |parent| parent.time),
            tag::remote::TIME => {
                let of = parent.map_or(0, |parent| parent.time);
                of.wrapping_add(unzigzag(self.remote_time.next()) as u64)
            }
            tag::remote::GIVEN => row.time.wrapping_sub(unzigzag(self.remote_time.next()) as u64),
            _ => 0,
        };
        let here = parent.filter(|_| row.remote == 0);
        let process = here.or_else(|| before.filter(|before| before.node == row.node));
        row.pid = if tag.pid_given() == 1 {
            self.pid.next()
        } else {
            process.map_or(0, |process| process.pid)
        };
        let (pid, node) = (row.pid, row.node);
        let same = |other: &&Row| other.pid == pid && other.node == node;
        let reference = before.filter(same).or_else(|| parent.filter(same));
        let from = reference.map_or(0, |row| i64::from(row.ordinal));
        let difference = match tag.ordinal() {
            tag::ORDINAL_GIVEN => unzigzag(self.ordinal.next()),
            code => code as i64 + tag::ORDINAL_MIN,
        };
        let ordinal = from.wrapping_add(difference);
        row.ordinal = u32::try_from(ordinal).map_err(|_| value(column::ORDINAL, ordinal as u64))?;
        Ok(())
    }

    /// Shape, linked trace, payload.
    #[inline]
    fn rest(&mut self, tag: Tag, row: &mut Row) -> Result<(), FrameError> {
        if tag.shape() == 1 {
            row.shape = self.shape.next().saturating_add(1);
            if row.shape > self.shapes {
                return Err(value(column::SHAPE, row.shape.into()));
            }
        }
        if tag.linked() == 1 {
            self.linked += 1;
            row.linked = self.linked;
            if row.linked > self.linked_len {
                return Err(value(column::LINKED, row.linked.into()));
            }
        }
        if tag.payload() == 1 {
            let len = self.payload.next();
            row.payload = self.heap;
            self.heap = self.heap.saturating_add(len);
            if len > PAYLOAD_BYTES_MAX as u64 || self.heap > self.heap_len {
                return Err(value(column::PAYLOAD, len));
            }
            row.payload_len = len as u32;
        }
        Ok(())
    }

    /// After the last row: was all of every column read?
    pub(super) fn finish(&self) -> Result<(), FrameError> {
        for planes in [
            &self.tag,
            &self.back,
            &self.node,
            &self.remote,
            &self.site,
            &self.shape,
            &self.lane,
        ] {
            planes.finish()?;
        }
        for numbers in [
            &self.parent_id,
            &self.remote_time,
            &self.pid,
            &self.ordinal,
            &self.slot,
            &self.time,
            &self.hlc,
            &self.payload,
        ] {
            numbers.finish()?;
        }
        if (self.linked, self.heap) != (self.linked_len, self.heap_len) {
            return Err(missing(self.linked_len as usize, self.linked as usize));
        }
        Ok(())
    }
}

/// The table of tags; kinds and classes that nobody knows are refused here, once.
fn read_tags(frame: &EventFrame<'_>) -> Result<Vec<Tag>, FrameError> {
    let bytes = frame.parts.bytes(column::TAG, PartKind::Numbers)?;
    let (tags, _) = bytes.as_chunks::<8>();
    let mut list = Vec::with_capacity(tags.len());
    for bytes in tags {
        let tag = Tag(u64::from_le_bytes(*bytes));
        let known = event::EventKind::try_from(tag.kind()).is_ok()
            && event::ResultClass::try_from(tag.class()).is_ok()
            && tag.0 >> BITS == 0;
        if !known {
            return Err(value(column::TAG, tag.0));
        }
        list.push(tag);
    }
    Ok(list)
}

#[cold]
fn value(column: u16, value: u64) -> FrameError {
    FrameError::Value {
        column: column as u8,
        row: 0,
        value,
    }
}

/// Rows of a trace, as a range of indices.
pub(super) fn range(rows: &Range<u32>) -> Range<usize> {
    rows.start as usize..rows.end as usize
}
