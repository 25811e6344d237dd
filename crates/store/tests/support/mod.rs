//! Frames and stores for tests.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::mem_forget,
    clippy::expect_used,
    reason = "only tests call this"
)]
#![allow(missing_docs, missing_debug_implementations, reason = "only tests call this")]

use event::{
    Bucket, Epoch, Event, EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Pid,
    Producer, Seq, Shard, SiteId, TraceId,
};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use store::{Admission, FrameToStore, Receipt, Store, StoreOptions};
use wire::frame::{Compression, FrameBuilder};

pub const SECOND_US: u64 = 1_000_000;
pub const BUCKET_SECONDS: u64 = 60;
/// Where the tests' time begins: bucket 1,000,000.
pub const T0_US: u64 = 1_000_000 * BUCKET_SECONDS * SECOND_US;
pub const PRODUCER: Producer = Producer(0xabc);

/// A clock that tests move.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    pub fn at(us: u64) -> Self {
        Self(Arc::new(AtomicU64::new(us)))
    }
    pub fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::SeqCst))
    }
}

pub fn options() -> StoreOptions {
    let clock = TestClock::at(T0_US);
    let mut o = StoreOptions::new(Arc::new(move || clock.now()));
    o.memory_bytes = 32 << 20;
    o.bucket_seconds = NonZeroU32::new(BUCKET_SECONDS as u32).unwrap();
    o.lateness_seconds = 10;
    o.retention_seconds = 600;
    o.disk_reserve_bytes = 1 << 20;
    o.upkeep_interval_ms = 0;
    o
}

pub fn open(path: &Path) -> Store {
    Store::open(path, options()).unwrap()
}

/// Shards of [`open_in`]'s stores.
pub const SHARDS: NonZeroU16 = NonZeroU16::new(3).unwrap();

/// A store of few shards, that is written in this format unless it is of a later one.
pub fn open_in(path: &Path, format: u32) -> Store {
    let mut o = options();
    (o.shards, o.format) = (SHARDS, format);
    Store::open(path, o).unwrap()
}

/// Is this the shard of the trace, among these? What is in no trace is anywhere.
pub fn is_of(shard: u16, trace: TraceId) -> bool {
    trace == TraceId(0) || placement::shard_of(trace, SHARDS) == Shard(shard)
}

pub fn node(key: u64) -> NodeInfo {
    NodeInfo {
        key: NodeKey(key),
        creation: 7,
        name: format!("n{key}@host"),
    }
}

/// An event `at` microseconds after [`T0_US`].
pub fn event(trace: u128, kind: EventKind, at_us: u64, node: u64, site: u32) -> Event {
    let time = Micros(T0_US + at_us);
    Event {
        id: EventId(at_us << 10 | 1),
        hlc: Hlc::from_micros(time),
        time,
        pid: Pid(42),
        ordinal: 1,
        trace: TraceId(trace),
        module: ModuleKey(if site == 0 { 0 } else { 9 }),
        site: SiteId(site),
        ..Event::blank(kind, NodeKey(node))
    }
}

/// Root and call of a trace.
pub fn small_trace(trace: u128, at_us: u64) -> Vec<Event> {
    let mut root = event(trace, EventKind::Root, at_us, 1, 0);
    root.flags = Flags(Flags::PAYLOAD);
    root.payload = [5u16.to_le_bytes().as_slice(), b"order", &[0, 0]].concat();
    vec![root, event(trace, EventKind::Call, at_us + 10, 1, 3)]
}

pub fn bucket_at(at_us: u64) -> Bucket {
    Bucket(((T0_US + at_us) / SECOND_US / BUCKET_SECONDS) as u32)
}

/// A frame cut at `at_us` after [`T0_US`], with these batches.
pub fn frame_bytes(epoch: u64, at_us: u64, batches: &[(u16, u64, Vec<Event>)]) -> Vec<u8> {
    let hlc = Hlc::from_micros(Micros(T0_US + at_us));
    let mut b = FrameBuilder::new(PRODUCER, Epoch(epoch), hlc, bucket_at(at_us));
    (1..4).for_each(|k| {
        b.node(node(k));
    });
    for (shard, seq, events) in batches {
        b.section(Shard(*shard), Seq(*seq), events);
    }
    b.finish(Compression::Zstd).unwrap()
}

pub fn frame(epoch: u64, at_us: u64, batches: &[(u16, u64, Vec<Event>)]) -> FrameToStore {
    FrameToStore::new(frame_bytes(epoch, at_us, batches)).unwrap()
}

pub fn put(store: &Store, frame: FrameToStore) -> Vec<Admission> {
    admissions(&store.append(vec![frame]).unwrap())
}

pub fn admissions(receipt: &Receipt) -> Vec<Admission> {
    receipt
        .frames
        .iter()
        .flat_map(|f| &f.sections)
        .map(|s| s.admission)
        .collect()
}

/// Microseconds after [`T0_US`] as a time.
pub fn after(seconds: u64) -> Micros {
    Micros(T0_US + seconds * SECOND_US)
}
