//! Collectors that replicate: real QUIC, real disks, the coordinators apart.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::mem_forget,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "tests"
)]

mod cluster;
mod spans;
#[path = "../support/mod.rs"]
mod support;

use cluster::{Cluster, map, until, until_or};
use event::{Bucket, Seq, Shard, TraceId};
use placement::{Change, MemberId};
use replication::codec::Hello;
use std::sync::Arc;
use std::time::Duration;
use support::{Agent, SHARDS, builder, event_at, trace_in};
use transport::{MessageWriter, Role};
use wire::control::CollectorMessage;
use wire::frame::{Compression, peek_header};

/// One batch of each shard, and its bucket.
fn of_all_shards(seq: u64) -> (Vec<u8>, Bucket) {
    let now = host::now();
    let mut frame = builder(now);
    for shard in 0..SHARDS.get() {
        let trace = trace_in(shard, u128::from(seq));
        frame.section(Shard(shard), Seq(seq), &[event_at(trace, now, 1)]);
    }
    let bytes = frame.finish(Compression::Zstd).unwrap();
    let bucket = peek_header(&bytes).unwrap().bucket;
    (bytes, bucket)
}

/// Is nothing acknowledged for some time?
async fn nothing_is_acked(agent: &mut Agent, within: Duration) -> bool {
    let ack = async {
        loop {
            if let CollectorMessage::Ack { .. } = agent.hear().await {
                return;
            }
        }
    };
    tokio::time::timeout(within, ack).await.is_err()
}

/// Scenario: three members hold everything; an agent sends to one; one of the others ends, more is sent, it comes back. Guarantee: all is
/// acknowledged, the third or not; what it missed is kept for it as hints and brought when it is back; then all three have the same,
/// and the hints are gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_member_missed_is_brought() {
    let mut cluster = Cluster::start(3, map(|_| vec![1, 2, 3])).await;
    let mut agent = cluster.agent(1).await;
    let shards = || 0..SHARDS.get();
    let (first, bucket) = of_all_shards(1);
    agent.send(&first).await;
    agent.acked(SHARDS.get().into()).await;
    cluster.equal(bucket, shards()).await;
    cluster.stop(3).await;
    let (second, bucket) = of_all_shards(2);
    agent.send(&second).await;
    agent.acked(SHARDS.get().into()).await;
    let hints = "elixirscope_replication{what=\"hints\"}";
    // More, if the first frame was not confirmed in time either.
    until("hints", || {
        cluster.nodes[&1].metric(hints) >= u64::from(SHARDS.get())
    })
    .await;
    cluster.start_again(3).await;
    cluster.equal(bucket, shards()).await;
    until("no hints", || cluster.nodes[&1].metric(hints) == 0).await;
    let trace = TraceId(trace_in(5, 2));
    let rows = cluster.nodes[&3].collector.store().trace_rows(trace).unwrap();
    assert_eq!(rows.events.len(), 1);
}

/// Scenario: each shard is held by two of three members; a frame has sections of all. Guarantee: all of it is acknowledged, each member has
/// the sections of its shards and no others.
#[tokio::test(flavor = "multi_thread")]
async fn each_holder_has_its_shards() {
    let pairs = [vec![1, 2], vec![2, 3], vec![1, 3]];
    let cluster = Cluster::start(3, map(|shard| pairs[usize::from(shard) % 3].clone())).await;
    let mut agent = cluster.agent(1).await;
    let (frame, bucket) = of_all_shards(1);
    agent.send(&frame).await;
    agent.acked(SHARDS.get().into()).await;
    cluster.equal(bucket, 0..SHARDS.get()).await;
    for (id, digests) in cluster.digests(bucket) {
        for shard in 0..SHARDS.get() {
            let holds = pairs[usize::from(shard) % 3].contains(&id);
            assert_eq!(
                digests.contains_key(&Shard(shard)),
                holds,
                "member {id}, shard {shard}"
            );
        }
    }
}

