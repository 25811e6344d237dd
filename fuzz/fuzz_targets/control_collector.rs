//! A message from a collector to an agent.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = wire::control::CollectorMessage::decode(data);
});
