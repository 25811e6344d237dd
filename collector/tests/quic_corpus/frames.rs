//! The frame's 64 bytes of header, its length, its checksum, its compression.

use super::support::{builder, event_at, trace_in};
use super::{Case, Expect, case, run_all};
use event::{Seq, Shard};
use wire::control::RejectCode::{Crc, Malformed, TooLarge, Version, WrongProducer};
use wire::frame::{Compression, HEADER_BYTES, seal};

/// A good frame that no other case has, not compressed: its seq is `salt`.
fn good(salt: u64, compression: Compression) -> Vec<u8> {
    let now = host::now();
    let mut b = builder(now);
    let trace = trace_in(0, salt.into());
    // Long enough that zstd is worth it.
    let events: Vec<_> = (0..40).map(|_| event_at(trace, now, 1)).collect();
    b.section(Shard(0), Seq(salt), &events);
    b.finish(compression).unwrap()
}

fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = good(5_000, Compression::None);
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    seal(&mut frame).unwrap();
    frame
}

/// Scenario: each field of the header with values that it may not have. Guarantee: each is refused by its code, before the body is
/// looked at; the session goes on.
#[tokio::test(flavor = "multi_thread")]
async fn header_fields() {
    let plain = good(5_000, Compression::None);
    let field = |at: usize| u32::from_le_bytes(plain[at..at + 4].try_into().unwrap());
    let (sections, events, payload, body) = (field(32), field(36), field(40), field(44));
    let mut cases = Vec::new();
    for magic in [*b"ESF2", *b"esf1", [0; 4], [0xff; 4]] {
        let name = format!("magic {magic:?}");
        cases.push(case(name, with(0, &magic), Expect::Rejected(Malformed)));
    }
    // Version 2 is of spans, whose header has other fields here.
    cases.push(case(
        "version 2",
        with(4, &2u16.to_le_bytes()),
        Expect::Rejected(Malformed),
    ));
    for version in [0u16, 4, 256, u16::MAX] {
        let name = format!("version {version}");
        cases.push(case(
            name,
            with(4, &version.to_le_bytes()),
            Expect::Rejected(Version),
        ));
    }
    for compression in [1u8, 3, 255] {
        let name = format!("compression {compression}");
        cases.push(case(name, with(6, &[compression]), Expect::Rejected(Malformed)));
    }
    let mut number = |what: &str, at: usize, value: u32, expect| {
        cases.push(case(
            format!("{what} {value}"),
            with(at, &value.to_le_bytes()),
            Expect::Rejected(expect),
        ));
    };
    for (value, expect) in [
        (0, Malformed),
        (sections + 1, Malformed),
        (4_096, Malformed),
        (4_097, TooLarge),
        (u32::MAX, TooLarge),
    ] {
        number("sections", 32, value, expect);
    }
    for (value, expect) in [
        (0, Malformed),
        (events - 1, Malformed),
        (events + 1, Malformed),
        (1_048_577, TooLarge),
        (u32::MAX, TooLarge),
    ] {
        number("events", 36, value, expect);
    }
    for (value, expect) in [
        (0, Malformed),
        (payload - 1, Malformed),
        (payload + 1, Malformed),
        (16 << 20, TooLarge),
        ((16 << 20) + 1, TooLarge),
        (u32::MAX, TooLarge),
    ] {
        number("payload length", 40, value, expect);
    }
    for (value, expect) in [
        (0, Malformed),
        (body - 1, Malformed),
        (body + 1, Malformed),
        (4 << 20, Malformed),
        ((4 << 20) + 1, TooLarge),
        (u32::MAX, TooLarge),
    ] {
        number("body length", 44, value, expect);
    }
    cases.push(case(
        "reserved byte 1",
        with(7, &[1]),
        Expect::Rejected(Malformed),
    ));
    cases.push(case(
        "producer 0",
        with(8, &[0; 16]),
        Expect::Rejected(WrongProducer),
    ));
    cases.push(case(
        "producer of all ones",
        with(8, &[0xff; 16]),
        Expect::Rejected(WrongProducer),
    ));
    run_all(cases).await;
}

/// Scenario: a frame cut at many places, with bytes behind it, and with one bit changed at many places. Guarantee: refused each time;
/// a changed bit by the checksum, unless the header is refused before.
#[tokio::test(flavor = "multi_thread")]
async fn lengths_and_bits() {
    let frame = good(5_001, Compression::Zstd);
    let mut cases: Vec<Case> = Vec::new();
    for length in [1, 3, 4, 5, 63, 64, 65, frame.len() / 2, frame.len() - 1] {
        let cut = frame[..length].to_vec();
        cases.push(case(
            format!("cut after {length}"),
            cut,
            Expect::Rejected(Malformed),
        ));
    }
    for more in [1, 64, 100_000] {
        let mut long = frame.clone();
        long.resize(frame.len() + more, 0);
        cases.push(case(
            format!("{more} bytes behind it"),
            long,
            Expect::Rejected(Malformed),
        ));
    }
    // Epoch, hlc, bucket, checksum, and the body: nothing but the checksum knows.
    for at in [
        24,
        31,
        48,
        55,
        56,
        60,
        63,
        HEADER_BYTES,
        HEADER_BYTES + 9,
        frame.len() - 1,
    ] {
        let mut changed = frame.clone();
        changed[at] ^= 0x10;
        cases.push(case(format!("bit of byte {at}"), changed, Expect::Rejected(Crc)));
    }
    run_all(cases).await;
}
