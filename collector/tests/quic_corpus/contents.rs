//! What is in a frame whose form is right: ids, times, names, batches, gaps.

use super::support::{PRODUCER, builder, event_at, trace_in};
use super::{Expect, case, run_all};
use event::{Bucket, Epoch, Event, EventId, Flags, Hlc, Micros, NodeInfo, NodeKey, Pid, Seq, Shard, TraceId};
use wire::control::RejectCode::{Malformed, SeqReused, WrongProducer};
use wire::frame::{Compression, FrameBuilder, Gap, GapReason};

/// A frame of one batch of shard 0.
fn batch(seq: u64, events: &[Event]) -> Vec<u8> {
    let mut b = builder(host::now());
    b.section(Shard(0), Seq(seq), events);
    b.finish(Compression::Zstd).unwrap()
}

/// A frame with a node of this name.
fn named(seq: u64, name: &str) -> Vec<u8> {
    let now = host::now();
    let bucket = Bucket((now.0 / 600_000_000) as u32);
    let mut b = FrameBuilder::new(PRODUCER, Epoch(3), Hlc::from_micros(now), bucket);
    b.node(NodeInfo {
        key: NodeKey(1),
        creation: 1,
        name: name.to_owned(),
    });
    b.section(Shard(0), Seq(seq), &[event_at(trace_in(0, seq.into()), now, 1)]);
    b.finish(Compression::None).unwrap()
}

/// An instant of the Unix clock as nodes tell it: microseconds since 2020, before that 0.
fn year(unix_s: u64) -> Micros {
    Micros::from_unix_us(unix_s * 1_000_000)
}

/// Scenario: ids of 0, equal ids, times of 1970, 2020, 2262 and the end of the clock, times that run backwards, clocks far apart, flags
/// and codes that nobody knows, payloads that are no term. Guarantee: what nodes say is kept as they say it: all is acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn odd_and_allowed() {
    let now = host::now();
    let event = |seq: u128| event_at(trace_in(0, seq), now, 1);
    let at = |seq: u128, time: Micros| Event {
        time,
        hlc: Hlc::from_micros(time),
        ..event(seq)
    };
    let acked = Expect::Acked(1);
    let end = Micros(u64::MAX >> 6);
    let cases = vec![
        case(
            "event id 0",
            batch(
                1,
                &[Event {
                    id: EventId(0),
                    ..event(1)
                }],
            ),
            acked,
        ),
        case("the same event twice", batch(2, &[event(2), event(2)]), acked),
        case(
            "an id of another batch again",
            batch(
                3,
                &[Event {
                    id: event(2).id,
                    ..event(3)
                }],
            ),
            acked,
        ),
        case(
            "pid 0, ordinal of all ones",
            batch(
                4,
                &[Event {
                    pid: Pid(0),
                    ordinal: u32::MAX,
                    ..event(4)
                }],
            ),
            acked,
        ),
        case(
            "pid of all ones",
            batch(
                5,
                &[Event {
                    pid: Pid(u64::MAX),
                    ..event(5)
                }],
            ),
            acked,
        ),
        case("1970", batch(6, &[at(6, year(0))]), acked),
        case("2020", batch(7, &[at(7, year(1_577_836_800))]), acked),
        case("2262", batch(8, &[at(8, year(9_223_372_036))]), acked),
        case("the last time there is", batch(9, &[at(9, end)]), acked),
        case(
            "1970 and 2262 in one batch",
            batch(10, &[at(10, year(0)), at(10, year(9_223_372_036))]),
            acked,
        ),
        case(
            "backwards",
            batch(11, &[at(11, year(1_790_000_009)), at(11, year(1_790_000_000))]),
            acked,
        ),
        case(
            "a parent that never comes",
            batch(
                12,
                &[Event {
                    parent: EventId(u64::MAX),
                    ..event(12)
                }],
            ),
            acked,
        ),
        case(
            "its own parent",
            batch(
                13,
                &[Event {
                    parent: event(13).id,
                    ..event(13)
                }],
            ),
            acked,
        ),
        case(
            "a remote parent on an unknown node",
            batch(
                14,
                &[Event {
                    remote_node: NodeKey(99),
                    remote_time: now,
                    ..event(14)
                }],
            ),
            acked,
        ),
        case(
            "all flags but the payload's",
            batch(
                15,
                &[Event {
                    flags: Flags(!Flags::PAYLOAD),
                    ..event(15)
                }],
            ),
            acked,
        ),
        case(
            "a shape of 256 bytes",
            batch(
                16,
                &[Event {
                    shape: "x".repeat(256),
                    ..event(16)
                }],
            ),
            acked,
        ),
        case(
            "a payload that is no term",
            batch(
                17,
                &[Event {
                    flags: Flags(Flags::PAYLOAD),
                    payload: vec![0xff; 100],
                    ..event(17)
                }],
            ),
            acked,
        ),
        case(
            "a payload of 65,535 bytes",
            batch(
                18,
                &[Event {
                    flags: Flags(Flags::PAYLOAD),
                    payload: vec![7; 65_535],
                    ..event(18)
                }],
            ),
            acked,
        ),
        case(
            "a linked trace of all ones",
            batch(
                19,
                &[Event {
                    linked: TraceId(u128::MAX),
                    ..event(19)
                }],
            ),
            acked,
        ),
        case(
            "ten thousand equal events",
            batch(20, &vec![event(20); 10_000]),
            acked,
        ),
        case("a name of 255 bytes", named(21, &"n".repeat(255)), acked),
        case("a name in UTF-8", named(22, "knoten-\u{f6}@h\u{f6}st"), acked),
        case("a seq far ahead", batch(u64::MAX - 5, &[event(23)]), acked),
    ];
    run_all(cases).await;
}

