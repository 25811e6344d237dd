//! Groups of several coordinators in one process, over real QUIC and real logs: they join, lose their leader, come back, are
//! replaced, and turn strangers away.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a failure is the test's")]

mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use codegraph::{ContentHash, FileEntry, Manifest, SourceHash};
use coordinator::state::{Command, MemberId, NodeDescription, Outcome, Role};
use coordinator::{Coordinator, Removal};
use event::NodeKey;
use world::{Running, SOON, World, until};

/// A command without blobs: a node that was seen.
fn seen(n: u64) -> Command {
    let info = NodeDescription {
        name: format!("shop{n}@host"),
        ..NodeDescription::default()
    };
    Command::NodeSeen {
        node: NodeKey(n + 1),
        info,
    }
}

/// Scenario: two members join a third, one of them through the other; each proposes, each reads. Guarantee: three voters
/// with ids of their own; what anybody proposed is read by everybody at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_agree() {
    let world = World::new();
    let (_, members) = world.three().await;
    assert_eq!(members.each_ref().map(|m| m.member().0), [1, 2, 3]);
    until("three voters", SOON, || {
        members.iter().all(|m| m.group().voters.len() == 3)
    })
    .await;
    for (n, member) in (0..).zip(&members) {
        assert_eq!(member.propose(vec![seen(n)]).await.unwrap(), [Outcome::Done]);
        for reader in &members {
            assert_eq!(reader.read().await.unwrap().nodes.len() as u64, n + 1);
        }
    }
    let states = members.each_ref().map(|m| m.watch());
    assert!(states[0].cluster.is_some() && states[0].cluster == states[1].cluster);
    assert_eq!(states[1].members, states[2].members);
    for member in &members {
        assert!(member.health().ready);
        member.shutdown().await;
    }
}

/// Scenario: the leader stops, the others go on, it comes back; then the next leader, and so on, six times, with proposals all
/// along. Guarantee: a new leader soon; nothing that was acknowledged is missing anywhere in the end; ids stay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaders_come_and_go() {
    let world = World::new();
    let (places, members) = world.three().await;
    let mut members = members.map(Some);
    until("three voters", SOON, || {
        members.iter().flatten().all(|m| m.group().voters.len() == 3)
    })
    .await;
    let (mut acknowledged, mut slowest) = (0, Duration::ZERO);
    for _ in 0..6 {
        let leads = |m: &Option<Running>| m.as_ref().is_some_and(|m| m.group().leader == Some(m.member()));
        until("a leader", SOON, || members.iter().any(leads)).await;
        let leader = members.iter().position(leads).unwrap();
        let old = members[leader].take().unwrap();
        let id = old.member();
        old.shutdown().await;
        drop(old);
        let others: Vec<&Running> = members.iter().flatten().collect();
        let elected = |m: &&Running| m.group().leader.is_some_and(|l| l != id);
        slowest = slowest.max(until("a new leader", SOON, || others.iter().all(elected)).await);
        for member in &others {
            let outcome = member.propose(vec![seen(acknowledged)]).await.unwrap();
            assert_eq!(outcome, [Outcome::Done]);
            acknowledged += 1;
        }
        let back = world.start(&places[leader], &[]).await;
        assert_eq!(back.member(), id, "a data folder keeps its member id");
        members[leader] = Some(back);
    }
    println!("slowest of 6 elections: {} ms", slowest.as_millis());
    for member in members.iter().flatten() {
        until("all is applied", SOON, || {
            member.watch().nodes.len() as u64 == acknowledged
        })
        .await;
    }
    for member in members.iter().flatten() {
        member.shutdown().await;
    }
}

