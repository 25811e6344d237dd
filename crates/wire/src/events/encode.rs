//! From rows to columns: each row a tag, and the numbers that nothing foretells.

mod write;

use super::build::{EventBuilder, RunRows};
use super::names::SiteOrder;
use super::row::{Row, expected_hlc, slot_and_lane};
use super::stream::Numbers;
use super::tag::{self, Tag};
use super::tags::{Parents, Tags};
use crate::bytes::{Put, zigzag};
use crate::columns::{Interner, PartWriter, Squeezer};
use crate::frame::{FrameTooLarge, Gap};

/// Makes frames and blocks; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Packer {
    squeezer: Squeezer,
    columns: Columns,
}

impl Packer {
    /// For frames: what is short is left as it is.
    pub(crate) fn of_flushes() -> Self {
        Self {
            squeezer: Squeezer::of_flushes(),
            columns: Columns::default(),
        }
    }

    /// Compresses nothing.
    pub fn plain() -> Self {
        Self {
            squeezer: Squeezer::nothing(),
            columns: Columns::default(),
        }
    }
}

/// A section as it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SectionHead {
    pub(crate) shard: event::Shard,
    pub(crate) seq: event::Seq,
    pub(crate) gap: Option<Gap>,
    pub(crate) rows: u32,
    pub(crate) traces: u32,
}

/// What is written: a frame with its sections and all nodes that were named, or a block.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What<'w> {
    /// An agent's flush.
    Frame(&'w [SectionHead]),
    /// Events by trace.
    Block,
}

/// Who is last in the trace that is being written, by node.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    trace: u32,
    slot: u64,
    lane: u32,
}

#[derive(Debug, Default)]
struct Columns {
    /// By number in the builder - 1: number here.
    keys: Vec<u32>,
    nodes: Vec<u32>,
    others: Vec<u32>,
    sites: Vec<u32>,
    pairs: Vec<(u64, u32)>,
    shapes: Vec<u32>,
    shape_texts: Interner,
    slots: Vec<u64>,
    last: Vec<Last>,
    trace: u32,
    gathered: Vec<Row>,
    parents: Parents,
    tags: Tags,
    tag: Vec<u32>,
    back: Vec<u32>,
    node: Vec<u32>,
    remote: Vec<u32>,
    site: Vec<u32>,
    shape: Vec<u32>,
    lane: Vec<u32>,
    parent_id: Numbers,
    remote_time: Numbers,
    pid: Numbers,
    ordinal: Numbers,
    slot: Numbers,
    time: Numbers,
    hlc: Numbers,
    payload: Numbers,
    linked: Vec<u8>,
    heap: Vec<u8>,
    traces: Vec<u8>,
    trace_rows: Vec<u32>,
    runs: Vec<u32>,
    run_rows: Vec<u32>,
    run_source: Vec<u32>,
    run_shard: Vec<u32>,
    run_first: Vec<u32>,
    run_seq: Numbers,
    hlc_range: (u64, u64),
    time_range: (u64, u64),
}

/// Appends the payload of a frame: `units` are its traces, each with its runs.
pub(crate) fn encode<'r>(
    builder: &EventBuilder,
    units: impl Iterator<Item = &'r [RunRows]> + Clone,
    what: What<'_>,
    order: &SiteOrder,
    packer: &mut Packer,
    out: &mut Vec<u8>,
) -> Result<(), FrameTooLarge> {
    let Packer { squeezer, columns } = packer;
    columns.reset();
    columns.prepare(builder, units.clone().flatten(), what);
    for unit in units {
        columns.unit(builder, order, unit);
    }
    columns.number(builder, order);
    let mut parts = PartWriter::new(squeezer);
    columns.write(builder, what, &mut parts);
    parts.check()?;
    out.reserve(36 + parts.directory.len() + parts.data.len());
    out.put_u64(columns.hlc_range.0);
    out.put_u64(columns.hlc_range.1);
    out.put_u64(columns.time_range.0);
    out.put_u64(columns.time_range.1);
    out.put_u32(parts.count);
    out.put(&parts.directory);
    out.put(&parts.data);
    Ok(())
}

