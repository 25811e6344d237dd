//! Events with every field in use.

use event::{
    Event, EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, ResultClass, SiteId, TraceId,
};

/// The `n`th of a series of events over three traces, two nodes, all kinds and classes.
pub fn event(n: u64) -> Event {
    let pick = n as usize;
    Event {
        id: EventId(n << 10 | 1),
        kind: EventKind::ALL[pick % EventKind::ALL.len()],
        class: ResultClass::ALL[pick % ResultClass::ALL.len()],
        flags: Flags((n % 4) as u8),
        hlc: Hlc((217_000_000_000_000 + n) << 10),
        time: Micros(217_000_000_000_000 - n * 7),
        node: NodeKey(1 + n % 2),
        pid: Pid(3 << 28 | 200 + n % 5),
        ordinal: n as u32,
        trace: TraceId(u128::from(n % 3) << 70),
        parent: EventId(n.saturating_sub(1) << 10),
        remote_node: NodeKey(if n.is_multiple_of(4) { 2 } else { 0 }),
        remote_time: Micros(if n.is_multiple_of(4) {
            216_999_999_999_000
        } else {
            0
        }),
        module: ModuleKey(0x0555_5555_5555_5555 + n % 3),
        site: SiteId((n % 9) as u32),
        shape: ["", ":tick", "{:reserve, _, _}"][pick % 3].into(),
        linked: TraceId(if n.is_multiple_of(5) { 7 << 90 } else { 0 }),
        payload: (0..n % 13).map(|b| b as u8).collect(),
    }
}
