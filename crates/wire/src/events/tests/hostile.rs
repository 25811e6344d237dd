//! Frames that lie.

use event::Event;
use proptest::prelude::*;

use super::{frame, program};
use crate::events::{BlockOrder, EventBuilder, EventFrame, Packer};
use crate::frame::{HEADER_BYTES, seal};

/// Reads a frame in all ways; nothing may panic, and what the digest accepts can be read.
fn read(bytes: &[u8]) {
    let Ok(opened) = EventFrame::open(bytes) else {
        return;
    };
    let digest = opened.digest(true);
    let events = opened.events();
    if digest.is_ok() {
        assert_eq!(events.as_ref().map(Vec::len), Ok(opened.rows() as usize));
    }
    if let (Ok(traces), Ok(runs)) = (opened.traces(), opened.runs()) {
        for trace in traces.iter().take(5) {
            let _ = opened.trace_events(trace, &runs, &mut Vec::new());
        }
    }
    let mut builder = EventBuilder::new(1);
    if builder.append(&opened, |_| true).is_ok() {
        assert_eq!(builder.len(), opened.rows() as usize);
        let sorted = builder.sorted(BlockOrder::Shard);
        let mut packer = Packer::plain();
        for cut in sorted.cuts(50) {
            let cut_as = crate::frame::Cut {
                producer: event::Producer(0),
                epoch: event::Epoch(0),
                hlc: event::Hlc(0),
                bucket: event::Bucket(0),
            };
            let block = sorted.encode(cut, cut_as, &mut packer).unwrap();
            assert!(EventFrame::open(&block).unwrap().digest(false).is_ok());
        }
    } else {
        assert!(builder.is_empty());
    }
}

fn batches() -> impl Strategy<Value = Vec<Vec<Event>>> {
    proptest::collection::vec(program(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Scenario: a frame or a block with bytes changed or cut, the checksum made right again. Guarantee: read or refused, never a panic.
    #[test]
    fn changed_frames_are_read_or_refused(
        batches in batches(),
        block: bool,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut bytes = frame(7, 1, &batches);
        if block {
            let mut builder = EventBuilder::new(1);
            builder.append(&EventFrame::open(&bytes).unwrap(), |_| true).unwrap();
            let sorted = builder.sorted(BlockOrder::Shard);
            if let Some(first) = sorted.cuts(100).into_iter().next() {
                let cut = crate::frame::Cut {
                    producer: event::Producer(0),
                    epoch: event::Epoch(0),
                    hlc: event::Hlc(0),
                    bucket: event::Bucket(0),
                };
                bytes = sorted.encode(first, cut, &mut Packer::plain()).unwrap();
            }
        }
        read(&bytes);
        for (at, value) in changes {
            let at = HEADER_BYTES + at.index(bytes.len() - HEADER_BYTES);
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(HEADER_BYTES + cut.index(bytes.len() - HEADER_BYTES));
        }
        let len = (bytes.len() - HEADER_BYTES) as u32;
        bytes[40..44].copy_from_slice(&len.to_le_bytes());
        bytes[44..48].copy_from_slice(&len.to_le_bytes());
        seal(&mut bytes).unwrap();
        read(&bytes);
    }

    /// Scenario: any bytes behind a header. Guarantee: refused, never a panic.
    #[test]
    fn any_bytes_are_refused(body: Vec<u8>) {
        let mut bytes = frame(7, 1, &[])[..HEADER_BYTES].to_vec();
        bytes.extend(&body);
        bytes[40..44].copy_from_slice(&(body.len() as u32).to_le_bytes());
        bytes[44..48].copy_from_slice(&(body.len() as u32).to_le_bytes());
        seal(&mut bytes).unwrap();
        read(&bytes);
    }
}

/// Scenario: a producer sends a block, which says that its events are of others. Guarantee: refused.
#[test]
fn a_block_of_a_producer_is_refused() {
    let old = include_bytes!("../../../../../docs/examples/frame-3.bin");
    let mut builder = EventBuilder::new(1);
    builder.append(&EventFrame::open(old).unwrap(), |_| true).unwrap();
    let cut = crate::frame::Cut {
        producer: event::Producer(7),
        epoch: event::Epoch(0),
        hlc: event::Hlc(0),
        bucket: event::Bucket(0),
    };
    let sorted = builder.sorted(BlockOrder::Shard);
    let mut block = sorted.encode(0..2, cut, &mut Packer::plain()).unwrap();
    assert_eq!(EventFrame::open(&block).unwrap().rows(), 3);
    block[8] = 7;
    seal(&mut block).unwrap();
    assert!(EventFrame::open(&block).is_err());
}

/// Scenario: a million rows in a few hundred bytes. Guarantee: refused before rows are made.
#[test]
fn rows_that_are_hardly_there_are_refused() {
    use crate::bytes::Put;
    let rows = 1_000_000u32;
    let tags = zstd::bulk::compress(&vec![1u8; rows as usize], 1).unwrap();
    let mut bytes = frame(7, 1, &[])[..HEADER_BYTES].to_vec();
    bytes.extend([0; 32]);
    bytes.put_u32(1);
    bytes.put_u16(16);
    bytes.put_u8(1);
    bytes.put_u8(1);
    bytes.put_u32(rows);
    bytes.put_u32(tags.len() as u32);
    bytes.extend(&tags);
    let body = (bytes.len() - HEADER_BYTES) as u32;
    bytes[36..40].copy_from_slice(&rows.to_le_bytes());
    bytes[40..44].copy_from_slice(&body.to_le_bytes());
    bytes[44..48].copy_from_slice(&body.to_le_bytes());
    seal(&mut bytes).unwrap();
    let error = EventFrame::open(&bytes).unwrap_err();
    assert!(matches!(error, crate::frame::FrameError::Ratio { .. }), "{error}");
}