fn rows_of<'b>(builder: &'b EventBuilder, run: &RunRows) -> &'b [Row] {
    let first = run.first as usize;
    builder
        .rows
        .get(first..first + run.rows as usize)
        .unwrap_or_default()
}

/// A key that has events, or is named; one of a parent's node alone.
const NODE: u32 = 2;
const OTHER: u32 = 1;

#[inline]
fn mark(map: &mut [u32], number: u32, value: u32) {
    if let Some(entry) = map.get_mut((number as usize).wrapping_sub(1)) {
        *entry |= value;
    }
}

#[inline]
fn number(map: &[u32], builders: u32) -> u32 {
    match builders {
        0 => 0,
        number => map.get(number as usize - 1).copied().unwrap_or_default(),
    }
}

impl Columns {
    fn reset(&mut self) {
        for list in [
            &mut self.keys,
            &mut self.nodes,
            &mut self.others,
            &mut self.sites,
            &mut self.shapes,
            &mut self.tag,
            &mut self.back,
            &mut self.node,
            &mut self.remote,
            &mut self.site,
            &mut self.shape,
            &mut self.lane,
            &mut self.trace_rows,
            &mut self.runs,
            &mut self.run_rows,
            &mut self.run_source,
            &mut self.run_shard,
            &mut self.run_first,
        ] {
            list.clear();
        }
        for numbers in [
            &mut self.parent_id,
            &mut self.remote_time,
            &mut self.pid,
            &mut self.ordinal,
            &mut self.slot,
            &mut self.time,
            &mut self.hlc,
            &mut self.payload,
            &mut self.run_seq,
        ] {
            numbers.clear();
        }
        for bytes in [&mut self.linked, &mut self.heap, &mut self.traces] {
            bytes.clear();
        }
        self.pairs.clear();
        self.slots.clear();
        self.last.clear();
        self.trace = 0;
        self.shape_texts.clear();
        self.tags.clear();
    }

