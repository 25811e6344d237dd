//! The collector's disk is full, then it is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of test functions"
)]

mod support;

use std::process::Command;
use support::{House, frame};
use wire::control::CollectorMessage;

/// Scenario: on a small tmpfs a file takes the space; the agent sends; the file is removed. Guarantee: the agent is told to wait and nothing
/// is lost: the same session acknowledges the frame as soon as there is space, without its being sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_makes_agents_wait() {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=96m", "tmpfs"])
        .arg(&disk)
        .status();
    if !mounted.is_ok_and(|s| s.success()) {
        println!("not run: mounting is not allowed here");
        return;
    }
    let house = House::start_with(dir, &disk.join("data")).await;
    let mut agent = house.agent().await;
    agent.send(&frame(0, 1)).await;
    agent.acked(1).await;
    let filler = disk.join("filler");
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
    let _ = Command::new("umount").args(["-l"]).arg(&disk).status();
}
