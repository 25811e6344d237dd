//! The agent as a process of its own, killed at random moments while a node writes.
//!
//! Guarantee: what STORED has named is never forgotten; at the end the collector holds each event exactly once, and
//! a batch that came twice came with the same content.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests"
)]

mod support;

use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use support::running::start;
use support::{Collector, Node, config, socket, until};

const DIR: &str = "ES_TEST_SIGKILL_DIR";
const COLLECTOR: &str = "ES_TEST_SIGKILL_COLLECTOR";
const KILLS: u32 = 25;

/// Not a test: the agent's process, started by the test below.
#[test]
#[ignore = "started by the test below as a process of its own"]
fn child() {
    let (Ok(dir), Ok(collector)) = (std::env::var(DIR), std::env::var(COLLECTOR)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let _agent = start(config(Path::new(&dir), collector.parse().unwrap()));
        std::future::pending::<()>().await;
    });
}

fn spawn(dir: &Path, collector: &Collector) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env(COLLECTOR, collector.addr().to_string())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments() {
    let seed: u64 = std::env::var("ES_TEST_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(rand::random);
    println!("ES_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(&dir.path().join("tls"), None, Arc::default());
    let mut next = 1_u64;
    let mut confirmed = 0_u64;
    for _ in 0..KILLS {
        let mut child = spawn(dir.path(), &collector);
        let mut node = Node::connect(&socket(dir.path()), 1).await;
        assert!(
            node.stored() >= confirmed,
            "{} was confirmed, {} is known",
            confirmed,
            node.stored()
        );
        assert!(node.stored() < next);
        next = node.stored() + 1;
        collector
            .memory
            .silent
            .store(random.random_bool(0.3), Ordering::SeqCst);
        let life = Duration::from_millis(random.random_range(1..150));
        let end = tokio::time::Instant::now() + life;
        loop {
            let count = random.random_range(1..200_u64);
            let step = async {
                node.chunk(next..=next + count - 1, &[7; 40]).await?;
                next += count;
                while tokio::time::timeout(Duration::from_millis(1), node.answer())
                    .await
                    .ok()
                    .flatten()
                    .is_some()
                {}
                Some(())
            };
            if tokio::time::timeout_at(end, step).await.is_err() {
                break;
            }
        }
        confirmed = confirmed.max(node.stored());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    collector.memory.silent.store(false, Ordering::SeqCst);
    let mut child = spawn(dir.path(), &collector);
    let mut node = Node::connect(&socket(dir.path()), 1).await;
    assert!(node.stored() >= confirmed);
    let last = node.stored() + 100;
    node.chunk(node.stored() + 1..=last, &[]).await.unwrap();
    node.until_stored(last).await;
    let memory = Arc::clone(&collector.memory);
    until("everything", || memory.ids().len() as u64 >= last).await;
    assert_eq!(memory.ids(), (1..=last).collect::<Vec<_>>());
    assert!(memory.gaps.lock().is_empty());
    println!(
        "{last} events over {KILLS} kills, {} batches came again",
        memory.repeated.load(Ordering::SeqCst)
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
