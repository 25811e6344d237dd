//! Agents that do something wrong: a clear answer, a metric, and nobody else disturbed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::{Epoch, Producer, Seq, Shard};
use support::{Agent, House, builder, event_at, frame, hello, trace_in};
use transport::Role;
use wire::control::{AgentHello, AgentMessage, CollectorMessage, ErrorCode, RejectCode, VERSION};
use wire::frame::{Compression, FrameBuilder, seal};

/// Sends a bad frame between two good ones: the bad one is rejected with this code, the others are acknowledged, by the same session.
async fn rejected(bad: &[u8], expected: RejectCode) {
    let house = House::start().await;
    let mut other = house.agent().await;
    let mut agent = house.agent().await;
    agent.send(&frame(0, 1)).await;
    agent.acked(1).await;
    agent.send(bad).await;
    let CollectorMessage::Reject { code, reason, .. } = agent.hear().await else {
        panic!()
    };
    assert_eq!(code, expected, "{reason}");
    agent.send(&frame(0, 2)).await;
    agent.acked(1).await;
    other.send(&frame(1, 1)).await;
    other.acked(1).await;
    let line = format!(
        "elixirscope_collector_rejects_total{{reason=\"{}\"}} 1",
        expected.name()
    );
    assert!(house.metrics().contains(&line));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_crc() {
    let mut bad = frame(0, 9);
    *bad.last_mut().unwrap() ^= 1;
    rejected(&bad, RejectCode::Crc).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_version() {
    let mut bad = frame(0, 9);
    bad[4] = 9;
    seal(&mut bad).unwrap();
    rejected(&bad, RejectCode::Version).await;
}

/// A body of 64 bytes that says it is 16 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn zip_bomb() {
    let mut bad = frame(0, 9);
    bad[40..44].copy_from_slice(&(16u32 << 20).to_le_bytes());
    seal(&mut bad).unwrap();
    rejected(&bad, RejectCode::TooLarge).await;
}

/// A section that announces 127 traces and has one.
#[tokio::test(flavor = "multi_thread")]
async fn more_traces_than_there_are() {
    let now = host::now();
    let mut b = builder(now);
    b.section(Shard(0), Seq(9), &[event_at(trace_in(0, 9), now, 1)]);
    let mut bad = b.finish(Compression::None).unwrap();
    // Of the only section: shard, seq, no gap, rows, traces.
    let section = [0, 9, 0, 1, 1];
    let at = bad.windows(5).position(|bytes| bytes == section).unwrap();
    bad[at + 4] = 127;
    seal(&mut bad).unwrap();
    rejected(&bad, RejectCode::Malformed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_frame() {
    rejected(&[0xa5; 300], RejectCode::Malformed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_producer() {
    let now = host::now();
    let bucket = event::Bucket((now.0 / 600_000_000) as u32);
    let mut b = FrameBuilder::new(Producer(1), Epoch(3), event::Hlc::from_micros(now), bucket);
    b.node(event::NodeInfo {
        key: event::NodeKey(1),
        creation: 1,
        name: "n1@host".into(),
    });
    b.section(Shard(0), Seq(1), &[event_at(trace_in(0, 9), now, 1)]);
    rejected(&b.finish(Compression::Zstd).unwrap(), RejectCode::WrongProducer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_shard() {
    let now = host::now();
    let mut b = builder(now);
    b.section(Shard(1), Seq(9), &[event_at(trace_in(0, 9), now, 1)]);
    rejected(&b.finish(Compression::Zstd).unwrap(), RejectCode::Malformed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seq_used_twice() {
    let now = host::now();
    let mut b = builder(now);
    b.section(Shard(0), Seq(1), &[event_at(trace_in(0, 99), now, 1)]);
    rejected(&b.finish(Compression::Zstd).unwrap(), RejectCode::SeqReused).await;
}

/// The session ends with this error; another agent's goes on.
async fn ended(house: &House, agent: &mut Agent, expected: ErrorCode) {
    let CollectorMessage::Error { code, reason } = agent.hear().await else {
        panic!()
    };
    assert_eq!(code, expected, "{reason}");
    let mut other = house.agent().await;
    other.send(&frame(1, 1)).await;
    other.acked(1).await;
}

/// Scenario: a frame beyond the limit. Guarantee: nothing of it is read; the session ends, said why.
#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_frame() {
    let house = House::start().await;
    let mut agent = house.agent().await;
    let (connection, big) = (agent.connection.clone(), vec![7u8; 5 << 20]);
    let sending = tokio::spawn(async move {
        let stream = connection.open_uni().await.unwrap();
        let _ = transport::MessageWriter::new(stream, 6 << 20).write(&big).await;
    });
    // The first stream must end before the second is read.
    agent.data.finish().await.unwrap();
    ended(&house, &mut agent, ErrorCode::Malformed).await;
    let _ = sending.await;
    house.stop().await;
}

/// Scenario: garbage on the control stream, instead of HELLO and after it; another version; a data frame before HELLO.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_beginnings() {
    let house = House::start().await;
    let mut agent = house.agent().await;
    agent.control.write(&[250, 1, 2, 3]).await.unwrap();
    ended(&house, &mut agent, ErrorCode::Malformed).await;

    let mut agent = Agent::new(house.connect(Role::Agent).await).await;
    agent.control.write(&[0xff; 100]).await.unwrap();
    ended(&house, &mut agent, ErrorCode::Malformed).await;

    let mut agent = Agent::new(house.connect(Role::Agent).await).await;
    agent
        .say(&AgentMessage::Hello(AgentHello {
            version: VERSION + 1,
            ..hello()
        }))
        .await;
    ended(&house, &mut agent, ErrorCode::Version).await;

    let mut agent = Agent::new(house.connect(Role::Agent).await).await;
    agent.say(&AgentMessage::Ping(hello().hlc)).await;
    ended(&house, &mut agent, ErrorCode::Malformed).await;
    house.stop().await;
}

/// Scenario: a certificate of a member on an agent's door. Guarantee: refused by role.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_role() {
    let house = House::start().await;
    let mut agent = Agent::new(house.connect(Role::Member).await).await;
    agent.say(&AgentMessage::Hello(hello())).await;
    ended(&house, &mut agent, ErrorCode::Role).await;
    house.stop().await;
}
