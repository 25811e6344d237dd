//! The agent's spool: records of a segment, and the marks of nodes in them.

#![no_main]
#![allow(dead_code, reason = "the agent's files are compiled as they are")]

#[path = "../../agent/src/spool/marks.rs"]
mod marks;
#[path = "../../agent/src/spool/record.rs"]
mod record;

use event::NodeKey;
use fuzz::{frames, heap, seeds};
use marks::Marks;
use record::{HEADER_BYTES, Kind, Scanned, put_record, scan};
use wire::bytes::{Put, Reader};

const KINDS: [Kind; 5] = [
    Kind::Snapshot,
    Kind::Batch,
    Kind::Describe,
    Kind::Noted,
    Kind::Acks,
];

/// Marks of so many nodes.
fn marks(nodes: u64) -> Vec<u8> {
    let mut marks = Marks::default();
    for node in 1..=nodes {
        let entry = marks.entry(NodeKey(node));
        entry
            .writers
            .extend((0..node as u16 % 5).map(|w| (w, node * 100)));
        entry.dropped[node as usize % 8] = node;
    }
    let mut out = Vec::new();
    marks.write(&mut out);
    out
}

fn segments() -> impl Iterator<Item = Vec<u8>> {
    let segment = |frames: &[Vec<u8>]| {
        let mut out = Vec::new();
        let mut snapshot = marks(3);
        snapshot.put_u64(7);
        snapshot.put_u64(1);
        snapshot.put_u32(0);
        put_record(&mut out, Kind::Snapshot, &snapshot);
        for frame in frames {
            let mut batch = marks(1);
            batch.put_u32(1);
            batch.put_u32(frame.len() as u32);
            batch.put(frame);
            put_record(&mut out, Kind::Batch, &batch);
        }
        put_record(&mut out, Kind::Noted, &[0; 4]);
        out
    };
    let frames = frames::seeds();
    let whole = segment(&frames[..2]);
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let torn = whole[..whole.len() - 3].to_vec();
    [segment(&[]), whole, damaged, torn, marks(0), marks(20)].into_iter()
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(segments()), |data: &[u8]| {
    // Parts follow each other without a hole; written again, a record has the bytes that it had.
    let parts = heap::within(data.len(), 16, || scan(data));
    let mut at = 0;
    for part in &parts {
        let range = match part {
            Scanned::Record(kind, body) => {
                let mut again = Vec::new();
                put_record(&mut again, *kind, &data[body.clone()]);
                assert_eq!(again, data[body.start - HEADER_BYTES..body.end]);
                body.start - HEADER_BYTES..body.end
            }
            Scanned::Corrupt(range) => range.clone(),
            Scanned::Torn(range) => {
                assert_eq!(range.end, data.len());
                range.clone()
            }
        };
        assert_eq!(range.start, at);
        assert!(range.end > at);
        at = range.end;
    }
    assert_eq!(at, data.len());
    // A record is found behind any bytes that contain no whole one.
    if !parts.iter().any(|part| matches!(part, Scanned::Record(..))) {
        let kind = KINDS[data.len() % KINDS.len()];
        let mut more = data.to_vec();
        put_record(&mut more, kind, &[1, 2, 3]);
        let record = Scanned::Record(kind, more.len() - 3..more.len());
        assert!(scan(&more).contains(&record));
    }
    let mut reader = Reader::new(data);
    if let Ok(marks) = heap::within(data.len(), 32, || Marks::read(&mut reader)) {
        let mut bytes = Vec::new();
        marks.write(&mut bytes);
        let again = Marks::read(&mut Reader::new(&bytes)).expect("what was written is read");
        let mut bytes_again = Vec::new();
        again.write(&mut bytes_again);
        assert_eq!(bytes, bytes_again);
    }
});
