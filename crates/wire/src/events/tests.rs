//! Round trips of frames and blocks, digests, hostile input.

mod blocks;
mod digests;
mod hostile;

use event::{Bucket, Epoch, Event, Hlc, NodeInfo, NodeKey, Producer, Seq, Shard, TraceId};
use proptest::prelude::*;

use crate::frame::{Compression, FrameBuilder};

/// Events that look like those of a program: calls and returns in traces, parents that are there, times that go on; with any event
/// in between.
pub(super) fn program() -> impl Strategy<Value = Vec<Event>> {
    let step = (
        crate::frame::tests::event(),
        0..12u8,
        0..5u128,
        any::<prop::sample::Index>(),
        0..3u64,
    );
    proptest::collection::vec(step, 0..80).prop_map(|steps| {
        let mut events: Vec<Event> = Vec::new();
        for (any, how, trace, which, node) in steps {
            let Some(last) = events.last().cloned().filter(|_| how > 0) else {
                events.push(any);
                continue;
            };
            let parent = which.get(&events).clone();
            let time = event::Micros(last.time.0.wrapping_add(u64::from(how)));
            let mut next = Event {
                trace: TraceId(trace),
                time,
                hlc: Hlc((time.0 << 10).max(last.hlc.0.wrapping_add(1))),
                node: NodeKey(node),
                id: event::EventId(last.id.0.wrapping_add(1024)),
                parent: parent.id,
                ordinal: last.ordinal.wrapping_add(1),
                pid: parent.pid,
                module: parent.module,
                site: event::SiteId(parent.site.0.wrapping_add(u32::from(how & 1))),
                kind: any.kind,
                class: any.class,
                ..Event::blank(any.kind, NodeKey(node))
            };
            if parent.node != next.node {
                next.remote_node = parent.node;
                next.remote_time = if how > 6 { parent.time } else { any.remote_time };
            }
            if how == 5 {
                next.payload.clone_from(&any.payload);
                next.shape.clone_from(&any.shape);
                next.linked = any.linked;
            }
            events.push(next);
        }
        events
    })
}

/// A frame of batches, each for a shard of its own.
pub(super) fn frame(producer: u128, first_seq: u64, batches: &[Vec<Event>]) -> Vec<u8> {
    let mut frame = FrameBuilder::new(Producer(producer), Epoch(3), Hlc(11), Bucket(5));
    frame.node(NodeInfo {
        key: NodeKey(1),
        creation: 9,
        name: "shop@host".into(),
    });
    for (i, batch) in batches.iter().enumerate() {
        frame.section(Shard(i as u16), Seq(first_seq + i as u64), batch);
    }
    frame.finish(Compression::Zstd).unwrap()
}
