//! Round trips, golden bytes, hostile input.

mod example;
mod hostile;
mod properties;
mod version_1;

use event::{
    Event, EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, ResultClass, SiteId, TraceId,
};
use proptest::prelude::*;

/// Any kind.
fn kind() -> impl Strategy<Value = EventKind> {
    proptest::sample::select(EventKind::ALL)
}

/// Any event, with few distinct nodes, traces and shapes, as in life.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let class = proptest::sample::select(ResultClass::ALL);
    let what = (
        any::<u64>(),
        kind(),
        class,
        any::<u8>(),
        any::<u64>(),
        any::<u64>(),
    );
    let place = (0..3u64, any::<u64>(), any::<u32>(), 0..4u128, any::<u64>());
    let code = (
        any::<u64>(),
        any::<u32>(),
        proptest::sample::select(vec!["", ":tick", "{:reserve, _, _}"]),
    );
    let rest = (
        any::<u64>(),
        any::<u64>(),
        prop_oneof![Just(0), any::<u128>()],
        any::<Vec<u8>>(),
    );
    (what, place, code, rest).prop_map(|(what, place, code, rest)| {
        let (id, kind, class, flags, hlc, time) = what;
        let (node, pid, ordinal, trace, parent) = place;
        let (module, site, shape) = code;
        let (remote_node, remote_time, linked, payload) = rest;
        Event {
            id: EventId(id),
            kind,
            class,
            flags: Flags(flags),
            hlc: Hlc(hlc),
            time: Micros(time),
            node: NodeKey(node),
            pid: Pid(pid),
            ordinal,
            trace: TraceId(trace),
            parent: EventId(parent),
            remote_node: NodeKey(remote_node),
            remote_time: Micros(remote_time),
            module: ModuleKey(module),
            site: SiteId(site),
            shape: shape.to_owned(),
            linked: TraceId(linked),
            payload,
        }
    })
}
