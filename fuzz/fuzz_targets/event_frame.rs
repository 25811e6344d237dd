//! A frame of events of version 3, or a block of them, as it comes, and with length and checksum made right: opened, digested, read whole
//! and by trace.

#![no_main]

use fuzz::{event_frames, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::plant(event_frames::seeds()), |data: &[u8]| {
    event_frames::both(data, event_frames::check);
});
