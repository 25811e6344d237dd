//! OTLP/JSON: any text gives protobuf that the decoder reads, or an error with its place.

#![no_main]

use fuzz::{heap, otlp, seeds};
use wire::otlp::schema::{logs, traces};
use wire::otlp::{decode_logs, decode_traces, json_to_protobuf, logs_json, traces_json};

fn examples() -> Vec<Vec<u8>> {
    let (traces, logs) = (traces_json([&otlp::span()]), logs_json([&otlp::log_record()]));
    vec![traces.into_bytes(), logs.into_bytes()]
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(examples()), |data: &[u8]| {
    for message in [&traces::MESSAGE, &logs::MESSAGE] {
        match heap::within(data.len(), 8, || json_to_protobuf(message, data)) {
            Err(error) => assert!(error.at <= data.len()),
            Ok(protobuf) if std::ptr::eq(message, &raw const traces::MESSAGE) => {
                decode_traces(&protobuf).expect("what was transcoded is read");
            }
            Ok(protobuf) => {
                decode_logs(&protobuf).expect("what was transcoded is read");
            }
        }
    }
});
