//! Events with their identities, field by field, one after the other until the bytes end. What repeats is left to the compression of the
//! part.

use event::{
    Epoch, Event, EventId, EventIdentity, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, Producer,
    ResultClass, Seq, Shard, SiteId, TraceId,
};
use wire::bytes::{Put, Reader};

use super::Malformed;
use super::values::{bytes, put_bytes, put_text, text};

/// Appends one.
pub(super) fn put_event(out: &mut Vec<u8>, identity: &EventIdentity, event: &Event) {
    out.put_u128(identity.producer.0);
    out.put_varint(identity.epoch.0);
    out.put_u16(identity.shard.0);
    out.put_varint(identity.seq.0);
    out.put_varint(identity.row.into());
    out.put_u8(event.kind.code());
    out.put_u8(event.class.code());
    out.put_u8(event.flags.0);
    out.put_u64(event.id.0);
    out.put_u64(event.hlc.0);
    out.put_u64(event.time.0);
    out.put_u64(event.node.0);
    out.put_u64(event.pid.0);
    out.put_varint(event.ordinal.into());
    out.put_u128(event.trace.0);
    out.put_u64(event.parent.0);
    out.put_u64(event.remote_node.0);
    out.put_u64(event.remote_time.0);
    out.put_u64(event.module.0);
    out.put_varint(event.site.0.into());
    put_text(out, &event.shape);
    out.put_u128(event.linked.0);
    put_bytes(out, &event.payload);
}

/// All of them.
pub(super) fn read_events(bytes: &[u8]) -> Result<Vec<(EventIdentity, Event)>, Malformed> {
    let mut r = Reader::new(bytes);
    let mut events = Vec::new();
    while !r.is_empty() {
        events.push(event(&mut r)?);
    }
    Ok(events)
}

fn event(r: &mut Reader<'_>) -> Result<(EventIdentity, Event), Malformed> {
    let identity = EventIdentity {
        producer: Producer(r.u128()?),
        epoch: Epoch(r.varint()?),
        shard: Shard(r.u16()?),
        seq: Seq(r.varint()?),
        row: small("row", r)?,
    };
    let (kind, class) = (r.u8()?, r.u8()?);
    let event = Event {
        kind: EventKind::try_from(kind).map_err(|e| Malformed::Unknown(e.what, e.code.into()))?,
        class: ResultClass::try_from(class).map_err(|e| Malformed::Unknown(e.what, e.code.into()))?,
        flags: Flags(r.u8()?),
        id: EventId(r.u64()?),
        hlc: Hlc(r.u64()?),
        time: Micros(r.u64()?),
        node: NodeKey(r.u64()?),
        pid: Pid(r.u64()?),
        ordinal: small("ordinal", r)?,
        trace: TraceId(r.u128()?),
        parent: EventId(r.u64()?),
        remote_node: NodeKey(r.u64()?),
        remote_time: Micros(r.u64()?),
        module: ModuleKey(r.u64()?),
        site: SiteId(small("site", r)?),
        shape: text(r)?,
        linked: TraceId(r.u128()?),
        payload: bytes(r)?.to_vec(),
    };
    Ok((identity, event))
}

fn small(what: &'static str, r: &mut Reader<'_>) -> Result<u32, Malformed> {
    let number = r.varint()?;
    u32::try_from(number).map_err(|_| Malformed::Unknown(what, number))
}
