//! A message from an agent to a node.

#![no_main]

use fuzz::{heap, seeds};
use wire::node_socket::AgentMessage;

fn messages() -> Vec<Vec<u8>> {
    let messages = [
        AgentMessage::Welcome(Vec::new()),
        AgentMessage::Welcome(vec![(0, 1), (1, u64::MAX)]),
        AgentMessage::Stored {
            writer: 1,
            number: 77,
        },
        AgentMessage::Settings { capture: true },
        AgentMessage::Settings { capture: false },
    ];
    messages.iter().map(AgentMessage::encode).collect()
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(messages()), |data: &[u8]| {
    if let Ok(message) = heap::within(data.len(), 8, || AgentMessage::decode(data)) {
        assert_eq!(message.encode(), data);
    }
});
