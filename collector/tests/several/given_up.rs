//! Shards of which something was given up.

use event::{Micros, Shard};
use store::LogFilter;

use crate::bed::Cluster;
use crate::support::{SHARDS, trace_in};
use event::TraceId;
use placement::ShardMap;

use crate::bed::ids;

fn filter(trace: Option<TraceId>, since: Micros) -> LogFilter {
    LogFilter {
        trace,
        range: (since.to_unix_us() * 1_000, u64::MAX),
        severity: 0,
        limit: 10,
    }
}

/// Scenario: the loss of a disk was accepted a minute ago, for one shard; three members, and one alone. Guarantee: what reaches into the time
/// before is not called whole, whoever is asked; what is of other shards or later is.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_said() {
    let three = Cluster::of_three().await;
    let alone = Cluster::start(1, ShardMap::new(vec![ids(&[1]); SHARDS.get().into()])).await;
    let now = host::now();
    let minutes = |n: u64| Micros(now.0 - n * 60_000_000);
    for cluster in [three, alone] {
        let missing = |trace: Option<u128>, since| {
            let filter = filter(trace.map(TraceId), since);
            let found = cluster.ask(1, move |shards| shards.logs(&filter));
            async move { found.await.unwrap().missing }
        };
        assert!(missing(None, minutes(2)).await.is_empty());
        cluster.lose(Shard(1), minutes(1));
        let said = missing(None, minutes(2)).await;
        assert!(
            said.len() == 1 && said[0].contains("a lost disk was given up"),
            "{said:?}"
        );
        assert_eq!(missing(Some(trace_in(1, 7)), minutes(2)).await.len(), 1);
        assert!(missing(Some(trace_in(2, 7)), minutes(2)).await.is_empty());
        assert!(missing(None, minutes(0)).await.is_empty(), "since then");
        cluster.stop().await;
    }
}
