//! A request of log records: what is accepted is written, read again, and is the same.

#![no_main]

use fuzz::{heap, otlp, seeds};
use wire::otlp::{decode_logs, encode_logs};

libfuzzer_sys::fuzz_target!(init: seeds::plant([encode_logs([&otlp::log_record()])]), |data: &[u8]| {
    // A record of nothing is 2 bytes long and takes a hundred times that, and half as much again while the list grows.
    let Ok(decoded) = heap::within(data.len(), 640, || decode_logs(data)) else {
        return;
    };
    let written = encode_logs(&decoded.records);
    let again = decode_logs(&written).expect("what was written is read");
    assert_eq!(again.notes, Default::default());
    assert_eq!(encode_logs(&again.records), written);
});
