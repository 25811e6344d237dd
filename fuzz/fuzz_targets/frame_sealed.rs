//! A frame whose lengths and checksum are made right, so that the input gets behind them: header, zstd, payload.

#![no_main]

use fuzz::{frames, seeds};
use wire::frame::HEADER_BYTES;

libfuzzer_sys::fuzz_target!(init: seeds::plant(frames::seeds()), |data: &[u8]| {
    let mut frame = data.to_vec();
    let Some(body_len) = frame.len().checked_sub(HEADER_BYTES) else {
        return;
    };
    frame[44..48].copy_from_slice(&(body_len as u32).to_le_bytes());
    wire::frame::seal(&mut frame).expect("it has a header");
    assert_eq!(wire::frame::verify_crc(&frame), Ok(()));
    frames::check(&frame);
});