/// Scenario: a member's disk is wiped; its replacement joins, the lost one is removed, its folder is put back. Guarantee: the
/// new one has an id of its own and all that was agreed, by a snapshot where the log is cut; the old folder is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_member_is_replaced() {
    let world = World::new();
    let (places, [a, b, c]) = world.three().await;
    until("three voters", SOON, || a.group().voters.len() == 3).await;
    c.shutdown().await;
    drop(c);
    for n in 0..3_000 {
        a.propose(vec![seen(n)]).await.unwrap();
    }
    let d = World::place("d");
    let d = world.start(&d, &[&places[1]]).await;
    assert_eq!(d.member(), MemberId(4));
    until("the snapshot is there", SOON, || d.watch().nodes.len() == 3_000).await;
    b.remove(MemberId(3), Removal::default(), "ops").await.unwrap();
    until("three voters", SOON, || {
        d.group().voters == [MemberId(1), MemberId(2), MemberId(4)]
    })
    .await;
    until("it is marked", SOON, || d.watch().members[&MemberId(3)].removed).await;
    let c = world.start(&places[2], &[]).await;
    let refused = tokio::time::timeout(Duration::from_secs(3), c.propose(vec![seen(9_999)])).await;
    assert!(
        !matches!(refused, Ok(Ok(_))),
        "the removed member still writes: {refused:?}"
    );
    assert!(
        d.propose(vec![seen(4_000)]).await.is_ok(),
        "and does not disturb the others"
    );
    // The leader is taken out too: by another one, since it cannot do that itself.
    let all = [&a, &b, &d];
    let leads = |m: &&&Running| m.group().leader == Some(m.member());
    until("a leader", SOON, || all.iter().any(|m| leads(&m))).await;
    let leader = all.iter().find(leads).unwrap();
    let itself = leader.remove(leader.member(), Removal::default(), "ops").await;
    let itself = itself.unwrap_err().to_string();
    assert!(itself.contains("ask another one"), "{itself}");
    let other = all.iter().find(|m| m.member() != leader.member()).unwrap();
    let out = other.remove(leader.member(), Removal::default(), "ops").await;
    out.unwrap();
    assert!(other.watch().members[&leader.member()].removed);
    let audit = Arc::clone(&other.watch().audit);
    let said = audit.iter().filter(|e| e.what.contains("is removed"));
    assert_eq!(said.count(), 2, "{audit:?}");
    let gone = other
        .remove(MemberId(9), Removal::default(), "ops")
        .await
        .unwrap_err()
        .to_string();
    assert!(gone.contains("member 9 is not registered"), "{gone}");
    for member in [a, b, c, d] {
        member.shutdown().await;
    }
}

/// Scenario: two of three are gone. Guarantee: the last one says that it is not ready, reads go on from what it has, a
/// proposal ends as unknown or without a leader, and goes through once another is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_nothing_is_agreed() {
    let world = World::new();
    let (places, [a, b, c]) = world.three().await;
    until("three voters", SOON, || a.group().voters.len() == 3).await;
    a.propose(vec![seen(1)]).await.unwrap();
    for gone in [b, c] {
        gone.shutdown().await;
    }
    until("not ready", SOON, || !a.health().ready).await;
    assert_eq!(a.watch().nodes.len(), 1);
    let waiting = {
        let a = Coordinator::clone(&a);
        tokio::spawn(async move { a.propose(vec![seen(2)]).await })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(a.watch().nodes.len(), 1, "nothing is applied without a quorum");
    let b = world.start(&places[1], &[]).await;
    until("ready again", SOON, || a.health().ready).await;
    let outcome = waiting.await.unwrap();
    assert!(
        matches!(&outcome, Ok(done) if *done == [Outcome::Done]),
        "the proposal that waited: {outcome:?}"
    );
    until("all is applied", SOON, || b.watch().nodes.len() == 2).await;
    a.shutdown().await;
    b.shutdown().await;
}

/// Scenario: a member of another authority is told to join. Guarantee: it does not get in, and the cluster is as it was. (What an agent's
/// certificate gets is tested at the program's door.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_turned_away() {
    let (world, other) = (World::new(), World::new());
    let place = World::place("a");
    let a = world.start(&place, &[]).await;
    let stranger = World::place("x");
    let joins = tokio::time::timeout(Duration::from_secs(3), other.try_start(&stranger, &[&place])).await;
    assert!(
        joins.is_err() || joins.is_ok_and(|j| j.is_err()),
        "another authority's member joined"
    );
    assert_eq!(a.watch().members.len(), 1);
    a.shutdown().await;
}

