//! The payload of a frame of version 1: dictionaries, section heads, trace lists, columns. The input's first seven bytes are the
//! compression and the header's counts of sections and events; everything else in the header follows from the payload.

#![no_main]

use fuzz::{frames, seeds};
use wire::frame::{Compression, HEADER_BYTES, Layout, peek_header};

fn payloads() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for frame in frames::seeds() {
        let header = peek_header(&frame).expect("a seed");
        if header.layout == Layout::Events && header.compression == Compression::None {
            for packed in 0..2 {
                let mut input = vec![packed];
                input.extend((header.sections as u16).to_le_bytes());
                input.extend(header.events.to_le_bytes());
                input.extend(&frame[HEADER_BYTES..]);
                inputs.push(input);
            }
        }
    }
    inputs
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(payloads()), |data: &[u8]| {
    let Some((&[packed, s0, s1, e0, e1, e2, e3], payload)) = data.split_first_chunk::<7>() else {
        return;
    };
    let compression = if packed & 1 == 1 { Compression::Zstd } else { Compression::None };
    let (sections, events) = (u16::from_le_bytes([s0, s1]), u32::from_le_bytes([e0, e1, e2, e3]));
    frames::check(&frames::around(payload, compression, sections.into(), events));
});
