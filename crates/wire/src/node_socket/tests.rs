//! Round trips, hostile input.

use event::{
    EventId, EventKind, Flags, Hlc, Micros, ModuleKey, ModuleVersion, NodeKey, Pid, ResultClass, SiteId,
    TraceId,
};
use proptest::prelude::*;

use super::*;
use crate::bytes::{Put, ReadError};

const W: u64 = (1 << 59) - 1;

/// Any record that words can say, its payload in a static slice.
fn record() -> impl Strategy<Value = Record<'static>> {
    let kind = proptest::sample::select(EventKind::ALL);
    let class = proptest::sample::select(ResultClass::ALL);
    let payload = prop_oneof![Just(&b""[..]), Just(&b"\x83a\x01"[..]), Just(&[7u8; 300][..])];
    let what = (0..=W, kind, class, any::<u8>(), 0u32..1 << 24, 0u16..1 << 15);
    let rest = (0..=W, 0..=W, 0..=W, any::<u128>(), 0u32..1 << 27, 0..=W, 0..=W);
    let more = (0..=W, 0..=W, any::<u128>(), payload);
    (what, rest, more).prop_map(|(what, rest, more)| {
        let (id, kind, class, flags, site, shape) = what;
        let (hlc, time, module, trace, ordinal, pid, parent) = rest;
        let (remote_node, remote_time, linked, payload) = more;
        let link = kind == EventKind::Link;
        let flags = if payload.is_empty() {
            flags & !Flags::PAYLOAD
        } else {
            flags | Flags::PAYLOAD
        };
        let remote = flags & Flags::REMOTE != 0 && !link;
        Record {
            id: EventId(id),
            kind,
            class,
            flags: Flags(flags),
            site: SiteId(site),
            shape,
            hlc: Hlc(hlc),
            time: Micros(time),
            module: ModuleKey(if link { 0 } else { module }),
            trace: TraceId(trace),
            ordinal,
            pid: Pid(pid),
            parent: EventId(parent),
            remote_node: NodeKey(if remote { remote_node } else { 0 }),
            remote_time: Micros(if remote { remote_time } else { 0 }),
            linked: TraceId(if link { linked } else { 0 }),
            payload,
        }
    })
}

fn module() -> impl Strategy<Value = Module> {
    (any::<u128>(), ".{0,20}").prop_map(|(v, name)| Module {
        version: ModuleVersion(v),
        name,
    })
}

fn node_message() -> impl Strategy<Value = NodeMessage<'static>> {
    let hello = (any::<[u64; 2]>(), any::<[u32; 2]>(), ".{0,9}", ".{0,9}", ".{0,9}").prop_map(
        |([node, start], [creation, os_pid], name, otp_release, elixir_version)| {
            let (node, vm_start) = (NodeKey(node), Micros(start));
            NodeMessage::Hello(Hello {
                node,
                creation,
                vm_start,
                name,
                otp_release,
                elixir_version,
                os_pid,
            })
        },
    );
    let records = proptest::collection::vec(record(), 0..8);
    let chunk = (any::<u16>(), any::<[u64; 3]>(), any::<[u64; 8]>(), records).prop_map(
        |(writer, [first_number, sent_at, emitted], dropped, records)| {
            let sent_at = Micros(sent_at);
            NodeMessage::Chunk(Chunk {
                writer,
                first_number,
                sent_at,
                emitted,
                dropped,
                records,
            })
        },
    );
    let op = proptest::sample::select(ModulesOp::ALL);
    let modules =
        (op, any::<u64>(), proptest::collection::vec(module(), 0..5)).prop_map(|(op, time, modules)| {
            NodeMessage::Modules {
                op,
                time: Micros(time),
                modules,
            }
        });
    let bye = any::<(u64, [u64; 8])>().prop_map(|(emitted, dropped)| NodeMessage::Bye { emitted, dropped });
    let shape = (1..=SHAPE_ID_MAX, ".{0,30}").prop_map(|(id, text)| NodeMessage::Shape { id, text });
    prop_oneof![
        hello,
        chunk,
        modules,
        bye,
        shape,
        Just(NodeMessage::Define(b"ESST..."))
    ]
}

proptest! {
    /// Scenario: any message of a node. Guarantee: it comes back, and cut anywhere it is an error or another message.
    #[test]
    fn node_messages_come_back(message in node_message(), cut: prop::sample::Index) {
        let bytes = message.encode();
        prop_assert_eq!(NodeMessage::decode(&bytes).unwrap(), message);
        let framed = with_length(&bytes);
        prop_assert_eq!(message_len(*framed.first_chunk().unwrap()).unwrap(), bytes.len());
        let _ = NodeMessage::decode(&bytes[..cut.index(bytes.len())]);
    }

    /// Scenario: a valid message with bytes changed. Guarantee: no panic.
    #[test]
    fn changed_messages_are_read_or_refused(
        message in node_message(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = message.encode();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = NodeMessage::decode(&bytes);
        let _ = AgentMessage::decode(&bytes);
    }

    /// Scenario: any bytes, with any type. Guarantee: no panic.
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>, kind in prop_oneof![0..8u8, 128..133u8]) {
        bytes.insert(0, kind);
        let _ = NodeMessage::decode(&bytes);
        let _ = AgentMessage::decode(&bytes);
    }

    /// Scenario: any answer of an agent. Guarantee: it comes back.
    #[test]
    fn agent_messages_come_back(writers: Vec<(u16, u64)>, writer: u16, number: u64, capture: bool) {
        for message in [
            AgentMessage::Welcome(writers),
            AgentMessage::Stored { writer, number },
            AgentMessage::Settings { capture },
        ] {
            prop_assert_eq!(AgentMessage::decode(&message.encode()).unwrap(), message);
        }
    }

    /// Scenario: any record becomes an event. Guarantee: its numbers are the same, its shape has a name.
    #[test]
    fn a_record_becomes_an_event(record in record()) {
        let event = record.to_event(NodeKey(5), |id| format!("shape {id}"));
        prop_assert_eq!(event.node, NodeKey(5));
        prop_assert_eq!((event.id, event.trace, event.linked), (record.id, record.trace, record.linked));
        prop_assert_eq!(event.shape.is_empty(), record.shape == 0);
        prop_assert_eq!(event.payload.as_slice(), record.payload);
    }
}

