//! A message from a node to its agent.

#![no_main]

use event::{Micros, ModuleVersion, NodeKey};
use fuzz::{heap, samples, seeds};
use wire::node_socket::{Chunk, Hello, Module, ModulesOp, NodeMessage, Record, message_len};

fn messages() -> Vec<Vec<u8>> {
    let table = include_bytes!("../../docs/examples/site-table-1.bin");
    let events: Vec<_> = (0..40).map(samples::event).collect();
    let records = events.iter().map(|event| Record {
        id: event.id,
        kind: event.kind,
        class: event.class,
        flags: event.flags,
        site: event.site,
        shape: 3,
        hlc: event.hlc,
        time: event.time,
        module: event.module,
        trace: event.trace,
        ordinal: event.ordinal,
        pid: event.pid,
        parent: event.parent,
        remote_node: event.remote_node,
        remote_time: event.remote_time,
        linked: event.linked,
        payload: &event.payload,
    });
    let messages = [
        NodeMessage::Hello(Hello {
            node: NodeKey(5),
            creation: 1_700_000_000,
            vm_start: Micros(217_000_000_000_000),
            name: "shop@127.0.0.1".into(),
            otp_release: "25".into(),
            elixir_version: "1.14.0".into(),
            os_pid: 4_711,
        }),
        NodeMessage::Chunk(Chunk {
            writer: 1,
            first_number: 1,
            sent_at: Micros(217_000_000_000_000),
            emitted: 40,
            dropped: [1, 2, 3, 4, 5, 6, 7, 8],
            records: records.collect(),
        }),
        NodeMessage::Define(table),
        NodeMessage::Shape {
            id: 1,
            text: "{:reserve, _, _}".into(),
        },
        NodeMessage::Modules {
            op: ModulesOp::Snapshot,
            time: Micros(1),
            modules: vec![Module {
                version: ModuleVersion(1 << 100),
                name: "Elixir.Shop.Stock".into(),
            }],
        },
        NodeMessage::Bye {
            emitted: 9,
            dropped: [0; 8],
        },
    ];
    let chunk = include_bytes!("../../docs/examples/chunk-1.bin").to_vec();
    messages.iter().map(NodeMessage::encode).chain([chunk]).collect()
}

libfuzzer_sys::fuzz_target!(init: seeds::plant(messages()), |data: &[u8]| {
    if let Some(field) = data.first_chunk() {
        let _ = message_len(*field);
    }
    if let Ok(message) = heap::within(data.len(), 16, || NodeMessage::decode(data)) {
        let again = message.encode();
        assert_eq!(NodeMessage::decode(&again), Ok(message));
        assert!(again.len() <= data.len());
    }
});