/// Scenario: names that are empty, too long or not printable; batches of seq 0, of another shard, of a shard that is not, twice
/// in a frame, again with other contents; another producer. Guarantee: each is refused by its code.
#[tokio::test(flavor = "multi_thread")]
async fn wrong() {
    let now = host::now();
    let event = |salt: u128| event_at(trace_in(0, salt), now, 1);
    let malformed = Expect::Rejected(Malformed);
    let section = |shard: u16, seq: u64, trace: u128| {
        let mut b = builder(now);
        b.section(Shard(shard), Seq(seq), &[event_at(trace, now, 1)]);
        b.finish(Compression::Zstd).unwrap()
    };
    let foreign = {
        let bucket = Bucket((now.0 / 600_000_000) as u32);
        let mut b = FrameBuilder::new(
            event::Producer(PRODUCER.0 + 1),
            Epoch(3),
            Hlc::from_micros(now),
            bucket,
        );
        b.node(NodeInfo {
            key: NodeKey(1),
            creation: 1,
            name: "n1@host".to_owned(),
        });
        b.section(Shard(0), Seq(40), &[event(40)]);
        b.finish(Compression::Zstd).unwrap()
    };
    let cases = vec![
        case("an empty name", named(31, ""), malformed),
        case("a name of 256 bytes", named(32, &"n".repeat(256)), malformed),
        case("a name with a line feed", named(33, "n\n@host"), malformed),
        case("a name with a zero byte", named(34, "n\0@host"), malformed),
        case("seq 0", section(0, 0, trace_in(0, 35)), malformed),
        case("shard 8 of 8", section(8, 36, trace_in(0, 36)), malformed),
        case("shard 65535", section(u16::MAX, 37, trace_in(0, 37)), malformed),
        case(
            "a trace of another shard",
            section(1, 38, trace_in(0, 38)),
            malformed,
        ),
        case("a batch", batch(39, &[event(39)]), Expect::Acked(1)),
        case("the same batch again", batch(39, &[event(39)]), Expect::Acked(1)),
        case(
            "its seq with other events",
            batch(39, &[event(139)]),
            Expect::Rejected(SeqReused),
        ),
        case("another producer", foreign, Expect::Rejected(WrongProducer)),
    ];
    run_all(cases).await;
}

/// Scenario: gaps of one seq, of all seqs, over what is stored, backwards. Guarantee: what names seqs is taken, data that is there
/// stays; backwards is refused.
#[tokio::test(flavor = "multi_thread")]
async fn gaps() {
    let now = host::now();
    let gap = |shard: u16, first: u64, last: u64, events: u64| {
        let mut b = builder(now);
        let gap = Gap {
            last_seq: Seq(last),
            reason: GapReason::SpoolFull,
            events,
        };
        b.gap(Shard(shard), Seq(first), gap);
        b.finish(Compression::None).unwrap()
    };
    let cases = vec![
        case("one seq", gap(1, 5, 5, 7), Expect::Acked(1)),
        case("the same again", gap(1, 5, 5, 7), Expect::Acked(1)),
        case(
            "a batch in place of a gap",
            {
                let mut b = builder(now);
                b.section(Shard(1), Seq(5), &[event_at(trace_in(1, 5), now, 1)]);
                b.finish(Compression::None).unwrap()
            },
            Expect::Acked(1),
        ),
        case("a gap over that batch", gap(1, 4, 6, 0), Expect::Acked(3)),
        case(
            "a million seqs",
            gap(3, 1, 1_000_000, u64::MAX),
            Expect::Acked(1_000_000),
        ),
        case(
            "to the last seq but one",
            gap(4, 1, u64::MAX - 1, 0),
            Expect::Acked(1),
        ),
        case("backwards", gap(2, 20, 9, 0), Expect::Rejected(Malformed)),
    ];
    run_all(cases).await;
}