/// Scenario: a chunk and a module list that claim 2^32 - 1 items. Guarantee: refused by what is there, before any
/// list is made.
#[test]
fn counts_that_are_not_there_are_refused() {
    let mut chunk = vec![2];
    chunk.put_u16(0);
    chunk.put_u32(u32::MAX);
    chunk.put(&[0; 88]);
    let error = NodeMessage::decode(&chunk).unwrap_err();
    assert!(
        matches!(error, DecodeError::Read(ReadError::Truncated { left: 0, .. })),
        "{error}"
    );
    let mut modules = vec![5, 1];
    modules.put_u64(0);
    modules.put_u32(u32::MAX);
    assert!(NodeMessage::decode(&modules).is_err());
}

/// Scenario: words of 2^59, unknown kinds and classes, a payload of 65,537 bytes, a shape 0, another version.
/// Guarantee: each is refused, with the value.
#[test]
fn values_out_of_range_are_refused() {
    let refused = |word: usize, value: u64| {
        let mut record = vec![0; RECORD_BYTES];
        record[8] = 2;
        record[word * 8..word * 8 + 8].copy_from_slice(&value.to_le_bytes());
        record.put_u32(65_537);
        Record::read(&mut crate::bytes::Reader::new(&record)).unwrap_err()
    };
    assert!(matches!(refused(0, 1 << 59), DecodeError::Range { .. }));
    assert_eq!(
        refused(1, 63),
        DecodeError::Unknown {
            what: "event kind",
            code: 63
        }
    );
    assert_eq!(
        refused(1, 2 | 63 << 6),
        DecodeError::Unknown {
            what: "result class",
            code: 63
        }
    );
    let payload = 2 | u64::from(Flags::PAYLOAD) << 12;
    assert_eq!(
        refused(1, payload).to_string(),
        "record payload of 65537 bytes exceeds the limit of 65536"
    );
    assert!(NodeMessage::decode(&[4, 0, 0, 0, 0]).is_err());
    assert!(matches!(
        NodeMessage::decode(&[1, 2, 0]),
        Err(DecodeError::Version { found: 2, .. })
    ));
}

/// Scenario: length fields of zero and beyond the limit. Guarantee: refused.
#[test]
fn lengths_are_checked() {
    assert!(message_len([0; 4]).is_err());
    assert_eq!(message_len([0, 0x40, 0, 0]), Ok(MESSAGE_BYTES_MAX));
    assert!(message_len([0, 0x40, 0, 1]).is_err());
}

/// Scenario: the chunk that the BEAM library wrote. Guarantee: it says what `docs/examples/chunk-1.md` says, and is
/// written the same.
#[test]
fn the_example_is_read_and_written() {
    let bytes = include_bytes!("../../../../docs/examples/chunk-1.bin");
    let message = NodeMessage::decode(bytes).unwrap();
    assert_eq!(message.encode(), bytes);
    let NodeMessage::Chunk(chunk) = message else {
        panic!("not a chunk")
    };
    assert_eq!(
        (
            chunk.writer,
            chunk.first_number,
            chunk.last_number(),
            chunk.emitted
        ),
        (0, 41, 43, 47)
    );
    assert_eq!(chunk.sent_at, Micros(217_000_000_000_005));
    assert_eq!(chunk.dropped, [1, 0, 2, 0, 0, 0, 0, 0]);
    let [call, callback, value] = chunk.records.try_into().unwrap();
    assert_eq!(
        (call.id, call.kind, call.site),
        (EventId(1_025), EventKind::Call, SiteId(3))
    );
    assert_eq!(call.trace, TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736));
    assert_eq!(
        (call.hlc, call.time),
        (Hlc(217_000_000_000_000 << 10), Micros(217_000_000_000_000))
    );
    assert_eq!(
        (call.module, call.pid),
        (ModuleKey(451_364_921_067_004_044), Pid(198))
    );
    assert_eq!(
        (callback.kind, callback.shape, callback.ordinal),
        (EventKind::Callback, 5, 1)
    );
    assert_eq!((callback.site, callback.parent), (SiteId(29), call.id));
    assert_eq!(callback.remote_node, NodeKey(142_998_620_046_722_204));
    assert_eq!(callback.remote_time, Micros(217_000_000_000_000));
    assert_eq!(
        (value.class, value.hlc.counter(), value.parent),
        (ResultClass::Map, 2, call.id)
    );
    let payload = crate::etf::ValuePayload::decode(value.payload).unwrap();
    assert_eq!(
        (payload.name.as_str(), payload.cut, payload.redacted),
        ("order", false, true)
    );
    assert_eq!(payload.render(80), "%{id: 123, token: :\"$redacted\"}");
}
