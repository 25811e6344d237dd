//! Lengths on streams, streams that end early, streams that nobody asked for.

use std::time::Duration;

use super::heard;
use super::support::{Agent, House, frame, hello};
use tokio::io::AsyncWriteExt as _;
use transport::{Role, SendStream};
use wire::control::{AgentMessage, CollectorMessage, ErrorCode, MESSAGE_BYTES_MAX};
use wire::frame::FRAME_BYTES_MAX;

/// A greeted agent whose next data stream is ours: raw bytes.
async fn raw(house: &House) -> (Agent, SendStream) {
    let mut agent = house.agent().await;
    // The first stream must end before the second is read.
    agent.data.finish().await.unwrap();
    let stream = agent.connection.open_uni().await.unwrap();
    (agent, stream)
}

async fn ends(house: &House, name: &str, agent: &mut Agent, expected: ErrorCode) {
    let CollectorMessage::Error { code, reason } = heard(agent).await else {
        panic!("{name} does not end the session")
    };
    assert_eq!(code, expected, "{name}: {reason}");
    let mut other = house.agent().await;
    other.send(&frame(5, 1)).await;
    other.acked(1).await;
}

/// Scenario: lengths of 0, above the limit and of four thousand millions; a length cut; half a frame and the stream's end.
/// Guarantee: the session ends at the length, nothing is waited for, memory is not taken; another agent is served.
#[tokio::test(flavor = "multi_thread")]
async fn lengths_of_frames() {
    let house = House::start().await;
    let good = frame(5, 9);
    let half = [&(good.len() as u32).to_le_bytes()[..], &good[..good.len() / 2]].concat();
    let announced = |length: u32| length.to_le_bytes().to_vec();
    let cases = [
        ("length 0", announced(0)),
        ("one more than the limit", announced(FRAME_BYTES_MAX as u32 + 1)),
        ("4 GiB", announced(u32::MAX)),
        ("a length of two bytes, and the end", vec![1, 0]),
        ("half a frame, and the end", half),
        ("an HTTP request", b"GET / HTTP/1.1\r\nhost: x\r\n\r\n".to_vec()),
    ];
    for (name, bytes) in cases {
        let (mut agent, mut stream) = raw(&house).await;
        stream.write_all(&bytes).await.unwrap();
        let _ = stream.shutdown().await;
        ends(&house, name, &mut agent, ErrorCode::Malformed).await;
    }
    house.stop().await;
}

/// Scenario: the same on the control stream, before HELLO. Guarantee: the same.
#[tokio::test(flavor = "multi_thread")]
async fn lengths_of_messages() {
    let house = House::start().await;
    for length in [0, MESSAGE_BYTES_MAX as u32 + 1, u32::MAX] {
        let connection = house.connect(Role::Agent).await;
        let (mut send, recv) = connection.open_bi().await.unwrap();
        send.write_all(&length.to_le_bytes()).await.unwrap();
        let mut answers = transport::MessageReader::new(recv, MESSAGE_BYTES_MAX);
        let answer = tokio::time::timeout(Duration::from_secs(20), answers.next()).await;
        let answer = answer.expect("an answer in time").unwrap().expect("words");
        let CollectorMessage::Error { code, .. } = CollectorMessage::decode(&answer).unwrap() else {
            panic!("a length of {length} is not refused")
        };
        assert_eq!(code, ErrorCode::Malformed, "{length}");
    }
    house.stop().await;
}

/// Scenario: a data stream that is reset in the middle of a frame; a connection that is dropped in the middle of a frame; a frame before
/// HELLO; two frames of which the second is half, then the end of the process. Guarantee: nothing of half a frame is stored; whole frames
/// are; other agents do not notice.
#[tokio::test(flavor = "multi_thread")]
async fn half_frames() {
    let house = House::start().await;
    let mut other = house.agent().await;
    let good = frame(4, 21);
    let framed = [&(good.len() as u32).to_le_bytes()[..], &good].concat();

    let (agent, mut stream) = raw(&house).await;
    stream.write_all(&framed[..framed.len() / 2]).await.unwrap();
    agent.connection.close(7, "gone");
    other.send(&frame(4, 22)).await;
    other.acked(1).await;

    // Before HELLO nothing is read.
    let mut early = Agent::new(house.connect(Role::Agent).await).await;
    early.send(&frame(4, 23)).await;
    other.send(&frame(4, 24)).await;
    other.acked(1).await;
    assert_eq!(house.collector.store().stats().totals.frames, 2);
    // With it the frame counts, though it came first.
    early.say(&AgentMessage::Hello(hello())).await;
    let CollectorMessage::HelloOk(_) = heard(&mut early).await else {
        panic!("HELLO is not answered")
    };
    early.acked(1).await;

    let (mut last, mut stream) = raw(&house).await;
    stream.write_all(&framed).await.unwrap();
    stream.write_all(&framed[..10]).await.unwrap();
    last.acked(1).await;
    drop(stream);
    last.connection.close(7, "gone");
    other.send(&frame(4, 25)).await;
    other.acked(1).await;
    assert_eq!(house.collector.store().stats().totals.frames, 5);
    house.stop().await;
}
