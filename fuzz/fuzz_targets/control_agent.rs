//! A message from an agent to a collector.

#![no_main]

use event::{Epoch, Hlc, Micros, ModuleVersion, NodeInfo, NodeKey, Producer};
use fuzz::{heap, seeds};
use wire::control::{AgentHello, AgentMessage, Module, ModulesOp, NodeDescription, message_len};

fn messages() -> Vec<Vec<u8>> {
    let node = NodeInfo {
        key: NodeKey(5),
        creation: 1_700_000_000,
        name: "shop@127.0.0.1".into(),
    };
    let messages = [
        AgentMessage::Hello(AgentHello::new(
            Producer(1 << 99),
            Epoch(3),
            Hlc(11 << 10),
            "agent-1",
        )),
        AgentMessage::Define {
            token: 1,
            table: include_bytes!("../../docs/examples/site-table-1.bin").to_vec(),
        },
        AgentMessage::Node {
            token: 2,
            description: NodeDescription {
                node,
                vm_start: Micros(217_000_000_000_000),
                otp_release: "25".into(),
                elixir_version: "1.14.0".into(),
            },
        },
        AgentMessage::Modules {
            token: 3,
            node: NodeKey(5),
            op: ModulesOp::Loaded,
            time: Micros(1),
            modules: vec![Module {
                version: ModuleVersion(1 << 100),
                name: "Elixir.Shop.Stock".into(),
            }],
        },
        AgentMessage::Ping(Hlc(12 << 10)),
    ];
    messages.iter().map(AgentMessage::encode).collect()
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(messages()), |data: &[u8]| {
    if let Some(field) = data.first_chunk() {
        let _ = message_len(*field);
    }
    if let Ok(message) = heap::within(data.len(), 16, || AgentMessage::decode(data)) {
        assert_eq!(message.encode(), data);
    }
});
