//! Agents that send what is odd, wrong and hostile over QUIC, each case with the answer that `docs/wire-format.md` asks for, against a
//! real collector on loopback. A session that goes on acknowledges a good frame behind each bad one; one that ends says why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, outside of test functions"
)]
#![allow(clippy::too_many_lines, reason = "tables of cases")]

#[path = "../support/mod.rs"]
mod support;

mod contents;
mod control;
mod frames;
mod streams;

use support::{Agent, House, frame};
use wire::control::{CollectorMessage, RejectCode};

/// What a frame must be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// Acknowledged: so many batches.
    Acked(u64),
    /// Refused for ever.
    Rejected(RejectCode),
}

/// Bytes of a frame, and what must be said of them.
struct Case {
    name: String,
    bytes: Vec<u8>,
    expect: Expect,
}

fn case(name: impl Into<String>, bytes: Vec<u8>, expect: Expect) -> Case {
    Case {
        name: name.into(),
        bytes,
        expect,
    }
}

/// Sends each case in one session, a good frame behind each.
async fn run_all(cases: Vec<Case>) {
    let house = House::start().await;
    let mut agent = house.agent().await;
    let mut rejected = 0;
    for (good_seq, case) in (1_000_000..).zip(cases) {
        let name = &case.name;
        agent.send(&case.bytes).await;
        match case.expect {
            Expect::Acked(batches) => drop(agent.acked(batches).await),
            Expect::Rejected(expected) => {
                let CollectorMessage::Reject { code, reason, .. } = heard(&mut agent).await else {
                    panic!("{name} is not rejected")
                };
                assert_eq!(code, expected, "{name}: {reason}");
                assert!(!reason.is_empty() && reason.len() < 300, "{name}: {reason}");
                rejected += 1;
            }
        }
        agent.send(&frame(7, good_seq)).await;
        // A frame of many batches is refused batch by batch.
        loop {
            match heard(&mut agent).await {
                CollectorMessage::Ack { ranges, .. } => {
                    assert_eq!(ranges.len(), 1, "the frame behind {name}");
                    break;
                }
                CollectorMessage::Reject { code, .. } if case.expect == Expect::Rejected(code) => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }
    let metrics = house.metrics();
    let counted = metrics
        .lines()
        .filter(|line| line.starts_with("elixirscope_collector_rejects_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum::<u64>();
    assert_eq!(counted, rejected, "rejected frames are counted: {metrics}");
    house.stop().await;
}

/// The next message that is not about waiting.
async fn heard(agent: &mut Agent) -> CollectorMessage {
    loop {
        match agent.hear().await {
            CollectorMessage::Throttle { .. } => {}
            other => return other,
        }
    }
}
