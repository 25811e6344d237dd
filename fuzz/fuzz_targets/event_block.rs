//! Two frames or blocks merged into blocks, as in sealing: every event that was taken comes back.

#![no_main]

use fuzz::{event_frames, seeds};

libfuzzer_sys::fuzz_target!(init: seeds::plant(event_frames::seeds()), |data: &[u8]| {
    event_frames::both(data, event_frames::check_merged);
});
