//! The collector's disk is full, then it is not; and a disk that breaks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use event::TraceId;
use std::time::Duration;
use support::{House, frame, trace_in};
use testbed::Disk;
use wire::control::CollectorMessage;

/// Scenario: on a small tmpfs a file takes the space; the agent sends; the file is removed. Guarantee: the agent is told to wait and nothing
/// is lost: the same session acknowledges the frame as soon as there is space, without its being sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_agents_wait() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_memory(&dir.path().join("disk"), 96 << 10);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let house = House::start_with(dir, &disk.path().join("data")).await;
    let mut agent = house.agent().await;
    agent.send(&frame(0, 1)).await;
    agent.acked(1).await;
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![1u8; 40 << 20]).unwrap();
    assert!(house.collector.ready().is_err());
    agent.send(&frame(0, 2)).await;
    let CollectorMessage::Throttle {
        retry_after_ms,
        credit_bytes,
    } = agent.hear().await
    else {
        panic!()
    };
    assert!(retry_after_ms > 0 && credit_bytes == 0);
    std::fs::remove_file(&filler).unwrap();
    agent.acked(1).await;
    assert!(house.collector.ready().is_ok());
    assert_eq!(house.collector.store().stats().totals.frames, 2);
    house.collector.shutdown().await;
    drop(disk);
}

/// Scenario: the file system turns read-only under a running collector, as after an error of its device; one agent sends,
/// then another. Guarantee: nothing is acknowledged and the sessions end; readiness says why; what was
/// acknowledged is still answered; metrics count it.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_turns_read_only() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::in_file(&dir.path().join("disk"), &dir.path().join("image"), 256);
    let Ok(disk) = disk.inspect_err(|why| println!("not run: {why:#}")) else {
        return;
    };
    let house = House::start_with(dir, &disk.path().join("data")).await;
    let (mut agent, mut other) = (house.agent().await, house.agent().await);
    agent.send(&frame(0, 1)).await;
    agent.acked(1).await;
    disk.break_down().unwrap();
    agent.send(&frame(0, 2)).await;
    assert!(agent.ends_without_ack().await);
    let why = house.collector.ready().unwrap_err().to_string();
    assert!(why.contains("Read-only file system"), "{why}");
    other.send(&frame(0, 2)).await;
    assert!(other.ends_without_ack().await);
    let store = house.collector.store();
    let rows = |seq: u128| store.trace_rows(TraceId(trace_in(0, seq))).unwrap();
    assert_eq!((rows(1).events.len(), rows(2).events.len()), (2, 0));
    let shown = |line: &str| house.metrics().lines().any(|l| l == line);
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while !shown("elixirscope_store{what=\"poisoned\"} 1")
        || !shown("elixirscope_store_totals{what=\"write_failed\"} 1")
    {
        assert!(tokio::time::Instant::now() < until, "{}", house.metrics());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    house.collector.shutdown().await;
    drop(disk);
}
