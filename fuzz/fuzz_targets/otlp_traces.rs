//! A request of spans: what is accepted is written, read again, and is the same; as JSON too.

#![no_main]

use fuzz::{heap, otlp, seeds};
use wire::otlp::schema::traces;
use wire::otlp::{decode_traces, encode_traces, json_to_protobuf, protobuf_to_json, traces_json};

libfuzzer_sys::fuzz_target!(init: seeds::plant([encode_traces([&otlp::span()])]), |data: &[u8]| {
    // The smallest record is 32 bytes long and takes ten times that; the smallest event 2, and thirty times that.
    let decoded = heap::within(data.len(), 320, || decode_traces(data));
    let json = heap::within(data.len(), 64, || protobuf_to_json(&traces::MESSAGE, data));
    let Ok(decoded) = decoded else {
        return;
    };
    if let Ok(json) = json {
        json_to_protobuf(&traces::MESSAGE, json.as_bytes()).expect("JSON that was written is read");
    }
    let written = encode_traces(&decoded.records);
    let again = decode_traces(&written).expect("what was written is read");
    assert_eq!(again.notes, Default::default());
    assert_eq!(encode_traces(&again.records), written);
    let json = traces_json(&decoded.records);
    let transcoded = json_to_protobuf(&traces::MESSAGE, json.as_bytes()).expect("JSON that was written is read");
    let read = decode_traces(&transcoded).expect("what was transcoded is read");
    assert_eq!(read.records.len(), decoded.records.len());
});
