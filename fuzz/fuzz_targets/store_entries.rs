//! Keys and values of the store's families (`docs/keyspace.md`).

#![no_main]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "the store's files are compiled as they are"
)]

#[path = "../../crates/store/src/batches.rs"]
mod batches;
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
#[path = "../../crates/store/src/producers.rs"]
mod producers;

use std::fmt::Debug;

use batches::{BatchEntry, FrameRecord};
use bytes::Reader;
use damage::Damage;
use event::{Bucket, Epoch, Hlc, NodeInfo, NodeKey, Producer, Seq, Shard};
use frame_key::{FRAME_KEY_BYTES, FrameKey};
use fuzz::{heap, seeds};
use meta::Owner;
use nodes::NodeRecord;
use producers::{Held, HeldGroup, ProducerKey};

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
    let key = ProducerKey::of(Producer(3), Epoch(1), Shard(200));
    vec![
        Owner {
            cluster: 1 << 99,
            member: 2,
        }
        .encode(),
        NodeRecord {
            last_bucket: Bucket(9),
            node,
        }
        .encode(),
        key.encode(),
        group().encode(),
        record().encode(),
        frame(4).by_producer(),
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
    back(data, 2, NodeRecord::decode, NodeRecord::encode);
    back(data, 1, ProducerKey::decode, |key| key.encode());
    back(data, 64, HeldGroup::decode, HeldGroup::encode);
    back(data, 16, FrameRecord::decode, FrameRecord::encode);
    back(data, 1, meta::format_decode, |n| n.to_be_bytes().to_vec());
    back(data, 1, meta::hlc_decode, |hlc| hlc.0.to_be_bytes().to_vec());
    back(data, 1, meta::floor_decode, |bucket| bucket.0.to_be_bytes().to_vec());
    let by_producer = FrameKey::read_by_producer(&mut Reader::new("batches", data));
    // By producer the HLC comes after the epoch; the gap flag is at the same place.
    assert_eq!(by_producer.is_ok(), data.len() >= FRAME_KEY_BYTES && data[FRAME_KEY_BYTES - 11] < 2);
    if let Ok(key) = by_producer {
        assert_eq!(key.by_producer(), data[..FRAME_KEY_BYTES]);
        assert_eq!(key.by_time().len(), FRAME_KEY_BYTES);
    }
});
