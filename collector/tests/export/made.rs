//! A store with closed buckets, and what was put into it.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;

use event::{
    Bucket, Epoch, Event, EventId, EventKind, Flags, Hlc, KeyValue, LogRecord, Micros, ModuleKey, NodeInfo,
    NodeKey, Pid, Producer, Resource, Scope, Seq, Shard, SiteId, Span, SpanEvent, SpanId, SpanKind, SpanLink,
    StatusCode, TraceId, Value,
};
use store::{FrameToStore, SpanFrameToStore, Store, StoreOptions};
use wire::frame::{Compression, FrameBuilder};
use wire::otlp::encode_traces;
use wire::spans::{Cut, Packer, Skim, SpanBuilder};

pub(crate) const BUCKET_SECONDS: u32 = 600;
/// 2026-11-20T13:10:00Z, a bucket's first second.
pub(crate) const START_UNIX_S: u64 = 1_795_180_200;
/// A bucket is closed at the time of the tests' clock.
pub(crate) const NOW_UNIX_S: u64 = START_UNIX_S + 86_400;

pub(crate) fn now() -> Micros {
    Micros::from_unix_us(NOW_UNIX_S * 1_000_000)
}

pub(crate) fn start() -> Micros {
    Micros::from_unix_us(START_UNIX_S * 1_000_000)
}

pub(crate) fn bucket() -> Bucket {
    placement::bucket_of(
        Hlc::from_micros(start()),
        NonZeroU32::new(BUCKET_SECONDS).unwrap(),
    )
}

pub(crate) fn open(folder: &Path) -> Arc<Store> {
    open_with(folder, |_| {})
}

pub(crate) fn open_with(folder: &Path, change: impl FnOnce(&mut StoreOptions)) -> Arc<Store> {
    let mut options = StoreOptions::new(Arc::new(now));
    options.memory_bytes = 32 << 20;
    options.bucket_seconds = NonZeroU32::new(BUCKET_SECONDS).unwrap();
    options.upkeep_interval_ms = 0;
    options.retention_seconds = 1 << 40;
    options.disk_reserve_bytes = 1 << 20;
    change(&mut options);
    Arc::new(Store::open(folder, options).unwrap())
}

/// Numbers, one after the other, that look random.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn pair(key: &str, value: impl Into<Value>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.into(),
    }
}

/// Attributes of all types, some of keys that come twice.
fn attributes(random: &mut Random) -> Vec<KeyValue> {
    let mut pairs = vec![
        pair("http.request.method", "GET"),
        pair("text", "a \"quoted\" \u{e9}\n\u{1}"),
    ];
    match random.below(8) {
        0 => return pairs,
        1 => return Vec::new(),
        2 => pairs.push(pair("text", "again")),
        3 => pairs.push(pair("bytes", Value::Bytes(vec![0, 255, 7]))),
        4 => pairs.push(pair("nothing", Value::Empty)),
        5 => {
            let inner = vec![
                pair("k", 1i64),
                pair("l", Value::Array(vec!["x".into(), 2.5.into(), true.into()])),
            ];
            pairs.push(pair("map", Value::Map(inner)));
        }
        _ => {}
    }
    pairs.push(pair("http.response.status_code", 200 + random.below(400) as i64));
    pairs.push(pair("n", i64::MIN + random.below(9) as i64));
    pairs.push(pair("d", random.below(1_000) as f64 / 8.0));
    pairs.push(pair("b", random.below(2) == 0));
    pairs
}

