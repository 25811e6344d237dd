//! A frame; its checksum is made right, so that the input gets behind it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut frame = data.to_vec();
    let _ = wire::frame::seal(&mut frame);
    let _ = wire::frame::decode(&frame);
});
