//! A frame as it comes, checksum included.

#![no_main]

use fuzz::{frames, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::plant(frames::seeds()), |data: &[u8]| {
    let _ = wire::frame::verify_crc(data);
    frames::check(data);
});
