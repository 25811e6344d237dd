//! Maps that change: shards that move, askers with old maps.

use std::time::Duration;

use event::{Shard, TraceId};
use placement::{Change, ShardMap};

use crate::bed::{Cluster, ids};
use crate::support::{SHARDS, event_at, trace_in};

fn map_of_three() -> ShardMap {
    ShardMap::new(vec![ids(&[1, 2, 3]); SHARDS.get().into()])
}

/// Scenario: shard 3 moves from {1, 2, 3} to {1, 2, 4}; what is new is on W of both sets, what is old on W of the old one. One member that is
/// needed dies. Guarantee: both sets are asked and the answer has everything; without the joining member and one more it is not complete.
#[tokio::test(flavor = "multi_thread")]
async fn a_joint_map_asks_both_sets() {
    let mut map = map_of_three();
    map.change(Shard(3), Change::Begin(ids(&[2, 4, 5]))).unwrap();
    let cluster = Cluster::start(5, map).await;
    let trace = trace_in(3, 5);
    let now = host::now();
    for (seq, holders) in [(1, vec![1, 3]), (2, vec![1, 3, 4, 5]), (3, vec![1, 2, 4])] {
        for holder in holders {
            cluster.member(holder).put(3, seq, &[event_at(trace, now, seq)]);
        }
    }
    for id in 1..=5 {
        let found = cluster
            .ask(id, move |shards| shards.trace_rows(TraceId(trace)))
            .await
            .unwrap();
        assert_eq!(
            (found.value.events.len(), found.missing),
            (3, vec![]),
            "member {id}"
        );
    }
    cluster.kill(4).await;
    cluster.kill(5).await;
    let found = cluster
        .ask(2, move |shards| shards.trace_rows(TraceId(trace)))
        .await
        .unwrap();
    assert_eq!(found.value.events.len(), 3);
    let said = found.missing.join("; ");
    assert!(said.contains("member 4") && said.contains("member 5"), "{said}");
    cluster.stop().await;
}

/// Scenario: the asker's map is old: shard 3 has moved to {2, 3, 4}, the others know. First the asker does not hear of it, then it does while it
/// asks. Guarantee: the answer does not count and names the newer map; then it is asked again by that map and is complete. A shard that has
/// not changed is answered all the time.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_map_is_refused_where_it_matters() {
    let cluster = Cluster::start(4, map_of_three()).await;
    let (moved, stays) = (trace_in(3, 5), trace_in(4, 5));
    let now = host::now();
    for holder in [3, 4] {
        cluster.member(holder).put(3, 1, &[event_at(moved, now, 1)]);
        cluster.member(holder).put(4, 1, &[event_at(stays, now, 1)]);
    }
    let mut map = map_of_three();
    map.change(Shard(3), Change::Begin(ids(&[2, 3, 4]))).unwrap();
    map.change(Shard(3), Change::CutOver(2)).unwrap();
    cluster.set_map(&[2, 3, 4], &map).await;
    let ask = |trace| cluster.ask(1, move |shards| shards.trace_rows(TraceId(trace)));
    let found = ask(moved).await.unwrap();
    let said = found.missing.join("; ");
    assert!(
        said.contains("shard 3 changed hands") && said.contains("map 3"),
        "{said}"
    );
    let found = ask(stays).await.unwrap();
    assert_eq!(
        (found.value.events.len(), found.missing),
        (0, vec![]),
        "of 1 and 2"
    );
    let hears = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cluster.set_map(&[1], &map).await;
    };
    let (found, ()) = tokio::join!(ask(moved), hears);
    let found = found.unwrap();
    assert_eq!((found.value.events.len(), found.missing), (1, vec![]));
    cluster.stop().await;
}

/// Scenario: a member whose map is older than the asker's. Guarantee: its answer counts.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_behind_counts() {
    let cluster = Cluster::of_three().await;
    let mut map = map_of_three();
    map.change(Shard(3), Change::Begin(ids(&[1, 2]))).unwrap();
    cluster.set_map(&[1], &map).await;
    let trace = trace_in(3, 5);
    cluster.member(2).put(3, 1, &[event_at(trace, host::now(), 1)]);
    let found = cluster
        .ask(1, move |shards| shards.trace_rows(TraceId(trace)))
        .await
        .unwrap();
    assert_eq!((found.value.events.len(), found.missing), (1, vec![]));
    cluster.stop().await;
}
