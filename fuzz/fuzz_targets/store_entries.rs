//! Keys and values of the store's families (`docs/keyspace.md`).

#![no_main]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the store's files are compiled as they are"
)]

#[path = "../../crates/store/src/batches.rs"]
mod batches;
#[path = "../../crates/store/src/buckets.rs"]
mod buckets;
#[path = "../../crates/store/src/bytes.rs"]
mod bytes;
#[path = "../../crates/store/src/damage.rs"]
mod damage;
#[path = "../../crates/store/src/frame_key.rs"]
mod frame_key;
#[path = "../../crates/store/src/meta.rs"]
mod meta;
#[path = "../../crates/store/src/nodes.rs"]
mod nodes;
#[path = "../../crates/store/src/postings.rs"]
mod postings;
#[path = "../../crates/store/src/producers.rs"]
mod producers;
#[path = "../../crates/store/src/summary.rs"]
mod summary;
#[path = "../../crates/store/src/traces.rs"]
mod traces;

use std::fmt::Debug;

use batches::{BatchEntry, FrameRecord};
use buckets::BucketRecord;
use bytes::Reader;
use damage::Damage;
use event::{Bucket, Epoch, EventKind, Hlc, Micros, NodeInfo, NodeKey, Producer, Seq, Shard, TraceId};
use frame_key::{FRAME_KEY_BYTES, FrameKey};
use fuzz::{heap, samples, seeds};
use meta::Owner;
use nodes::NodeRecord;
use postings::{GapRecord, LooseRef};
use producers::{Held, HeldGroup, ProducerKey};
use summary::TraceSummary;
use traces::{BlockBuilder, RowsRef, TraceEntry, block_decode};

fn frame(n: u64) -> FrameKey {
    FrameKey {
        bucket: Bucket(9),
        hlc: Hlc(n << 20),
        producer: Producer(3),
        epoch: Epoch(1),
        gap: n.is_multiple_of(3),
        shard: Shard(n as u16),
        seq: Seq(n),
    }
}

fn block(entries: &[TraceEntry]) -> Vec<u8> {
    let mut block = BlockBuilder::default();
    entries.iter().for_each(|entry| block.push(entry));
    block.finish().map(|(_, bytes)| bytes).unwrap_or_default()
}

fn traces() -> Vec<TraceEntry> {
    let entry = |n: u64| {
        let mut summary = TraceSummary::empty(TraceId(n.into()));
        (0..n * 4).for_each(|i| summary.add(&samples::event(i)));
        let rows = (0..n % 4).map(|i| RowsRef {
            frame: frame(i),
            section: i as u32,
            first: 300,
            rows: n as u32,
        });
        TraceEntry {
            summary,
            rows: rows.collect(),
        }
    };
    (1..12).map(entry).collect()
}

fn group() -> HeldGroup {
    let held = |n: u64| Held {
        data: (0..n)
            .map(|i| placement::Interval {
                first: i * 300,
                last: i * 301,
            })
            .collect(),
        gaps: (0..n % 3)
            .map(|i| placement::Interval {
                first: i * 9,
                last: i * 9 + 1,
            })
            .collect(),
    };
    HeldGroup {
        last_bucket: Bucket(9),
        shards: (0..6).map(|n| (Shard(n), held(n.into()))).collect(),
    }
}

fn record() -> FrameRecord {
    let section = |n: u64| BatchEntry {
        shard: Shard(n as u16),
        seq: Seq(n),
        last: Seq(if n.is_multiple_of(3) { n + 5 } else { n }),
        gap: n.is_multiple_of(3),
        held: n.is_multiple_of(2),
        content: if n.is_multiple_of(3) { 0 } else { n << 50 },
    };
    FrameRecord {
        arrival: 800,
        hash: 1 << 100,
        frame_bytes: 70_000,
        sections: (0..7).map(section).collect(),
    }
}

fn entries() -> Vec<Vec<u8>> {
    let node = NodeInfo {
        key: NodeKey(5),
        creation: 7,
        name: "shop@host".into(),
    };
    let loose = |n: u64| LooseRef {
        kind: EventKind::Loss,
        hlc: Hlc(n),
        time: Micros(n),
        frame: frame(n),
        section: 0,
        row: 4,
    };
    let gap = GapRecord {
        producer: Producer(3),
        epoch: Epoch(1),
        shard: Shard(2),
        first: Seq(3),
        last: Seq(9),
        reason: 1,
        events: 70,
        hlc: Hlc(5),
    };
    let key = ProducerKey::of(Producer(3), Epoch(1), Shard(200));
    vec![
        Owner {
            cluster: 1 << 99,
            member: 2,
        }
        .encode(),
        BucketRecord::default().encode(),
        NodeRecord {
            last_bucket: Bucket(9),
            node,
        }
        .encode(),
        key.encode(),
        group().encode(),
        record().encode(),
        frame(3).by_time(),
        frame(4).by_producer(),
        block(&traces()),
        block(&traces()[..1]),
        postings::traces_encode(&[TraceId(1), TraceId(1 << 80)]),
        postings::loose_encode(&[loose(1), loose(2)]),
        postings::gaps_encode(&[gap, gap]),
    ]
}

/// What `decode` accepts comes back when it is written and read again; returns it.
fn back<T: PartialEq + Debug>(
    data: &[u8],
    times: usize,
    decode: impl Fn(&[u8]) -> Result<T, Damage>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    if let Ok(value) = heap::within(data.len(), times, || decode(data)) {
        assert_eq!(decode(&encode(&value)), Ok(value));
    }
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(entries()), |data: &[u8]| {
    back(data, 1, Owner::decode, |owner| owner.encode());
    back(data, 1, BucketRecord::decode, BucketRecord::encode);
    back(data, 1, buckets::key_decode, |bucket| buckets::key(*bucket).to_vec());
    back(data, 2, NodeRecord::decode, NodeRecord::encode);
    back(data, 1, ProducerKey::decode, |key| key.encode());
    back(data, 64, HeldGroup::decode, HeldGroup::encode);
    back(data, 16, FrameRecord::decode, FrameRecord::encode);
    back(data, 1, meta::format_decode, |n| n.to_be_bytes().to_vec());
    back(data, 1, meta::hlc_decode, |hlc| hlc.0.to_be_bytes().to_vec());
    back(data, 1, meta::floor_decode, |bucket| bucket.0.to_be_bytes().to_vec());
    back(data, 2, postings::traces_decode, |ids| postings::traces_encode(ids));
    back(data, 8, postings::loose_decode, |items| postings::loose_encode(items));
    back(data, 8, postings::gaps_decode, |items| postings::gaps_encode(items));
    // Of an empty block nothing is written.
    if let Ok(entries) = heap::within(data.len(), 64, || block_decode(data))
        && !entries.is_empty()
    {
        assert_eq!(block_decode(&block(&entries)), Ok(entries));
    }
    let by_time = FrameKey::read_by_time(&mut Reader::new("frames", data));
    assert_eq!(by_time.is_ok(), data.len() >= FRAME_KEY_BYTES && data[FRAME_KEY_BYTES - 11] < 2);
    if let Ok(key) = by_time {
        assert_eq!(key.by_time(), data[..FRAME_KEY_BYTES]);
        let other = key.by_producer();
        assert_eq!(FrameKey::read_by_producer(&mut Reader::new("batches", &other)), Ok(key));
    }
});
