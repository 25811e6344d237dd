//! One event as a node writes it: twelve words and a payload.

use event::{
    Event, EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, ResultClass, SiteId, TraceId,
};

use super::PAYLOAD_BYTES_MAX;
use crate::DecodeError;
use crate::bytes::{Put, Reader};

/// Words are below this, so that the BEAM never makes a bignum.
const WORD_LIMIT: u64 = 1 << 59;
const ORDINAL_MASK: u32 = (1 << 27) - 1;

/// The twelve words, split into their fields. What an [`Event`] has by name, this has by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Id on the node incarnation.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// Class of the result or exception.
    pub class: ResultClass,
    /// Flags.
    pub flags: Flags,
    /// Site in the module version, 0 = none.
    pub site: SiteId,
    /// Id of a shape that a SHAPE message names, 0 = none.
    pub shape: u16,
    /// Order across processes and nodes.
    pub hlc: Hlc,
    /// The node's own clock.
    pub time: Micros,
    /// Module version's key, 0 = none.
    pub module: ModuleKey,
    /// Trace, 0 = none.
    pub trace: TraceId,
    /// Order within the process, modulo 2^27.
    pub ordinal: u32,
    /// Process.
    pub pid: Pid,
    /// The event that caused it, 0 = none.
    pub parent: EventId,
    /// Flag `remote`: the parent's node.
    pub remote_node: NodeKey,
    /// Flag `remote`: the parent's time.
    pub remote_time: Micros,
    /// Kind `link`: the linked trace.
    pub linked: TraceId,
    /// Payload, empty = none.
    pub payload: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads one record and its payload. Refuses words of 2^59 or more, unknown kinds and classes, long payloads.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let mut w = [0u64; 12];
        for word in &mut w {
            *word = r.u64()?;
            if *word >= WORD_LIMIT {
                return Err(DecodeError::Range {
                    what: "record word",
                    value: *word,
                    max: WORD_LIMIT - 1,
                });
            }
        }
        let [
            id,
            bits,
            hlc,
            time,
            module,
            trace_a,
            trace_b,
            trace_c,
            pid,
            parent,
            remote_a,
            remote_b,
        ] = w;
        let kind = EventKind::try_from((bits & 0x3f) as u8)?;
        let class = ResultClass::try_from((bits >> 6 & 0x3f) as u8)?;
        let flags = Flags((bits >> 12) as u8);
        let link = kind == EventKind::Link;
        let remote = flags.has(Flags::REMOTE) && !link;
        let payload = if flags.has(Flags::PAYLOAD) {
            let n = r.u32()? as usize;
            DecodeError::check_size("record payload", n, PAYLOAD_BYTES_MAX)?;
            r.bytes(n)?
        } else {
            &[]
        };
        Ok(Self {
            id: EventId(id),
            kind,
            class,
            flags,
            site: SiteId((bits >> 20 & 0x00ff_ffff) as u32),
            shape: (bits >> 44 & 0x7fff) as u16,
            hlc: Hlc(hlc),
            time: Micros(time),
            module: ModuleKey(if link { 0 } else { module }),
            trace: join_trace(trace_a, trace_b, trace_c),
            ordinal: (trace_c >> 32) as u32 & ORDINAL_MASK,
            pid: Pid(pid),
            parent: EventId(parent),
            remote_node: NodeKey(if remote { remote_a } else { 0 }),
            remote_time: Micros(if remote { remote_b } else { 0 }),
            linked: if link {
                join_trace(module, remote_a, remote_b)
            } else {
                TraceId(0)
            },
            payload,
        })
    }

    /// Appends the record. Fields wider than their bits lose what does not fit.
    pub fn write(&self, out: &mut Vec<u8>) {
        let [trace_a, trace_b, trace_c] = split_trace(self.trace);
        let (module, remote_a, remote_b) = if self.kind == EventKind::Link {
            let [a, b, c] = split_trace(self.linked);
            (a, b, c)
        } else {
            (self.module.0, self.remote_node.0, self.remote_time.0)
        };
        let flag = if self.payload.is_empty() {
            self.flags.0
        } else {
            self.flags.0 | Flags::PAYLOAD
        };
        let bits = u64::from(self.kind.code() & 0x3f)
            | u64::from(self.class.code() & 0x3f) << 6
            | u64::from(flag) << 12
            | u64::from(self.site.0 & 0x00ff_ffff) << 20
            | u64::from(self.shape & 0x7fff) << 44;
        let ordinal = u64::from(self.ordinal & ORDINAL_MASK) << 32;
        let words = [
            self.id.0,
            bits,
            self.hlc.0,
            self.time.0,
            module,
            trace_a,
            trace_b,
            trace_c | ordinal,
            self.pid.0,
            self.parent.0,
            remote_a,
            remote_b,
        ];
        for word in words {
            out.put_u64(word & (WORD_LIMIT - 1));
        }
        if Flags(flag).has(Flags::PAYLOAD) {
            let payload = self.payload.get(..PAYLOAD_BYTES_MAX).unwrap_or(self.payload);
            out.put_u32(payload.len() as u32);
            out.put(payload);
        }
    }

    /// The event, with the node and the shape by name. `shape_name` is asked only for ids other than 0.
    pub fn to_event(&self, node: NodeKey, shape_name: impl Fn(u16) -> String) -> Event {
        Event {
            id: self.id,
            kind: self.kind,
            class: self.class,
            flags: self.flags,
            hlc: self.hlc,
            time: self.time,
            node,
            pid: self.pid,
            ordinal: self.ordinal,
            trace: self.trace,
            parent: self.parent,
            remote_node: self.remote_node,
            remote_time: self.remote_time,
            module: self.module,
            site: self.site,
            shape: if self.shape == 0 {
                String::new()
            } else {
                shape_name(self.shape)
            },
            linked: self.linked,
            payload: self.payload.to_vec(),
        }
    }
}

/// 48 + 48 + 32 bits; what is above them is not the trace's.
fn join_trace(a: u64, b: u64, c: u64) -> TraceId {
    const BITS48: u64 = (1 << 48) - 1;
    TraceId(u128::from(a & BITS48) << 80 | u128::from(b & BITS48) << 32 | u128::from(c as u32))
}

fn split_trace(trace: TraceId) -> [u64; 3] {
    const BITS48: u64 = (1 << 48) - 1;
    [
        (trace.0 >> 80) as u64,
        (trace.0 >> 32) as u64 & BITS48,
        u64::from(trace.0 as u32),
    ]
}
