//! A message from an agent to a collector.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = wire::control::AgentMessage::decode(data);
});
