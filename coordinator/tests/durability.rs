//! The coordinator as a process: killed, restarted, in a folder that is in use, foreign or damaged; under many callers.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use codegraph::ContentHash;
use coordinator::state::{Command, Outcome, Role};
use coordinator::{Coordinator, CoordinatorConfig, NewMember, StartError};

const CHILD_DIR: &str = "COORDINATOR_TEST_CHILD_DIR";

fn config(dir: &Path) -> CoordinatorConfig {
    let member = NewMember {
        name: "one".into(),
        addresses: vec!["127.0.0.1:7481".into()],
        roles: [Role::Coordinator, Role::Collector].into(),
        zone: "z".into(),
    };
    CoordinatorConfig::new(dir, member)
}

/// Starts, waiting for a folder that a coordinator of this process is still letting go.
async fn start(dir: &Path) -> Coordinator {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match Coordinator::start(config(dir)).await {
            Err(StartError::Open(store::raft_log::OpenError::Locked { .. })) if Instant::now() < until => {
                tokio::task::yield_now().await;
            }
            started => return started.unwrap(),
        }
    }
}

fn publish(n: u64) -> Command {
    let version = ContentHash::of(&n.to_le_bytes());
    Command::PublishVersion {
        project: "shop".into(),
        version,
        files: 1,
        bytes: n,
    }
}

/// Not a test of its own: the process that `kill_nine` kills. It says on stdout what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let coordinator = start(Path::new(&dir)).await;
    let mut n = coordinator.watch().versions.len() as u64;
    loop {
        let blob = coordinator.put_blob(n.to_le_bytes().to_vec()).await.unwrap();
        assert_eq!(
            coordinator.propose(vec![publish(n)]).await.unwrap(),
            [Outcome::Done]
        );
        let line = format!("acknowledged {n} {blob}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
        std::io::stdout().flush().unwrap();
        n += 1;
    }
}

fn spawn_child(dir: &Path) -> (Child, impl Iterator<Item = (u64, ContentHash)> + use<>) {
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let acknowledged = lines.filter_map(|line| {
        let (_, rest) = line.split_once("acknowledged ")?;
        let (n, blob) = rest.split_once(' ')?;
        Some((n.parse().ok()?, blob.parse().ok()?))
    });
    (child, acknowledged)
}

/// Scenario: SIGKILL while it writes, several times over one folder. Guarantee: everything acknowledged is there, and the
/// cluster, the member and its id are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_nine_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut identity = None;
    for round in 1..=3 {
        let (mut child, mut acknowledged) = spawn_child(dir.path());
        let mut last = acknowledged.by_ref().nth(20 * round).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(later) = acknowledged.last() {
            last = later;
        }
        let coordinator = start(dir.path()).await;
        let state = coordinator.read().await.unwrap();
        for n in 0..=last.0 {
            let version = ContentHash::of(&n.to_le_bytes());
            assert!(
                state.versions.contains_key(&version),
                "version {n} of {} is lost",
                last.0
            );
            assert_eq!(
                coordinator.get_blob(version).await.unwrap().unwrap(),
                n.to_le_bytes()
            );
        }
        let now = (
            state.cluster.clone().unwrap(),
            coordinator.member(),
            coordinator.incarnation(),
        );
        assert_eq!(*identity.get_or_insert_with(|| now.clone()), now);
        assert_eq!(state.shard_map.epoch, 1);
        coordinator.shutdown().await;
    }
}

/// Scenario: another process has the folder. Guarantee: words that say so; the other is not disturbed.
#[tokio::test]
async fn a_folder_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut child, mut acknowledged) = spawn_child(dir.path());
    acknowledged.next().unwrap();
    let error = Coordinator::start(config(dir.path())).await.unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    acknowledged.next().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn foreign_and_damaged_folders_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("raft")).unwrap();
    std::fs::write(dir.path().join("raft/thesis.docx"), b"x").unwrap();
    let error = Coordinator::start(config(dir.path())).await.unwrap_err();
    assert!(error.to_string().contains("thesis.docx"), "{error}");

    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("raft"), b"a file").unwrap();
    let error = Coordinator::start(config(dir.path())).await.unwrap_err();
    assert!(
        matches!(error, StartError::Open(store::raft_log::OpenError::Io { .. })),
        "{error}"
    );

    let dir = tempfile::tempdir().unwrap();
    start(dir.path()).await.shutdown().await;
    drop(start(dir.path()).await);
    let until = Instant::now() + Duration::from_secs(20);
    while let Err(e) = store::raft_log::RaftLog::open(&dir.path().join("raft")) {
        assert!(Instant::now() < until, "{e}");
        tokio::task::yield_now().await;
    }
    std::fs::write(dir.path().join("raft/CURRENT"), b"garbage").unwrap();
    let error = Coordinator::start(config(dir.path())).await.unwrap_err();
    assert!(error.to_string().contains("is damaged"), "{error}");
}

/// Scenario: 1,000 callers at once. Guarantee: each gets its own outcome, in far fewer log entries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_proposals_share_entries() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let registry = config.registry.clone();
    let coordinator = Coordinator::start(config).await.unwrap();
    let before = counter(&registry, "elixirscope_coordinator_entries_total");
    let callers: Vec<_> = (0..1_000)
        .map(|n| {
            let coordinator = coordinator.clone();
            tokio::spawn(async move { coordinator.propose(vec![publish(n), publish(n)]).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(
            caller.await.unwrap().unwrap(),
            [Outcome::Done, Outcome::Unchanged]
        );
    }
    assert_eq!(coordinator.watch().versions.len(), 1_000);
    let entries = counter(&registry, "elixirscope_coordinator_entries_total") - before;
    assert!(entries <= 100.0, "{entries} entries for 1,000 proposals");
    assert!(coordinator.health().ready, "{:?}", coordinator.health());
    coordinator.shutdown().await;
    assert!(coordinator.propose(vec![publish(1)]).await.is_err());
    assert!(!coordinator.health().ready);
}

/// Scenario: more entries than a snapshot waits for, then a restart. Guarantee: the log is cut, the state is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_cut_the_log_and_a_restart_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let registry = config.registry.clone();
    let coordinator = Coordinator::start(config).await.unwrap();
    let mut n = 0;
    let until = Instant::now() + Duration::from_secs(100);
    while counter(&registry, "elixirscope_raft_snapshots_total") < 1.0 {
        assert!(Instant::now() < until, "no snapshot after {n} entries");
        coordinator.propose(vec![publish(n)]).await.unwrap();
        n += 1;
    }
    let expected = coordinator.read().await.unwrap();
    coordinator.shutdown().await;
    drop(coordinator);
    let coordinator = start(dir.path()).await;
    assert_eq!(*coordinator.read().await.unwrap(), *expected);
    coordinator.shutdown().await;
}

fn counter(registry: &prometheus::Registry, name: &str) -> f64 {
    let families = registry.gather();
    let family = families.iter().find(|f| f.name() == name).unwrap();
    family.get_metric()[0].get_counter().get_value()
}
