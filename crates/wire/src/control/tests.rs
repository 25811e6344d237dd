//! Round trips, hostile input.

use event::{Epoch, Hlc, Micros, ModuleVersion, NodeInfo, NodeKey, Producer, Seq, Shard};
use proptest::prelude::*;

use super::*;

fn agent_message() -> impl Strategy<Value = AgentMessage> {
    let hello = any::<(u16, u128, u64, u64, String)>().prop_map(|(version, producer, epoch, hlc, name)| {
        let (producer, epoch, hlc) = (Producer(producer), Epoch(epoch), Hlc(hlc));
        AgentMessage::Hello(AgentHello {
            version,
            producer,
            epoch,
            hlc,
            name,
        })
    });
    let define = any::<(u64, Vec<u8>)>().prop_map(|(token, table)| AgentMessage::Define { token, table });
    let node = any::<([u64; 3], u32, [String; 3])>().prop_map(|([token, key, start], creation, texts)| {
        let [name, otp_release, elixir_version] = texts;
        let node = NodeInfo {
            key: NodeKey(key),
            creation,
            name,
        };
        let vm_start = Micros(start);
        let description = NodeDescription {
            node,
            vm_start,
            otp_release,
            elixir_version,
        };
        AgentMessage::Node { token, description }
    });
    let op = proptest::sample::select(ModulesOp::ALL);
    let modules = (op, any::<[u64; 3]>(), any::<Vec<(u128, u16)>>()).prop_map(|(op, numbers, modules)| {
        let [token, node, time] = numbers;
        let module = |(v, n)| Module {
            version: ModuleVersion(v),
            name: format!("Elixir.M{n}"),
        };
        let modules = modules.into_iter().map(module).collect();
        AgentMessage::Modules {
            token,
            node: NodeKey(node),
            op,
            time: Micros(time),
            modules,
        }
    });
    prop_oneof![
        hello,
        define,
        node,
        modules,
        any::<u64>().prop_map(|hlc| AgentMessage::Ping(Hlc(hlc)))
    ]
}

fn range() -> impl Strategy<Value = AckRange> {
    any::<(u64, u16, u64, u64)>().prop_map(|(epoch, shard, first, last)| AckRange {
        epoch: Epoch(epoch),
        shard: Shard(shard),
        first: Seq(first),
        last: Seq(last),
    })
}

fn collector_message() -> impl Strategy<Value = CollectorMessage> {
    let ok = any::<(u16, u128, u16, [u32; 3], [u64; 2])>().prop_map(
        |(
            version,
            cluster,
            shards,
            [bucket_seconds, max_offset_ms, frame_bytes_max],
            [hlc, window_bytes],
        )| {
            CollectorMessage::HelloOk(HelloOk {
                version,
                cluster,
                shards,
                bucket_seconds,
                hlc: Hlc(hlc),
                max_offset_ms,
                frame_bytes_max,
                window_bytes,
            })
        },
    );
    let ack = (any::<u64>(), proptest::collection::vec(range(), 0..9)).prop_map(|(hlc, ranges)| {
        CollectorMessage::Ack {
            hlc: Hlc(hlc),
            ranges,
        }
    });
    let reject = (
        range(),
        proptest::sample::select(RejectCode::ALL),
        any::<String>(),
    )
        .prop_map(|(range, code, reason)| CollectorMessage::Reject { range, code, reason });
    let throttle =
        any::<(u32, u64)>().prop_map(|(retry_after_ms, credit_bytes)| CollectorMessage::Throttle {
            retry_after_ms,
            credit_bytes,
        });
    let error = (proptest::sample::select(ErrorCode::ALL), any::<String>())
        .prop_map(|(code, reason)| CollectorMessage::Error { code, reason });
    let collectors = any::<Vec<(u64, String)>>();
    let map = (any::<[u64; 2]>(), collectors, any::<Vec<Vec<u8>>>()).prop_map(
        |([epoch, from], collectors, holders)| {
            let collectors = collectors.into_iter();
            CollectorMessage::Map(CollectorMap {
                epoch,
                from,
                collectors: collectors
                    .map(|(member, address)| CollectorAt { member, address })
                    .collect(),
                holders,
            })
        },
    );
    prop_oneof![
        ok,
        ack,
        reject,
        throttle,
        error,
        map,
        any::<u64>().prop_map(CollectorMessage::Noted)
    ]
}

proptest! {
    /// Scenario: any message in either direction. Guarantee: it comes back; changed or cut, no panic.
    #[test]
    fn messages_come_back(
        up in agent_message(),
        down in collector_message(),
        at: prop::sample::Index,
        value: u8,
    ) {
        let (mut up_bytes, mut down_bytes) = (up.encode(), down.encode());
        prop_assert_eq!(AgentMessage::decode(&up_bytes).unwrap(), up);
        prop_assert_eq!(CollectorMessage::decode(&down_bytes).unwrap(), down);
        let framed = with_length(&up_bytes);
        prop_assert_eq!(message_len(*framed.first_chunk().unwrap()).unwrap(), up_bytes.len());
        for bytes in [&mut up_bytes, &mut down_bytes] {
            let at = at.index(bytes.len());
            let _ = AgentMessage::decode(&bytes[..at]);
            let _ = CollectorMessage::decode(&bytes[..at]);
            bytes[at] = value;
            let _ = AgentMessage::decode(bytes);
            let _ = CollectorMessage::decode(bytes);
        }
    }

    /// Scenario: any bytes, with any type. Guarantee: no panic.
    #[test]
    fn any_bytes_are_read_or_refused(mut bytes: Vec<u8>, kind in prop_oneof![0..7u8, 128..137u8]) {
        bytes.insert(0, kind);
        let _ = AgentMessage::decode(&bytes);
        let _ = CollectorMessage::decode(&bytes);
    }
}

/// Scenario: an ACK that claims 2^32 - 1 ranges. Guarantee: refused by what is there, before a list is made.
#[test]
fn counts_that_are_not_there_are_refused() {
    let mut ack = vec![130, 0, 0, 0, 0, 0, 0, 0, 0];
    ack.extend_from_slice(&u32::MAX.to_le_bytes());
    assert!(CollectorMessage::decode(&ack).is_err());
}