/// Scenario: a shard is given to another member; the front does not know it yet; then it does. Guarantee: nothing of that shard is
/// acknowledged under the old map; the other shards are; with the new map the rest is.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_map_acknowledges_nothing() {
    let mut cluster = Cluster::start(3, map(|_| vec![1, 2])).await;
    // Member 1 alone keeps the old view.
    let old = tokio::sync::watch::Sender::new(Arc::clone(&cluster.view.borrow()));
    cluster.stop(1).await;
    let mut plane = support::Plane::new(1, old.clone());
    plane.mark = std::sync::Mutex::new(*cluster.stopped(1).plane.mark.lock().unwrap());
    cluster.stopped(1).plane = Arc::new(plane);
    cluster.start_again(1).await;
    cluster.change(|view| {
        let map = Arc::make_mut(&mut view.map);
        map.change(Shard(3), Change::Begin([2, 3].map(MemberId).to_vec()))
            .unwrap();
        map.change(Shard(3), Change::CutOver(2)).unwrap();
    });
    until("the new map", || {
        cluster.nodes[&2].collector.adopted().map.epoch == 3
    })
    .await;
    let mut agent = cluster.agent(1).await;
    let (frame, bucket) = of_all_shards(1);
    agent.send(&frame).await;
    let acked = agent.acked(u64::from(SHARDS.get()) - 1).await;
    assert!(acked.iter().all(|range| range.shard != Shard(3)));
    assert!(nothing_is_acked(&mut agent, Duration::from_millis(1_500)).await);
    // Nobody tells it: it asks the coordinators, since the others refuse its map.
    let plane = Arc::clone(&cluster.nodes[&1].plane);
    *plane.newest.lock().unwrap() = Some(Arc::clone(&cluster.view.borrow()));
    let acked = agent.acked(1).await;
    assert_eq!(acked[0].shard, Shard(3));
    let asked = "elixirscope_replication_maps_asked_total";
    assert!(cluster.nodes[&1].metric(asked) > 0);
    cluster.equal(bucket, 0..SHARDS.get()).await;
    assert!(cluster.digests(bucket)[&3].contains_key(&Shard(3)));
}

/// Scenario: all shards move from one pair of members to another pair, while frames come. Guarantee: the members bring the moves to their
/// end by themselves, the new holders have all that was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_move_ends_by_itself() {
    let cluster = Cluster::start(3, map(|_| vec![1, 2])).await;
    let mut agent = cluster.agent(2).await;
    let (before, bucket) = of_all_shards(1);
    agent.send(&before).await;
    agent.acked(SHARDS.get().into()).await;
    cluster.change(|view| {
        let map = Arc::make_mut(&mut view.map);
        for shard in 0..SHARDS.get() {
            let next = [2, 3].map(MemberId).to_vec();
            map.change(Shard(shard), Change::Begin(next)).unwrap();
        }
    });
    agent.send(&of_all_shards(2).0).await;
    agent.acked(SHARDS.get().into()).await;
    let moved = || {
        let map = Arc::clone(&cluster.view.borrow().map);
        map.shards
            .iter()
            .all(|h| h.next.is_none() && h.now == [2, 3].map(MemberId))
    };
    until("all shards moved", moved).await;
    cluster.equal(bucket, 0..SHARDS.get()).await;
    let audit = cluster.nodes[&3].collector.store().audit().unwrap();
    assert_eq!(audit.batches, 2 * u64::from(SHARDS.get()));
}

/// Flips a bit in the last of the frames that a stopped member stored.
fn damage_a_frame(data: &std::path::Path) {
    use rocksdb::{ColumnFamilyDescriptor, DB, IteratorMode, Options};
    let families = DB::list_cf(&Options::default(), data).unwrap();
    let families = families
        .into_iter()
        .map(|f| ColumnFamilyDescriptor::new(f, Options::default()));
    let db = DB::open_cf_descriptors(&Options::default(), data, families).unwrap();
    let frames = db.cf_handle("frames").unwrap();
    let (key, value) = db.iterator_cf(frames, IteratorMode::End).next().unwrap().unwrap();
    let mut bytes = value.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    db.put_cf(frames, key, bytes).unwrap();
}

