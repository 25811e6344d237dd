//! Frames of events of version 3, and blocks.

use event::{Bucket, Epoch, Event, Hlc, NodeInfo, NodeKey, Producer, Seq, Shard};
use wire::events::{BlockOrder, EventBuilder, EventFrame, Packer, content_hash};
use wire::frame::{Compression, Cut, FrameBuilder, Gap, GapReason, HEADER_BYTES, seal};

use crate::{heap, samples};

const CUT: Cut = Cut {
    producer: Producer(0),
    epoch: Epoch(0),
    hlc: Hlc(1),
    bucket: Bucket(5),
};
const ORDERS: [BlockOrder; 2] = [BlockOrder::Trace, BlockOrder::Shard];
/// Heap that a byte of a frame may take, and what rows without numbers may: 65,536 of them are in a frame of few bytes.
const HEAP_TIMES: usize = 1_024;
const HEAP_SLACK: usize = 64 << 20;

/// Frames as an agent makes them, compressed and not, and a block of them.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut frames = vec![include_bytes!("../../docs/examples/frame-3.bin").to_vec()];
    for (events, compression) in [
        (1, Compression::None),
        (40, Compression::None),
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
        let gap = Gap {
            last_seq: Seq(6),
            reason: GapReason::SpoolFull,
            events: 1_200,
        };
        frame.gap(Shard(9), Seq(4), gap);
        frames.push(frame.finish(compression).expect("a small frame"));
    }
    let mut builder = EventBuilder::new(1);
    for frame in &frames {
        let opened = EventFrame::open(frame).expect("a seed");
        builder.append(&opened, |_| true).expect("a seed");
    }
    let mut packer = Packer::plain();
    for order in ORDERS {
        let sorted = builder.sorted(order);
        let encode = |runs| sorted.encode(runs, CUT, &mut packer).expect("a block");
        frames.extend(sorted.cuts(200).into_iter().map(encode));
    }
    frames
}

/// Looks at bytes as they are, and as the body of a frame whose header is right.
pub fn both(data: &[u8], look: impl Fn(&[u8])) {
    look(data);
    let mut frame = data.to_vec();
    if frame.len() > HEADER_BYTES {
        let body = (frame.len() - HEADER_BYTES) as u32;
        frame[..8].copy_from_slice(b"ESF1\x03\x00\x00\x00");
        frame[40..44].copy_from_slice(&body.to_le_bytes());
        frame[44..48].copy_from_slice(&body.to_le_bytes());
        if seal(&mut frame).is_ok() {
            look(&frame);
        }
    }
}

/// Read whole and by trace, it says the same.
pub fn check(bytes: &[u8]) {
    let Ok(opened) = heap::within(bytes.len() + HEAP_SLACK / HEAP_TIMES, HEAP_TIMES, || {
        EventFrame::open(bytes)
    }) else {
        return;
    };
    let (Ok(traces), Ok(runs), Ok(events)) = (opened.traces(), opened.runs(), opened.events()) else {
        return;
    };
    assert_eq!(events.len(), opened.rows() as usize);
    for trace in traces.iter().take(4) {
        let mut alone = Vec::new();
        opened
            .trace_events(trace, &runs, &mut alone)
            .expect("what was read is read again");
        let rows = &events[trace.rows.start as usize..trace.rows.end as usize];
        assert!(alone.iter().map(|(_, event)| event).eq(rows));
    }
}

/// The digest agrees with the events.
pub fn check_digest(bytes: &[u8]) {
    let Ok(opened) = EventFrame::open(bytes) else {
        return;
    };
    let Ok(digest) = opened.digest(true) else {
        return;
    };
    let events = opened.events().expect("what is digested can be read");
    let sites: Vec<_> = opened.sites().expect("what is digested can be read").collect();
    let mut first = 0usize;
    for section in &digest.sections {
        let of_section = &events[first..first + section.rows as usize];
        if section.gap.is_none() && !opened.is_block() {
            assert_eq!(section.content, content_hash(of_section));
        }
        let mut next = 0;
        for part in digest.parts_of(section) {
            assert_eq!(part.first_row, next);
            let rows = &of_section[next as usize..(next + part.rows) as usize];
            assert!(rows.iter().all(|event| event.trace == part.trace));
            assert_eq!(
                part.errors as usize,
                rows.iter().filter(|event| event.is_error()).count()
            );
            assert_eq!(Some(part.time.1), rows.iter().map(|event| event.time).max());
            for site in digest.sites_of(part) {
                let site = sites[*site as usize];
                assert!(rows.iter().any(|event| (event.module, event.site) == site));
            }
            next += part.rows;
        }
        assert_eq!(next, section.rows);
        first += section.rows as usize;
    }
}

/// Merged with a frame that is right, everything comes back.
pub fn check_merged(bytes: &[u8]) {
    let Ok(opened) = EventFrame::open(bytes) else {
        return;
    };
    let mut builder = EventBuilder::new(1);
    let example = include_bytes!("../../docs/examples/frame-3.bin");
    let example = EventFrame::open(example).expect("the example");
    builder.append(&example, |_| true).expect("the example");
    let before = builder.len();
    if builder.append(&opened, |_| true).is_err() {
        assert_eq!(builder.len(), before);
    }
    let mut packer = Packer::default();
    for order in ORDERS {
        let sorted = builder.sorted(order);
        for runs in sorted.cuts(500) {
            let rows: usize = sorted.traces(runs.clone()).map(|(_, rows)| rows).sum();
            let Ok(block) = sorted.encode(runs, CUT, &mut packer) else {
                continue;
            };
            let block = EventFrame::open(&block)
                .expect("what was made is read")
                .events()
                .expect("and its events");
            assert_eq!(block.len(), rows);
        }
    }
}
