//! Filled columns as the parts of a frame or a block.

use event::NodeInfo;

use super::super::build::EventBuilder;
use super::super::layout as column;
use super::super::stream::Numbers;
use super::{Columns, SectionHead, What};
use crate::bytes::Put;
use crate::columns::{PartKind, PartWriter};

impl Columns {
    pub(super) fn write(&mut self, builder: &EventBuilder, what: What<'_>, parts: &mut PartWriter<'_>) {
        self.write_dictionaries(builder, what, parts);
        parts.always(column::TRACE, PartKind::Planes, 16, &self.traces);
        parts.indices(column::TRACE_ROWS, &self.trace_rows);
        if matches!(what, What::Block) {
            parts.indices(column::RUNS, &self.runs);
            parts.indices(column::RUN_ROWS, &self.run_rows);
            parts.indices(column::RUN_SOURCE, &self.run_source);
            parts.indices(column::RUN_SHARD, &self.run_shard);
            parts.indices(column::RUN_FIRST, &self.run_first);
            self.run_seq.write(column::RUN_SEQ, parts);
        }
        let table = self.tags.table();
        parts.part(column::TAG, PartKind::Numbers, 8, &table, true);
        parts.bounded_indices(column::TAG, &self.tag);
        parts.indices(column::PARENT_BACK, &self.back);
        self.parent_id.write(column::PARENT_ID, parts);
        parts.indices(column::NODE, &self.node);
        parts.indices(column::REMOTE, &self.remote);
        self.remote_time.write(column::REMOTE_TIME, parts);
        parts.indices(column::SITE, &self.site);
        self.pid.write(column::PID, parts);
        self.ordinal.write(column::ORDINAL, parts);
        self.slot.write(column::SLOT, parts);
        parts.indices(column::LANE, &self.lane);
        self.time.write(column::TIME, parts);
        self.hlc.write(column::HLC, parts);
        parts.indices(column::SHAPE, &self.shape);
        parts.part(column::LINKED, PartKind::Planes, 16, &self.linked, true);
        self.payload.write(column::PAYLOAD, parts);
        parts.part(column::PAYLOAD, PartKind::Texts, 1, &self.heap, true);
    }

    fn write_dictionaries(&self, builder: &EventBuilder, what: What<'_>, parts: &mut PartWriter<'_>) {
        let mut bytes = Vec::new();
        match what {
            What::Frame(sections) => {
                for section in sections {
                    put_section(&mut bytes, section);
                }
                parts.part(column::SECTIONS, PartKind::Texts, 1, &bytes, true);
            }
            What::Block => {
                for (producer, epoch) in &builder.sources {
                    bytes.put_u128(producer.0);
                    bytes.put_u64(epoch.0);
                }
                parts.part(column::SOURCES, PartKind::Texts, 1, &bytes, true);
            }
        }
        bytes.clear();
        self.put_nodes(builder, what, &mut bytes);
        parts.part(column::NODES, PartKind::Texts, 1, &bytes, true);
        bytes.clear();
        for module in self.pairs.chunk_by(|one, other| one.0 == other.0) {
            bytes.put_u64(module.first().map_or(0, |pair| pair.0));
            bytes.put_varint(module.len() as u64);
            let mut last = 0;
            for (_, site) in module {
                bytes.put_varint(u64::from(site - last));
                last = *site;
            }
        }
        parts.part(column::SITES, PartKind::Texts, 1, &bytes, true);
        parts.texts(column::SHAPES, &self.shape_texts);
        let mut slots = Numbers::default();
        self.slots.iter().for_each(|slot| slots.push(*slot));
        slots.write(column::SLOT_BASE, parts);
    }

    fn put_nodes(&self, builder: &EventBuilder, what: What<'_>, out: &mut Vec<u8>) {
        let blank = |key: u64| NodeInfo {
            key: event::NodeKey(key),
            creation: 0,
            name: String::new(),
        };
        out.put_varint(self.nodes.len() as u64);
        let key = |number: &u32| {
            builder
                .keys
                .list
                .get(*number as usize)
                .copied()
                .unwrap_or_default()
        };
        for number in &self.nodes {
            let known = builder.keys.infos.get(*number as usize).cloned().flatten();
            // Whoever keeps blocks keeps names elsewhere, once.
            let node = match what {
                What::Frame(_) => known.unwrap_or_else(|| blank(key(number))),
                What::Block => blank(key(number)),
            };
            out.put_u64(node.key.0);
            out.put_varint(node.creation.into());
            out.put_str(&node.name);
        }
        out.put_varint(self.others.len() as u64);
        self.others.iter().for_each(|number| out.put_u64(key(number)));
    }
}

fn put_section(out: &mut Vec<u8>, section: &SectionHead) {
    out.put_varint(section.shard.0.into());
    out.put_varint(section.seq.0);
    if let Some(gap) = section.gap {
        out.put_u8(gap.reason.code());
        out.put_varint(gap.last_seq.0.wrapping_sub(section.seq.0));
        out.put_varint(gap.events);
    } else {
        out.put_u8(0);
        out.put_varint(section.rows.into());
        out.put_varint(section.traces.into());
    }
}
