//! `docs/examples/frame-1.bin` and `frame-3.bin`: the bytes that the document stands for, the same events in both versions.

use event::{
    Bucket, Epoch, Event, EventId, EventKind, Flags, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Pid,
    Producer, ResultClass, Seq, Shard, SiteId, TraceId,
};

use super::super::*;
use super::version_1::FrameBuilder1;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/frame-3.bin");
const EXAMPLE_1: &[u8] = include_bytes!("../../../../../docs/examples/frame-1.bin");
const EXAMPLE_3: &[u8] = include_bytes!("../../../../../docs/examples/frame-3.bin");

const WEB: NodeKey = NodeKey(0x123_4567_89ab_cdef);
const STOCK: NodeKey = NodeKey(0x7ff_ffff_ffff_fffe);
const ORDER: TraceId = TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);

fn call() -> Event {
    let time = Micros(217_000_000_000_000);
    Event {
        id: EventId(1 << 10 | 1),
        kind: EventKind::Call,
        class: ResultClass::Other,
        flags: Flags(0),
        hlc: Hlc(time.0 << 10),
        time,
        node: WEB,
        pid: Pid(3 << 28 | 0xd7),
        ordinal: 1,
        trace: ORDER,
        parent: EventId(0),
        remote_node: NodeKey(0),
        remote_time: Micros(0),
        module: ModuleKey(0x555_5555_5555_5555),
        site: SiteId(4),
        shape: String::new(),
        linked: TraceId(0),
        payload: Vec::new(),
    }
}

/// A call on `web`, an untraced log line between, and the callback on `stock` that the call caused.
fn events() -> Vec<Event> {
    let call = call();
    let log = Event {
        id: EventId(2 << 10 | 1),
        kind: EventKind::Log,
        flags: Flags(Flags::PAYLOAD | Flags::UNTRACED),
        hlc: Hlc(call.hlc.0 + 1),
        pid: Pid(7),
        trace: TraceId(0),
        site: SiteId(0),
        module: ModuleKey(0),
        payload: b"hello".to_vec(),
        ..call.clone()
    };
    let callback = Event {
        id: EventId(9 << 10 | 2),
        kind: EventKind::Callback,
        class: ResultClass::Reply,
        flags: Flags(Flags::REMOTE),
        hlc: Hlc(call.hlc.0 + 2),
        time: Micros(call.time.0 - 300_000_000),
        node: STOCK,
        pid: Pid(1 << 28 | 0x63),
        parent: call.id,
        remote_node: WEB,
        remote_time: call.time,
        module: ModuleKey(0x2aa_aaaa_aaaa_aaaa),
        site: SiteId(2),
        shape: "{:reserve, _, _}".into(),
        ..call.clone()
    };
    vec![call, log, callback]
}

macro_rules! build {
    ($builder:ident, $compression:expr) => {{
        let producer = Producer(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10);
        let mut frame = $builder::new(producer, Epoch(2), Hlc(217_000_000_500_000 << 10), Bucket(60_277));
        frame.node(NodeInfo {
            key: WEB,
            creation: 1_700_000_000,
            name: "web@127.0.0.1".into(),
        });
        frame.node(NodeInfo {
            key: STOCK,
            creation: 1_700_000_001,
            name: "stock@127.0.0.1".into(),
        });
        frame.section(Shard(17), Seq(41), &events());
        frame.gap(
            Shard(3),
            Seq(5),
            Gap {
                last_seq: Seq(6),
                reason: GapReason::SpoolFull,
                events: 1_200,
            },
        );
        frame.finish($compression).unwrap()
    }};
}

fn build(compression: Compression) -> Vec<u8> {
    build!(FrameBuilder, compression)
}

/// Writes the example; run by hand after a change of the format: `cargo test -p wire -- --ignored write_the_example`.
#[test]
#[ignore = "writes docs/examples/frame-3.bin"]
fn write_the_example() {
    std::fs::write(PATH, build(Compression::None)).unwrap();
}

/// Scenario: the examples are built again. Guarantee: byte for byte the same.
#[test]
fn encoding_gives_the_example() {
    assert_eq!(build!(FrameBuilder1, Compression::None), EXAMPLE_1);
    assert_eq!(build(Compression::None), EXAMPLE_3);
}

/// Scenario: the examples are read. Guarantee: each says what `docs/examples/README.md` says.
#[test]
fn decoding_gives_its_events() {
    says_what_it_should(EXAMPLE_1);
    says_what_it_should(EXAMPLE_3);
}

fn says_what_it_should(example: &[u8]) {
    let frame = decode(example).unwrap();
    assert_eq!(frame.header.compression, Compression::None);
    assert_eq!(frame.header.bucket, Bucket(60_277));
    assert_eq!(frame.nodes[1].name, "stock@127.0.0.1");
    let [call, log, callback] = events().try_into().unwrap();
    assert_eq!(frame.sections[0].events(), [call, callback, log]);
    assert_eq!(
        (frame.sections[0].shard, frame.sections[0].seq),
        (Shard(17), Seq(41))
    );
    let gap = Gap {
        last_seq: Seq(6),
        reason: GapReason::SpoolFull,
        events: 1_200,
    };
    assert_eq!(frame.sections[1].body, SectionBody::Gap(gap));
    let directory = decode_directory(example).unwrap();
    assert_eq!(
        directory.sections()[0].traces[0],
        TraceRange {
            trace: ORDER,
            first_row: 0,
            rows: 2
        }
    );
    assert_eq!(directory.sections()[1].last_seq(), Seq(6));
}

/// Scenario: the same frame with zstd, which is not byte-stable between versions. Guarantee: the same content.
#[test]
fn compressed_it_says_the_same() {
    let (plain, packed) = (
        decode(EXAMPLE_3).unwrap(),
        decode(&build(Compression::Zstd)).unwrap(),
    );
    assert_eq!((plain.nodes, plain.sections), (packed.nodes, packed.sections));
}