/// Scenario: a collector joins a cluster of one; the only voter stops; the collector starts again. Guarantee: it follows and never votes;
/// it says who it is and what was agreed without the voter; what it writes then waits for the voter's return. A
/// collector alone founds no cluster.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_only_follows() {
    let world = World::new();
    let (place, follower) = (World::place("a"), World::place_of("x", &[Role::Collector]));
    let lonely = world.try_start(&follower, &[]).await.err().unwrap().to_string();
    assert!(lonely.contains("founds no cluster"), "{lonely}");
    let a = world.start(&place, &[]).await;
    let x = world.start(&follower, &[&place]).await;
    assert_eq!((x.member(), x.group().learners), (MemberId(2), vec![MemberId(2)]));
    assert_eq!(x.group().voters, [MemberId(1)]);
    assert_eq!(x.propose(vec![seen(1)]).await.unwrap(), [Outcome::Done]);
    a.shutdown().await;
    drop(a);
    x.shutdown().await;
    drop(x);
    let x = world.start(&follower, &[]).await;
    assert_eq!(x.member(), MemberId(2));
    until("its last copy", SOON, || x.watch().nodes.len() == 1).await;
    let waits = {
        let x = Coordinator::clone(&x);
        tokio::spawn(async move { x.propose(vec![seen(2)]).await })
    };
    let a = world.start(&place, &[]).await;
    assert_eq!(waits.await.unwrap().unwrap(), [Outcome::Done]);
    assert_eq!(a.group().voters, [MemberId(1)]);
    x.shutdown().await;
    a.shutdown().await;
}

/// Stores a version of one file at a member; gives the command that publishes it.
async fn stored(member: &Coordinator, n: u64) -> (Command, Vec<ContentHash>) {
    let (source, document) = (format!("# {n}"), "x".repeat(n as usize));
    let file = FileEntry {
        path: "lib/a.ex".into(),
        source: SourceHash::of(source.as_bytes()),
        source_blob: member.put_blob(source.clone().into_bytes()).await.unwrap(),
        document: member.put_blob(document.into_bytes()).await.unwrap(),
        size: source.len() as u32,
    };
    let manifest = Manifest::new("shop", vec![file]);
    let version = member.put_blob(manifest.encode()).await.unwrap();
    let bytes = source.len() as u64;
    let command = Command::PublishVersion {
        project: "shop".into(),
        version,
        files: 1,
        bytes,
    };
    (command, [manifest.blobs(), vec![version]].concat())
}

/// Scenario: a version is published at one member of three, with blobs of up to 9 MB; one member is away and comes back; a version is
/// published whose blobs are not there. Guarantee: a majority had the blobs before the version was known; the others fetch them by
/// themselves; the version without blobs is refused, naming what is missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_come_with_their_blobs() {
    let world = World::new();
    let (places, [a, b, c]) = world.three().await;
    until("three voters", SOON, || {
        [&a, &b, &c].iter().all(|m| m.group().voters.len() == 3)
    })
    .await;
    c.shutdown().await;
    drop(c);
    for n in [10, 9_000_000, 11] {
        let (publish, blobs) = stored(&b, n).await;
        assert_eq!(b.propose(vec![publish]).await.unwrap(), [Outcome::Done]);
        assert_eq!(a.missing_blobs(blobs).await.unwrap(), [], "both of two have it");
    }
    let missing = Command::PublishVersion {
        project: "shop".into(),
        version: b
            .put_blob(
                Manifest::new(
                    "other",
                    vec![FileEntry {
                        path: "lib/b.ex".into(),
                        source: SourceHash::of(b"b"),
                        source_blob: ContentHash::of(b"b"),
                        document: ContentHash::of(b"c"),
                        size: 1,
                    }],
                )
                .encode(),
            )
            .await
            .unwrap(),
        files: 1,
        bytes: 1,
    };
    let refused = b.propose(vec![missing]).await.unwrap_err().to_string();
    assert!(
        refused.contains("2 of 3 blobs that the command names are not stored here"),
        "{refused}"
    );
    let c = world.start(&places[2], &[]).await;
    let (_, blobs) = stored(&b, 9_000_000).await;
    until("the state", SOON, || c.watch().versions.len() == 3).await;
    let all = Instant::now();
    while !c.missing_blobs(blobs.clone()).await.unwrap().is_empty() {
        assert!(all.elapsed() < SOON, "the blobs do not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for member in [a, b, c] {
        member.shutdown().await;
    }
}