/// A span of one of `traces` traces.
pub(crate) fn span(random: &mut Random, traces: u64) -> Span {
    let start_ns = match random.below(200) {
        0 => 0,
        1 => u64::MAX - 5,
        _ => START_UNIX_S * 1_000_000_000 + random.below(600_000_000_000),
    };
    let event = |random: &mut Random| SpanEvent {
        time_ns: start_ns,
        name: format!("event {}", random.below(3)),
        attributes: attributes(random),
        dropped_attributes: random.below(2) as u32,
    };
    let link = |random: &mut Random| SpanLink {
        trace: TraceId(7),
        id: SpanId(random.below(99) + 1),
        trace_state: ["", "a=b"][random.below(2) as usize].to_owned(),
        attributes: attributes(random),
        dropped_attributes: 0,
        flags: 1,
    };
    let services = ["shop", "stock", "mail"];
    let service = services[random.below(3) as usize];
    Span {
        trace: TraceId(u128::from(random.below(traces) + 1) << 70 | 5),
        id: SpanId(random.below(u64::from(u32::MAX)) << 20 | 1),
        parent: SpanId(random.below(3)),
        trace_state: ["", "vendor=1"][random.below(2) as usize].to_owned(),
        flags: 0x101,
        name: ["get", "put", "list \u{20ac}"][random.below(3) as usize].to_owned(),
        kind: SpanKind::ALL[random.below(6) as usize],
        start_ns,
        end_ns: start_ns.saturating_add(random.below(60_000)),
        status: StatusCode::ALL[random.below(3) as usize],
        status_message: ["", "broken"][random.below(2) as usize].to_owned(),
        attributes: attributes(random),
        dropped_attributes: random.below(3) as u32,
        events: (0..random.below(3)).map(|_| event(random)).collect(),
        dropped_events: 1,
        links: (0..random.below(2)).map(|_| link(random)).collect(),
        dropped_links: 2,
        resource: Arc::new(Resource {
            attributes: vec![
                pair("service.name", service),
                pair("replica", random.below(2) as i64),
            ],
            dropped_attributes: 0,
            schema_url: "https://opentelemetry.io/schemas/1.27.0".to_owned(),
        }),
        scope: Arc::new(Scope {
            name: ["", "library"][random.below(2) as usize].to_owned(),
            version: "1.0".to_owned(),
            ..Scope::default()
        }),
    }
}

/// A number that no batch of this process had.
fn next_seq() -> Seq {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    Seq(LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1)
}

/// Stores spans as one frame, and seals the bucket.
pub(crate) fn put_spans(store: &Store, spans: &[Span], bucket: Bucket) {
    let mut builder = SpanBuilder::new(1);
    let request = encode_traces(spans);
    assert!(Skim::new(&request).fill(&mut builder, usize::MAX).unwrap());
    let cut = Cut {
        producer: Producer(1),
        epoch: Epoch(1),
        hlc: Hlc(1),
        bucket,
    };
    let made = builder.finish(cut, |_| Shard(0), |_| next_seq(), &mut Packer::default());
    store
        .append_spans(vec![SpanFrameToStore::new(made.unwrap()).unwrap()])
        .unwrap();
    store.seal_spans(now()).unwrap();
}

pub(crate) fn log(random: &mut Random) -> LogRecord {
    let of = span(random, 5);
    LogRecord {
        time_ns: START_UNIX_S * 1_000_000_000 + random.below(1_000),
        observed_ns: START_UNIX_S * 1_000_000_000 + 5_000,
        severity: random.below(25) as u8,
        severity_text: ["", "WARN"][random.below(2) as usize].to_owned(),
        body: [Value::Empty, "a message".into(), 7i64.into()][random.below(3) as usize].clone(),
        attributes: of.attributes,
        dropped_attributes: 0,
        flags: 1,
        trace: TraceId(of.trace.0 * u128::from(random.below(2))),
        span: of.parent,
        event_name: String::new(),
        resource: of.resource,
        scope: of.scope,
    }
}

pub(crate) const PRODUCER: Producer = Producer(0xabc);

/// An event of a kind, with its payload if that has one.
pub(crate) fn event(random: &mut Random, kind: EventKind, payload: Vec<u8>) -> Event {
    let time = Micros(start().0 + random.below(1_000_000));
    let flags = if payload.is_empty() { 0 } else { Flags::PAYLOAD };
    Event {
        id: EventId(random.below(1 << 30) << 10 | 1),
        flags: Flags(flags),
        hlc: Hlc::from_micros(time),
        time,
        pid: Pid(42),
        ordinal: random.below(1 << 20) as u32,
        trace: TraceId(u128::from(random.below(4)) << 64),
        parent: EventId(random.below(3)),
        module: ModuleKey(9),
        site: SiteId(random.below(3) as u32 + 1),
        payload,
        ..Event::blank(kind, NodeKey(1))
    }
}

/// Stores events as one batch.
pub(crate) fn put_events(store: &Store, seq: u64, events: &[Event], bucket: Bucket) {
    let mut builder = FrameBuilder::new(PRODUCER, Epoch(3), Hlc::from_micros(start()), bucket);
    builder.node(NodeInfo {
        key: NodeKey(1),
        creation: 7,
        name: "shop@host".to_owned(),
    });
    builder.section(Shard(2), Seq(seq), events);
    let frame = FrameToStore::new(builder.finish(Compression::Zstd).unwrap()).unwrap();
    store.append(vec![frame]).unwrap();
}
