//! Reading: whose answers count, what is merged, what is called complete.

use event::{Bucket, Epoch, Producer, Seq, Shard};
use placement::{Change, MemberId, ShardMap, Standing};
use replication::{Bugs, Merged, Read, Reply, Section, Source};
use std::collections::BTreeSet;

fn ids(of: &[u64]) -> Vec<MemberId> {
    of.iter().copied().map(MemberId).collect()
}

fn batch(seq: u64, content: u64) -> Section {
    Section {
        source: Source {
            producer: Producer(9),
            epoch: Epoch(1),
        },
        first: Seq(seq),
        last: Seq(seq),
        bucket: Bucket(seq as u32),
        content,
        ..Section::default()
    }
}

fn gap(first: u64, last: u64) -> Section {
    Section {
        gap: true,
        last: Seq(last),
        ..batch(first, 0)
    }
}

const GOOD: Reply = Reply {
    standing: Standing::Current,
    whole: true,
    floor: Bucket(0),
};

fn read(map: &ShardMap, answers: &[(u64, Reply, &[Section])]) -> Merged {
    let mut read = Read::new(map, Shard(0), Bugs::NONE).unwrap_or_else(|| unreachable!("it is held"));
    for (from, reply, sections) in answers {
        read.answered(MemberId(*from), *reply, sections.iter().copied());
    }
    read.merged()
}

/// Scenario: answers that overlap, with gaps over some of it, from a member that dropped a bucket. Guarantee: each batch once, data
/// before gap, nothing of the dropped bucket.
#[test]
fn answers_are_united() {
    let map = ShardMap::new(vec![ids(&[1, 2, 3])]);
    let floor = Reply {
        floor: Bucket(2),
        ..GOOD
    };
    let merged = read(
        &map,
        &[
            (1, GOOD, &[batch(1, 5), batch(2, 5), gap(3, 5)]),
            (2, floor, &[batch(2, 5), batch(4, 5)]),
        ],
    );
    assert!(merged.complete);
    assert_eq!(merged.missing, ids(&[3]));
    assert_eq!(merged.batches, [batch(2, 5), batch(4, 5)]);
    let given_up: Vec<(u64, u64)> = merged
        .given_up
        .values()
        .flat_map(placement::IntervalSet::iter)
        .map(|i| (i.first, i.last))
        .collect();
    assert_eq!(given_up, [(3, 3), (5, 5)]);
    assert_eq!(merged.conflicts, 0);
    assert_eq!(
        read(&map, &[(1, GOOD, &[batch(1, 5)]), (2, GOOD, &[batch(1, 6)])]).conflicts,
        1
    );
}

/// Scenario: too few answers; one of a lost disk; one of a member that knows a later map. Guarantee: merged, not counted, and the later
/// map is named.
#[test]
fn who_does_not_count() {
    let map = ShardMap::new(vec![ids(&[1, 2, 3])]);
    let lost = Reply { whole: false, ..GOOD };
    let stale = Reply {
        standing: Standing::Stale(8),
        ..GOOD
    };
    let one = read(&map, &[(1, GOOD, &[batch(1, 5)])]);
    assert!(!one.complete && one.missing == ids(&[2, 3]));
    let with_lost = read(&map, &[(1, GOOD, &[]), (2, lost, &[batch(1, 5)])]);
    assert!(!with_lost.complete && with_lost.batches.len() == 1);
    let with_stale = read(&map, &[(1, GOOD, &[]), (3, stale, &[])]);
    assert!(!with_stale.complete && with_stale.newer_map == 8);
    let stranger = read(&map, &[(1, GOOD, &[]), (9, GOOD, &[])]);
    assert!(!stranger.complete);
}

/// Scenario: a shard that moves. Guarantee: old holders alone are not enough, nor new ones; members of both sets count for both; and
/// those are asked first that are preferred.
#[test]
fn a_moving_shard_asks_both_sets() {
    let mut map = ShardMap::new(vec![ids(&[1, 2, 3])]);
    map.change(Shard(0), Change::Begin(ids(&[3, 4, 5])))
        .unwrap_or_default();
    assert!(!read(&map, &[(1, GOOD, &[]), (2, GOOD, &[])]).complete);
    assert!(!read(&map, &[(4, GOOD, &[]), (5, GOOD, &[])]).complete);
    assert!(read(&map, &[(1, GOOD, &[]), (3, GOOD, &[]), (5, GOOD, &[])]).complete);
    let mut read = Read::new(&map, Shard(0), Bugs::NONE).unwrap_or_else(|| unreachable!("it is held"));
    let asked = read.to_ask(&BTreeSet::new(), &ids(&[3]));
    assert_eq!(asked, ids(&[3, 1, 4]));
    read.answered(MemberId(3), GOOD, []);
    let more = read.to_ask(&asked.into_iter().collect(), &[]);
    assert_eq!(more, ids(&[2, 5]), "those that did not answer are made up for");
}
