//! A message from a collector to an agent.

#![no_main]

use event::{Epoch, Hlc, Seq, Shard};
use fuzz::{heap, seeds};
use wire::control::{AckRange, CollectorMessage, ErrorCode, HelloOk, RejectCode, VERSION};

fn messages() -> Vec<Vec<u8>> {
    let range = AckRange {
        epoch: Epoch(3),
        shard: Shard(17),
        first: Seq(4),
        last: Seq(6),
    };
    let mut messages = vec![
        CollectorMessage::HelloOk(HelloOk {
            version: VERSION,
            cluster: 1 << 90,
            shards: 64,
            bucket_seconds: 3_600,
            hlc: Hlc(11 << 10),
            max_offset_ms: 500,
            frame_bytes_max: 4 << 20,
            window_bytes: 8 << 20,
        }),
        CollectorMessage::Ack {
            hlc: Hlc(11 << 10),
            ranges: vec![range; 3],
        },
        CollectorMessage::Throttle {
            retry_after_ms: 250,
            credit_bytes: 1 << 20,
        },
        CollectorMessage::Noted(9),
    ];
    messages.extend(RejectCode::ALL.iter().map(|code| CollectorMessage::Reject {
        range,
        code: *code,
        reason: "a reason".into(),
    }));
    messages.extend(ErrorCode::ALL.iter().map(|code| CollectorMessage::Error {
        code: *code,
        reason: "a reason".into(),
    }));
    messages.iter().map(CollectorMessage::encode).collect()
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(messages()), |data: &[u8]| {
    if let Ok(message) = heap::within(data.len(), 8, || CollectorMessage::decode(data)) {
        assert_eq!(message.encode(), data);
    }
});
