//! Making frames: batches of events, each event a row of numbers, then columns over all of them (`crate::events`).

use std::cell::RefCell;

use event::{Bucket, Epoch, Event, Hlc, NodeInfo, Producer, Seq, Shard};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::section::Gap;
use super::{Compression, Cut, EVENTS_MAX, FrameTooLarge, HEADER_BYTES, Layout, SECTIONS_MAX, finish_frame};
use crate::events::{EventBuilder, Packer, SectionHead, What, encode};

/// Collects sections and makes one frame of them.
#[derive(Debug)]
pub struct FrameBuilder {
    cut: Cut,
    sections: Vec<SectionHead>,
    events: EventBuilder,
    grouping: Grouping,
}

impl FrameBuilder {
    /// An empty frame, cut now.
    pub fn new(producer: Producer, epoch: Epoch, hlc: Hlc, bucket: Bucket) -> Self {
        Self {
            cut: Cut {
                producer,
                epoch,
                hlc,
                bucket,
            },
            sections: Vec::new(),
            events: EventBuilder::new(0),
            grouping: Grouping::default(),
        }
    }

    /// Names a node incarnation; what is known of it already is replaced.
    pub fn node(&mut self, node: NodeInfo) -> &mut Self {
        self.events.name(node);
        self
    }

    /// A batch. Events of one trace are made adjacent, traces in order of first appearance, events of a trace in
    /// their order here. A node that [`Self::node`] has not named goes without a name.
    pub fn section<'e>(
        &mut self,
        shard: Shard,
        seq: Seq,
        events: impl IntoIterator<Item = &'e Event>,
    ) -> &mut Self {
        let rows: Vec<&Event> = events.into_iter().collect();
        self.grouping.group(&rows);
        let (mut at, mut traces) = (0, 0);
        let sorted = self.grouping.sorted(&rows);
        for trace in sorted.chunk_by(|one, other| one.0 == other.0) {
            let id = trace.first().map_or(0, |(_, first)| first.trace.0);
            self.events
                .run(shard, seq, at, id, trace.iter().map(|(_, event)| *event));
            at += trace.len() as u32;
            traces += 1;
        }
        self.sections.push(SectionHead {
            shard,
            seq,
            gap: None,
            rows: rows.len() as u32,
            traces,
        });
        self
    }

    /// A gap: `seq..=gap.last_seq` are given up.
    pub fn gap(&mut self, shard: Shard, seq: Seq, gap: Gap) -> &mut Self {
        self.sections.push(SectionHead {
            shard,
            seq,
            gap: Some(gap),
            rows: 0,
            traces: 0,
        });
        self
    }

    /// Nothing in it yet?
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }
    /// Events so far.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// The frame's bytes. Without compression its parts go as they are.
    pub fn finish(self, compression: Compression) -> Result<Vec<u8>, FrameTooLarge> {
        thread_local! {
            static PACKER: RefCell<Packer> = RefCell::new(Packer::of_flushes());
        }
        self.check_limits()?;
        match compression {
            Compression::None => self.encode(&mut Packer::plain()),
            Compression::Zstd => PACKER.with_borrow_mut(|packer| self.encode(packer)),
        }
    }

    fn encode(&self, packer: &mut Packer) -> Result<Vec<u8>, FrameTooLarge> {
        let mut frame = vec![0; HEADER_BYTES];
        let units = self.events.units();
        encode(
            &self.events,
            units,
            What::Frame(&self.sections),
            &self.events.site_order(),
            packer,
            &mut frame,
        )?;
        let (sections, rows) = (self.sections.len() as u32, self.events.len() as u32);
        finish_frame(Layout::Columns, self.cut, sections, rows, frame)
    }

    fn check_limits(&self) -> Result<(), FrameTooLarge> {
        let counts = [
            ("nodes", self.events.nodes(), usize::from(u16::MAX)),
            ("shapes", self.events.shapes(), usize::from(u16::MAX)),
            ("sections", self.sections.len(), SECTIONS_MAX),
            ("events", self.events.len(), EVENTS_MAX),
        ];
        for (what, found, max) in counts {
            if found > max {
                return Err(FrameTooLarge::Count { what, found, max });
            }
        }
        Ok(())
    }
}

/// Brings the events of one trace together.
#[derive(Debug, Default)]
struct Grouping {
    /// By event: the number of its trace.
    numbers: Vec<u32>,
    traces: Vec<u128>,
    table: HashTable<u32>,
}

impl Grouping {
    fn group(&mut self, events: &[&Event]) {
        self.numbers.clear();
        self.traces.clear();
        self.table.clear();
        let hash = |trace: u128| (trace as u64 ^ (trace >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut last: Option<(u128, u32)> = None;
        for event in events {
            let trace = event.trace.0;
            let number = match last {
                Some((known, number)) if known == trace => number,
                _ => {
                    let traces = &self.traces;
                    let entry = self.table.entry(
                        hash(trace),
                        |at| traces.get(*at as usize) == Some(&trace),
                        |at| traces.get(*at as usize).map_or(0, |trace| hash(*trace)),
                    );
                    match entry {
                        Entry::Occupied(known) => *known.get(),
                        Entry::Vacant(free) => {
                            let number = self.traces.len() as u32;
                            free.insert(number);
                            self.traces.push(trace);
                            number
                        }
                    }
                }
            };
            last = Some((trace, number));
            self.numbers.push(number);
        }
    }

    /// The events by trace, each with the number of its trace.
    fn sorted<'e>(&self, events: &[&'e Event]) -> Vec<(u32, &'e Event)> {
        let mut sorted: Vec<(u32, &Event)> =
            self.numbers.iter().copied().zip(events.iter().copied()).collect();
        if !sorted.is_sorted_by_key(|(number, _)| *number) {
            sorted.sort_by_key(|(number, _)| *number);
        }
        sorted
    }
}
