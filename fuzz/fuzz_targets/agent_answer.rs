//! A message from an agent to a node.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = wire::node_socket::AgentMessage::decode(data);
});