/// Scenario: three members hold everything; a bit of a frame is flipped on the disk of one. Guarantee: it is found at the start, its batches count
/// as missing, and are brought from another member; then all three have the same, and the events are found.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_frame_is_mended() {
    let mut cluster = Cluster::start(3, map(|_| vec![1, 2, 3])).await;
    let mut agent = cluster.agent(1).await;
    let mut bucket = Bucket(0);
    for seq in 1..=2 {
        let frame;
        (frame, bucket) = of_all_shards(seq);
        agent.send(&frame).await;
        agent.acked(SHARDS.get().into()).await;
        cluster.equal(bucket, 0..SHARDS.get()).await;
    }
    cluster.stop(3).await;
    let folder = cluster.stopped(3).data.path().join("data");
    damage_a_frame(&folder);
    cluster.start_again(3).await;
    let store = cluster.nodes[&3].collector.store();
    let totals = store.stats().totals;
    assert_eq!(
        (totals.damaged_frames, totals.damaged_batches),
        (1, SHARDS.get().into())
    );
    cluster.equal(bucket, 0..SHARDS.get()).await;
    let total = |id: u64, what: &str| {
        let name = format!("elixirscope_replication_totals{{what=\"{what}\"}}");
        cluster.nodes[&id].metric(&name)
    };
    // Whoever compared first brought them; a front that was not told in time that they were there once, by a hint.
    let given = |id| total(id, "given") + total(id, "hints_delivered");
    let brought = || total(3, "fetched") + given(1) + given(2) >= SHARDS.get().into();
    until_or("counted", || cluster.counts(), brought).await;
    for seq in 1..=2 {
        let trace = TraceId(trace_in(5, seq));
        assert_eq!(store.trace_rows(trace).unwrap().events.len(), 1);
    }
    let damaged = cluster.digests(bucket);
    assert_eq!(damaged[&3], damaged[&1]);
}

/// Scenario: streams of another cluster, of a member that is not known, that was removed, that claims to be the one it talks to, and of
/// rubbish. Guarantee: each is ended and counted, and nobody else is disturbed.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused() {
    let cluster = Cluster::start(2, map(|_| vec![1])).await;
    cluster.change(|view| view.members.get_mut(&MemberId(2)).unwrap().removed = true);
    let connection = cluster.connect(1, Role::Member).await;
    let greetings = [
        (78, 2, "cluster"),
        (77, 9, "unknown"),
        (77, 1, "unknown"),
        (77, 2, "removed"),
    ];
    for (cluster_id, member, reason) in greetings {
        let name = format!("elixirscope_replication_refused_total{{reason=\"{reason}\"}}");
        let before = cluster.nodes[&1].metric(&name);
        let hello = Hello {
            cluster: cluster_id,
            member: MemberId(member),
            life: 1,
        };
        let mut stream = MessageWriter::new(connection.open_uni().await.unwrap(), 1 << 20);
        stream.write(&hello.encode()).await.unwrap();
        until(reason, || cluster.nodes[&1].metric(&name) == before + 1).await;
    }
    let mut stream = MessageWriter::new(connection.open_uni().await.unwrap(), 1 << 20);
    stream.write(&[3, 1, 0, 7]).await.unwrap();
    let malformed = "elixirscope_replication_refused_total{reason=\"malformed\"}";
    until("malformed", || cluster.nodes[&1].metric(malformed) == 1).await;
    let mut agent = cluster.agent(1).await;
    agent.send(&of_all_shards(1).0).await;
    agent.acked(SHARDS.get().into()).await;
}

/// Scenario: a member's disk is lost while it is away; it comes back under its id; then the third one ends too. Guarantee: it is never
/// counted again: without the third nothing is acknowledged, with it everything is.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_disk_confirms_nothing() {
    let mut cluster = Cluster::start(3, map(|_| vec![1, 2, 3])).await;
    let mut agent = cluster.agent(1).await;
    agent.send(&of_all_shards(1).0).await;
    agent.acked(SHARDS.get().into()).await;
    assert!(cluster.nodes[&3].collector.adopted().whole);
    cluster.stop(3).await;
    cluster.stopped(3).data = tempfile::tempdir().unwrap();
    cluster.start_again(3).await;
    assert!(!cluster.nodes[&3].collector.adopted().whole);
    cluster.stop(2).await;
    agent.send(&of_all_shards(2).0).await;
    assert!(nothing_is_acked(&mut agent, Duration::from_secs(3)).await);
    cluster.start_again(2).await;
    agent.acked(SHARDS.get().into()).await;
}
