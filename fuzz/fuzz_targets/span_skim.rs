//! An OTLP request into columns: the same spans as the plain decoder.

#![no_main]

use fuzz::{otlp, seeds};
use wire::otlp::{decode_traces, encode_traces};
use wire::spans::{Skim, SpanBuilder};

libfuzzer_sys::fuzz_target!(init: seeds::plant([encode_traces([&otlp::span()])]), |data: &[u8]| {
    let mut builder = SpanBuilder::new(1);
    let mut skim = Skim::new(data);
    let filled = skim.fill(&mut builder, usize::MAX);
    if let (Ok(true), Ok(decoded)) = (filled, decode_traces(data)) {
        assert_eq!(skim.done.spans as usize, decoded.records.len());
    }
});
