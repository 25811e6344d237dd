//! A frame of spans as it comes, and with length and checksum made right.

#![no_main]

use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard};
use fuzz::{otlp, seeds};
use wire::frame::{HEADER_BYTES, seal};
use wire::otlp::encode_traces;
use wire::spans::{Cut, Packer, Skim, SpanBuilder, SpanFrame};

/// A frame of one span.
fn seed() -> Vec<u8> {
    let mut builder = SpanBuilder::new(1);
    let request = encode_traces([&otlp::span()]);
    Skim::new(&request)
        .fill(&mut builder, usize::MAX)
        .expect("what was encoded is read");
    let cut = Cut {
        producer: Producer(1),
        epoch: Epoch(1),
        hlc: Hlc(1),
        bucket: Bucket(1),
    };
    builder
        .finish(cut, |_| Shard(0), |_| Seq(1), &mut Packer::default())
        .expect("one span fits")
}

fn read(frame: &[u8]) {
    let Ok(opened) = SpanFrame::open(frame) else {
        return;
    };
    let Ok(traces) = opened.traces() else {
        return;
    };
    let whole = opened.spans(&traces, 0..traces.len());
    if let Ok(spans) = &whole {
        assert_eq!(spans.len(), opened.rows() as usize);
    }
    let _ = opened.terms(64);
    let mut builder = SpanBuilder::new(1);
    if builder.append(&opened).is_ok() {
        assert_eq!(builder.len(), opened.rows() as usize);
    }
}

libfuzzer_sys::fuzz_target!(init: seeds::plant([seed()]), |data: &[u8]| {
    read(data);
    let mut frame = data.to_vec();
    if frame.len() > HEADER_BYTES {
        let body = (frame.len() - HEADER_BYTES) as u32;
        frame[..6].copy_from_slice(b"ESF1\x02\x00");
        frame[6..8].copy_from_slice(&[0, 0]);
        frame[40..44].copy_from_slice(&body.to_le_bytes());
        frame[44..48].copy_from_slice(&body.to_le_bytes());
        if seal(&mut frame).is_ok() {
            read(&frame);
        }
    }
});
