//! What the store says of traces, gaps and itself, as questions carry it.

use event::{Epoch, Hlc, Micros, NodeKey, Producer, Seq, Shard, TraceId};
use wire::bytes::{Put, Reader};

use super::Malformed;
use super::values::{count, put_text, text, truth};

/// `store::TraceSummary`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) trace: TraceId,
    pub(crate) time: (Micros, Micros),
    pub(crate) hlc: (Hlc, Hlc),
    pub(crate) events: u64,
    pub(crate) errors: u64,
    pub(crate) nodes: Vec<NodeKey>,
    pub(crate) root: Option<String>,
    pub(crate) content: u64,
}

/// `store::GapRecord`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Gap {
    pub(crate) hlc: Hlc,
    pub(crate) producer: Producer,
    pub(crate) epoch: Epoch,
    pub(crate) shard: Shard,
    pub(crate) first: Seq,
    pub(crate) last: Seq,
    pub(crate) reason: u8,
    pub(crate) events: u64,
}

/// `store::Audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audited {
    /// Events, duplicates, losses, batches, missing and given-up batches, damaged frames.
    pub(crate) counts: [u64; 7],
    pub(crate) by_node: Vec<(NodeKey, u64)>,
}

/// What a member says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// Its release.
    pub(crate) release: String,
    /// Its clock.
    pub(crate) now: Micros,
    /// Why its store writes nothing; none: it does.
    pub(crate) unwritable: Option<String>,
    /// Bytes of its disk that are free, and all of them.
    pub(crate) disk: (u64, u64),
}

impl About {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_text(out, &self.release);
        out.put_u64(self.now.0);
        out.put_u8(self.unwritable.is_some().into());
        if let Some(why) = &self.unwritable {
            put_text(out, why);
        }
        out.put_u64(self.disk.0);
        out.put_u64(self.disk.1);
    }

    pub(super) fn read(mut r: Reader<'_>) -> Result<Self, Malformed> {
        let about = Self {
            release: text(&mut r)?,
            now: Micros(r.u64()?),
            unwritable: truth(&mut r)?.then(|| text(&mut r)).transpose()?,
            disk: (r.u64()?, r.u64()?),
        };
        r.finish()?;
        Ok(about)
    }
}

impl Summary {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_u128(self.trace.0);
        let times = [self.time.0.0, self.time.1.0, self.hlc.0.0, self.hlc.1.0];
        for time in times {
            out.put_u64(time);
        }
        out.put_varint(self.events);
        out.put_varint(self.errors);
        out.put_u64(self.content);
        out.put_varint(self.nodes.len() as u64);
        for node in &self.nodes {
            out.put_u64(node.0);
        }
        out.put_u8(self.root.is_some().into());
        if let Some(root) = &self.root {
            put_text(out, root);
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            trace: TraceId(r.u128()?),
            time: (Micros(r.u64()?), Micros(r.u64()?)),
            hlc: (Hlc(r.u64()?), Hlc(r.u64()?)),
            events: r.varint()?,
            errors: r.varint()?,
            content: r.u64()?,
            nodes: {
                let n = count(r, 8)?;
                let nodes: Result<_, Malformed> = (0..n).map(|_| Ok(NodeKey(r.u64()?))).collect();
                nodes?
            },
            root: truth(r)?.then(|| text(r)).transpose()?,
        })
    }
}

impl Gap {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_u64(self.hlc.0);
        out.put_u128(self.producer.0);
        out.put_varint(self.epoch.0);
        out.put_u16(self.shard.0);
        out.put_varint(self.first.0);
        out.put_varint(self.last.0);
        out.put_u8(self.reason);
        out.put_varint(self.events);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            hlc: Hlc(r.u64()?),
            producer: Producer(r.u128()?),
            epoch: Epoch(r.varint()?),
            shard: Shard(r.u16()?),
            first: Seq(r.varint()?),
            last: Seq(r.varint()?),
            reason: r.u8()?,
            events: r.varint()?,
        })
    }
}
