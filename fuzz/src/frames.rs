//! Frames around chosen bytes, and what must hold of a frame that was accepted.

use event::{Bucket, Epoch, Event, Hlc, NodeInfo, NodeKey, Producer, Seq, Shard};
use wire::frame::{
    Compression, Directory, Frame, FrameBuilder, Gap, GapReason, HEADER_BYTES, Layout, SectionBody, decode,
    decode_directory, seal,
};

use crate::{heap, samples};

/// Heap that a byte of payload may take: a row of it is an event with a shape of 256 bytes, twice while lists grow.
const HEAP_TIMES: usize = 1_024;

/// What [`HEAP_TIMES`] times this is may be used for a frame of version 3, whatever its length.
const PARTS_BYTES: usize = 96 << 10;

/// Frames as an agent makes them, in the two compressions.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut frames = vec![include_bytes!("../../docs/examples/frame-1.bin").to_vec()];
    for (events, compression) in [
        (0, Compression::None),
        (1, Compression::None),
        (40, Compression::None),
        (40, Compression::Zstd),
        (300, Compression::Zstd),
    ] {
        let mut frame = FrameBuilder::new(Producer(7), Epoch(3), Hlc(11 << 10), Bucket(5));
        frame.node(NodeInfo {
            key: NodeKey(1),
            creation: 9,
            name: "shop@host".into(),
        });
        let events: Vec<Event> = (0..events).map(samples::event).collect();
        for (i, batch) in events.chunks(30).enumerate() {
            frame.section(Shard(i as u16), Seq(i as u64 + 1), batch);
        }
        frame.gap(
            Shard(9),
            Seq(4),
            Gap {
                last_seq: Seq(6),
                reason: GapReason::SpoolFull,
                events: 1_200,
            },
        );
        frames.push(frame.finish(compression).expect("a small frame"));
    }
    frames
}

/// A frame around a payload, its header right in all that follows from the payload.
pub fn around(payload: &[u8], compression: Compression, sections: u32, events: u32) -> Vec<u8> {
    let packed = match compression {
        Compression::None => payload.to_vec(),
        Compression::Zstd => zstd::bulk::compress(payload, 1).expect("zstd takes any bytes"),
    };
    let mut frame = include_bytes!("../../docs/examples/frame-1.bin")[..HEADER_BYTES].to_vec();
    frame[6] = if compression == Compression::Zstd { 2 } else { 0 };
    frame[32..36].copy_from_slice(&sections.to_le_bytes());
    frame[36..40].copy_from_slice(&events.to_le_bytes());
    frame[40..44].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    frame[44..48].copy_from_slice(&(packed.len() as u32).to_le_bytes());
    frame.extend(packed);
    seal(&mut frame).expect("it has a header");
    frame
}

/// Reads a frame both ways; what is accepted must agree with itself and come back.
pub fn check(bytes: &[u8]) -> bool {
    let peeked = wire::frame::peek_header(bytes);
    let payload = peeked.as_ref().map_or(0, |header| match header.layout {
        // Parts are compressed one by one: 16 MiB of them, and 65,536 rows, may be in few bytes.
        Layout::Columns => PARTS_BYTES,
        Layout::Events | Layout::Spans => header.payload_len as usize,
    });
    let Ok(directory) = heap::within(bytes.len() + payload, HEAP_TIMES, || decode_directory(bytes)) else {
        assert!(decode(bytes).is_err());
        return false;
    };
    assert_eq!(Ok(*directory.header()), peeked);
    assert_eq!(directory.header().sections as usize, directory.sections().len());
    let rows: u64 = directory
        .sections()
        .iter()
        .map(|entry| u64::from(entry.rows))
        .sum();
    assert_eq!(u64::from(directory.header().events), rows);
    let Ok(frame) = heap::within(bytes.len() + payload, HEAP_TIMES, || decode(bytes)) else {
        return false;
    };
    check_traces(&directory, &frame);
    check_again(&frame);
    true
}

/// The trace lists cover the rows, and the rows say the same traces.
fn check_traces(directory: &Directory<'_>, frame: &Frame) {
    for (entry, section) in directory.sections().iter().zip(&frame.sections) {
        let events = section.events();
        assert_eq!(events.len(), entry.rows as usize);
        let mut next = 0;
        for range in &entry.traces {
            assert_eq!(range.first_row, next);
            next += range.rows;
            let rows = &events[range.first_row as usize..next as usize];
            assert!(rows.iter().all(|event| event.trace == range.trace));
        }
        assert_eq!(next, entry.rows);
        for event in events {
            assert!(directory.node(event.node).is_some());
        }
    }
}

/// Built again from its events, it says the same, events of one trace adjacent.
fn check_again(frame: &Frame) {
    let header = &frame.header;
    let mut builder = FrameBuilder::new(header.producer, header.epoch, header.hlc, header.bucket);
    for node in &frame.nodes {
        builder.node(node.clone());
    }
    for section in &frame.sections {
        match &section.body {
            SectionBody::Rows(events) => builder.section(section.shard, section.seq, events),
            SectionBody::Gap(gap) => builder.gap(section.shard, section.seq, *gap),
        };
    }
    let Ok(bytes) = builder.finish(header.compression) else {
        return;
    };
    let again = decode(&bytes).expect("what the builder makes is read");
    for (section, again) in frame.sections.iter().zip(&again.sections) {
        assert_eq!((section.shard, section.seq), (again.shard, again.seq));
        match (&section.body, &again.body) {
            (SectionBody::Rows(events), SectionBody::Rows(again)) => assert_eq!(&grouped(events), again),
            (body, again) => assert_eq!(body, again),
        }
    }
    assert_eq!(frame.sections.len(), again.sections.len());
}

/// Traces in order of first appearance, the events of a trace in their order.
fn grouped(events: &[Event]) -> Vec<Event> {
    let mut first_at = std::collections::BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        first_at.entry(event.trace).or_insert(at);
    }
    let mut events = events.to_vec();
    events.sort_by_key(|event| first_at[&event.trace]);
    events
}
