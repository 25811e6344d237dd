//! The pass that says what an index needs of a frame: what it accepts agrees with the events that are read.

#![no_main]

use fuzz::{event_frames, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::plant(event_frames::seeds()), |data: &[u8]| {
    event_frames::both(data, event_frames::check_digest);
});