    /// What is known before the rows are looked at. They are gone through once only, out of far more memory than a processor has near:
    /// dictionaries are numbered afterwards, by what was used of them.
    fn prepare<'r>(
        &mut self,
        builder: &EventBuilder,
        runs: impl Iterator<Item = &'r RunRows>,
        what: What<'_>,
    ) {
        self.keys.resize(builder.keys.list.len(), 0);
        self.sites.resize(builder.sites.pairs.len(), 0);
        self.shapes.resize(builder.shapes.len(), 0);
        self.last.resize(builder.keys.list.len(), Last::default());
        if matches!(what, What::Frame(_)) {
            for (entry, info) in self.keys.iter_mut().zip(&builder.keys.infos) {
                *entry = if info.is_some() { NODE } else { 0 };
            }
        }
        let least = runs.map(|run| run.time_min).min();
        // Of no rows the least is the greatest number.
        let least = least.filter(|least| *least != u64::MAX).unwrap_or_default();
        (self.hlc_range, self.time_range) = ((u64::MAX, 0), (least, least));
    }

    /// Gives numbers to what was used, and puts them in place of the builder's.
    fn number(&mut self, builder: &EventBuilder, order: &SiteOrder) {
        self.hlc_range.0 = self.hlc_range.0.min(self.hlc_range.1);
        self.number_keys(builder);
        self.number_sites(builder, order);
        for node in &mut self.node {
            *node = number(&self.keys, *node).saturating_sub(1);
        }
        for remote in &mut self.remote {
            *remote = number(&self.keys, *remote);
        }
        for site in &mut self.site {
            *site = number(&self.sites, *site);
        }
    }

    /// Nodes that can have events first, then keys of parents' nodes; each in the builder's order.
    fn number_keys(&mut self, builder: &EventBuilder) {
        for (number, used) in (0u32..).zip(&self.keys) {
            match *used {
                0 => {}
                OTHER => self.others.push(number),
                _ => self.nodes.push(number),
            }
        }
        for (here, number) in (1u32..).zip(self.nodes.iter().chain(&self.others)) {
            if let Some(entry) = self.keys.get_mut(*number as usize) {
                *entry = here;
            }
        }
        let least = |number: &u32| match builder.keys.least.get(*number as usize) {
            Some(&u64::MAX) | None => 0,
            Some(least) => *least,
        };
        self.slots.extend(self.nodes.iter().map(least));
    }

    fn number_sites(&mut self, builder: &EventBuilder, order: &SiteOrder) {
        for number in &order.order {
            let at = *number as usize;
            if let Some(entry) = self.sites.get_mut(at)
                && *entry != 0
                && let Some(pair) = builder.sites.pairs.get(at)
            {
                self.pairs.push(*pair);
                *entry = self.pairs.len() as u32;
            }
        }
    }

    fn unit(&mut self, builder: &EventBuilder, order: &SiteOrder, runs: &[RunRows]) {
        let Some(first) = runs.first() else {
            return;
        };
        let mut gathered = std::mem::take(&mut self.gathered);
        let rows = if let [run] = runs {
            rows_of(builder, run)
        } else {
            gathered.clear();
            for run in runs {
                gathered.extend_from_slice(rows_of(builder, run));
            }
            &gathered
        };
        self.traces.put_u128(first.trace);
        self.trace_rows.push(rows.len() as u32);
        self.runs.push(runs.len() as u32 - 1);
        for run in runs {
            if runs.len() > 1 {
                self.run_rows.push(run.rows);
            }
            self.run_source.push(run.source);
            self.run_shard.push(run.shard.0.into());
            self.run_first.push(run.at);
            self.run_seq.push(run.seq.0);
        }
        self.trace += 1;
        self.parents.begin();
        let mut before: Option<&Row> = None;
        for (at, row) in rows.iter().enumerate() {
            self.row(builder, order, rows, at, before);
            before = Some(row);
        }
        self.gathered = gathered;
    }

    #[inline]
    fn row(
        &mut self,
        builder: &EventBuilder,
        order: &SiteOrder,
        rows: &[Row],
        at: usize,
        before: Option<&Row>,
    ) {
        let Some(row) = rows.get(at) else {
            return;
        };
        let mut tag = Tag::new(row.kind, row.class, row.flags);
        mark(&mut self.keys, row.node, NODE);
        mark(&mut self.keys, row.remote, OTHER);
        mark(&mut self.sites, row.site, 1);
        let parent = self.parent(&mut tag, rows, at, row);
        self.place(&mut tag, row, before, parent);
        self.code(&mut tag, row, parent, order);
        self.id(&mut tag, row, builder);
        self.times(&mut tag, row, before);
        if row.shape != 0 {
            tag.set_shape(1);
            let shape = self.shape_number(builder, row.shape);
            self.shape.push(shape);
        }
        if row.linked != 0 {
            tag.set_linked(1);
            self.linked.put_u128(builder.linked.get(row.linked));
        }
        if row.payload_len != 0 {
            tag.set_payload(1);
            self.payload.push(row.payload_len.into());
            let first = row.payload as usize;
            let payload = builder.heap.get(first..first + row.payload_len as usize);
            self.heap.put(payload.unwrap_or_default());
        }
        let number = self.tags.number(tag);
        self.tag.push(number);
    }

    /// Says where the parent is.
    #[inline]
    fn parent<'r>(&mut self, tag: &mut Tag, rows: &'r [Row], at: usize, row: &Row) -> Option<&'r Row> {
        let (mode, found) = self.parents.find(rows, at, row);
        tag.set_parent(mode);
        match mode {
            tag::parent::BACK => self.back.push((at + 1) as u32 - found),
            tag::parent::ELSEWHERE => self
                .parent_id
                .push(zigzag(row.parent.wrapping_sub(row.id) as i64)),
            _ => {}
        }
        let found = (found as usize).checked_sub(1)?;
        rows.get(found)
    }

    /// Node, process, the parent's node and time, the order in the process.
    #[inline]
    fn place(&mut self, tag: &mut Tag, row: &Row, before: Option<&Row>, parent: Option<&Row>) {
        let here = parent.filter(|_| row.remote == 0);
        let expected = here.or(before).map_or(0, |row| row.node);
        if expected != row.node {
            tag.give_node(1);
            self.node.push(row.node);
        }
        match parent {
            _ if row.remote == 0 && row.remote_time == 0 => tag.set_remote(tag::remote::NONE),
            Some(parent) if row.remote != 0 => {
                if row.remote_time == parent.time {
                    tag.set_remote(tag::remote::PARENT);
                } else {
                    tag.set_remote(tag::remote::TIME);
                    self.remote_time
                        .push(zigzag(row.remote_time.wrapping_sub(parent.time) as i64));
                }
            }
            _ => {
                tag.set_remote(tag::remote::GIVEN);
                self.remote.push(row.remote);
                self.remote_time
                    .push(zigzag(row.time.wrapping_sub(row.remote_time) as i64));
            }
        }
        let process = here.or_else(|| before.filter(|before| before.node == row.node));
        if process.is_none_or(|process| process.pid != row.pid) {
            tag.give_pid(1);
            self.pid.push(row.pid);
        }
        let same = |other: &&Row| other.pid == row.pid && other.node == row.node;
        let reference = before.filter(same).or_else(|| parent.filter(same));
        let difference = i64::from(row.ordinal) - reference.map_or(0, |row| i64::from(row.ordinal));
        let code = (difference - tag::ORDINAL_MIN) as u64;
        if code < tag::ORDINAL_GIVEN {
            tag.set_ordinal(code);
        } else {
            tag.set_ordinal(tag::ORDINAL_GIVEN);
            self.ordinal.push(zigzag(difference));
        }
    }

    #[inline]
    fn code(&mut self, tag: &mut Tag, row: &Row, parent: Option<&Row>, order: &SiteOrder) {
        // Neighbours in the order of all are neighbours among those that are used here.
        let site = order.place(row.site);
        let of_parent = parent.map_or(0, |parent| order.place(parent.site));
        tag.set_site(match parent {
            _ if site == 0 => tag::site::NONE,
            Some(_) if site == of_parent + 1 => tag::site::NEXT,
            Some(_) if site == of_parent => tag::site::SAME,
            _ => {
                self.site.push(row.site);
                tag::site::GIVEN
            }
        });
    }

    #[inline]
    fn id(&mut self, tag: &mut Tag, row: &Row, builder: &EventBuilder) {
        let (slot, lane) = slot_and_lane(row.id);
        let at = (row.node as usize).wrapping_sub(1);
        let least = builder.keys.least.get(at).copied().unwrap_or_default();
        let Some(last) = self.last.get_mut(at) else {
            return;
        };
        let (expected, lane_before) = if last.trace == self.trace {
            (last.slot.wrapping_add(1), last.lane)
        } else {
            (least, 0)
        };
        *last = Last {
            trace: self.trace,
            slot,
            lane,
        };
        let mode = match (slot == expected, lane ^ lane_before) {
            (true, 0) => tag::id::NEXT,
            (true, 1) => tag::id::PAIR,
            (_, 0) => tag::id::SLOT,
            _ => tag::id::GIVEN,
        };
        tag.set_id(mode);
        if mode >= tag::id::SLOT {
            self.slot.push(zigzag(slot.wrapping_sub(expected) as i64));
        }
        if mode == tag::id::GIVEN {
            self.lane.push(lane ^ lane_before);
        }
    }

    #[inline]
    fn times(&mut self, tag: &mut Tag, row: &Row, before: Option<&Row>) {
        let from = before.map_or(self.time_range.0, |before| before.time);
        tag.set_time_back(u64::from(row.time < from));
        self.time.push(row.time.abs_diff(from));
        self.time_range.1 = row.time.max(self.time_range.1);
        self.hlc_range = (row.hlc.min(self.hlc_range.0), row.hlc.max(self.hlc_range.1));
        if row.hlc != expected_hlc(row.time, before) {
            tag.give_hlc(1);
            self.hlc.push(zigzag(row.hlc.wrapping_sub(row.time << 10) as i64));
        }
    }

    /// The number here of a shape, from 0.
    fn shape_number(&mut self, builder: &EventBuilder, shape: u32) -> u32 {
        let at = shape - 1;
        let Some(entry) = self.shapes.get_mut(at as usize) else {
            return 0;
        };
        if *entry == 0 {
            *entry = 1 + self.shape_texts.push(builder.shapes.get(at).unwrap_or_default());
        }
        *entry - 1
    }
}
