//! Who is asked, and when an answer is whole.

use placement::Change;
use proptest::prelude::*;

use super::*;

fn ids(of: &[u64]) -> Vec<MemberId> {
    of.iter().copied().map(MemberId).collect()
}

fn shards(n: u16) -> Vec<Shard> {
    (0..n).map(Shard).collect()
}

fn well(epoch: u64) -> Said {
    Said {
        epoch,
        stale: Vec::new(),
        whole: true,
        floor: Bucket(0),
    }
}

fn name(member: MemberId) -> String {
    format!("member {member}")
}

/// Answers for whoever is asked, until nobody is.
fn all_answer(plan: &mut Plan) -> Vec<(MemberId, Vec<Shard>)> {
    let asked: Vec<_> = plan.next().into_iter().collect();
    for (member, shards) in &asked {
        plan.answered(*member, shards, &well(plan.epoch()));
    }
    asked
}

/// Scenario: three members hold all shards, each asks. Guarantee: itself and one other, the next one, for all shards at once.
#[test]
fn of_three_two_are_asked() {
    let map = ShardMap::new(vec![ids(&[1, 2, 3]); 8]);
    for (me, other) in [(1, 2), (2, 3), (3, 1)] {
        let mut plan = Plan::new(&map, MemberId(me), &shards(8), BTreeSet::new());
        assert!(!plan.is_complete());
        let mut asked = plan.next();
        assert_eq!(asked.remove(&MemberId(me)), Some(shards(8)));
        assert_eq!(asked.remove(&MemberId(other)), Some(shards(8)));
        assert!(asked.is_empty());
        plan.answered(MemberId(me), &shards(8), &well(1));
        assert!(!plan.is_complete());
        plan.answered(MemberId(other), &shards(8), &well(1));
        assert!(plan.is_complete());
        assert!(plan.missing(name).is_empty());
    }
    assert!(!is_alone(&map, MemberId(1), &shards(8)));
    assert!(is_alone(
        &ShardMap::new(vec![ids(&[1]); 8]),
        MemberId(1),
        &shards(8)
    ));
    assert!(is_alone(&ShardMap::default(), MemberId(1), &shards(8)));
}

/// Scenario: the other holder is late, then the third fails too. Guarantee: the third is asked in its place; with one answer of three the
/// answer is incomplete and says who and what; the late one may still make it whole.
#[test]
fn late_and_dead_members_are_replaced() {
    let map = ShardMap::new(vec![ids(&[1, 2, 3]); 4]);
    let mut plan = Plan::new(&map, MemberId(1), &shards(4), BTreeSet::new());
    plan.next();
    plan.answered(MemberId(1), &shards(4), &well(1));
    assert!(plan.next().is_empty());
    plan.late(|_| false);
    assert_eq!(plan.next(), BTreeMap::from([(MemberId(3), shards(4))]));
    plan.failed(MemberId(3), &shards(4), "is gone".to_owned());
    assert!(plan.next().is_empty());
    assert!(plan.waits());
    assert!(!plan.is_complete());
    let mut whole = Plan::new(&map, MemberId(1), &shards(4), BTreeSet::new());
    whole.next();
    whole.late(|_| false);
    whole.answered(MemberId(1), &shards(4), &well(1));
    whole.answered(MemberId(2), &shards(4), &well(1));
    assert!(whole.is_complete());
    let missing = plan.missing(name);
    assert_eq!(
        missing,
        [
            "member 2 did not answer in time: shards 0-3 may lack what only it has",
            "member 3 is gone: shards 0-3 may lack what only it has"
        ]
    );
}

/// Scenario: a shard moves from {1, 2, 3} to {3, 4, 5}. Guarantee: two of both sets are asked, with three members: 3 is in both.
#[test]
fn a_moving_shard_asks_both_sets() {
    let mut map = ShardMap::new(vec![ids(&[1, 2, 3]); 2]);
    map.change(Shard(0), Change::Begin(ids(&[3, 4, 5]))).unwrap();
    let mut plan = Plan::new(&map, MemberId(3), &[Shard(0)], BTreeSet::new());
    let asked = all_answer(&mut plan);
    assert_eq!(asked.len(), 3);
    assert!(plan.is_complete());
    let mut plan = Plan::new(&map, MemberId(1), &[Shard(0)], BTreeSet::new());
    plan.next();
    for member in [1, 2, 3] {
        plan.answered(MemberId(member), &[Shard(0)], &well(2));
    }
    assert!(!plan.is_complete(), "of the next set one alone answered");
}

/// Scenario: one shard of two changed since the asker's map; a member that lost its disk; a member with an older map. Guarantee: the
/// stale answer does not count and names the map, nor does that of the lost disk; that of the older map does.
#[test]
fn what_does_not_count() {
    let map = ShardMap::new(vec![ids(&[1, 2, 3]); 2]);
    let mut plan = Plan::new(&map, MemberId(1), &shards(2), BTreeSet::new());
    plan.next();
    plan.answered(MemberId(1), &shards(2), &well(0));
    let stale = Said {
        epoch: 7,
        stale: vec![Shard(1)],
        ..well(7)
    };
    plan.answered(MemberId(2), &shards(2), &stale);
    assert_eq!(plan.newer_map(), Some(7));
    assert_eq!(plan.next(), BTreeMap::from([(MemberId(3), vec![Shard(1)])]));
    let lost = Said {
        whole: false,
        ..well(1)
    };
    plan.answered(MemberId(3), &[Shard(1)], &lost);
    assert!(!plan.is_complete());
    assert!(plan.next().is_empty());
    let missing = plan.missing(name);
    assert_eq!(
        missing,
        ["shard 1 changed hands while the question was asked (map 7): ask again"]
    );
    let mut plan = Plan::new(&map, MemberId(1), &shards(2), BTreeSet::new());
    plan.next();
    plan.answered(MemberId(1), &shards(2), &well(1));
    plan.answered(MemberId(2), &shards(2), &lost);
    assert_eq!(plan.newer_map(), None);
    plan.failed(MemberId(3), &shards(2), "is gone".to_owned());
    assert!(plan.missing(name)[0].contains("lost its disk"));
}

/// Scenario: two members keep different times. Guarantee: named if it is more than a bucket.
#[test]
fn who_has_dropped_more_is_named() {
    let map = ShardMap::new(vec![ids(&[1, 2, 3]); 2]);
    for (floor, named) in [(7, None), (8, None), (9, Some((MemberId(2), Bucket(9))))] {
        let mut plan = Plan::new(&map, MemberId(1), &shards(2), BTreeSet::new());
        assert!(plan.lacks());
        plan.next();
        assert!(!plan.lacks());
        for (member, floor) in [(1, 7), (2, floor)] {
            let said = Said {
                floor: Bucket(floor),
                ..well(1)
            };
            plan.answered(MemberId(member), &shards(2), &said);
        }
        assert_eq!(plan.dropped_more(), named);
    }
}

proptest! {
    /// Scenario: any map of up to 7 members, some shards moving; members fail or are late at random. Guarantee: everybody that is asked
    /// holds what it is asked for; nobody is asked twice for a shard; if all answer, the first round is enough; if none is left, it is
    /// complete or says what is missing; each complete answer has N - W + 1 of both sets.
    #[test]
    fn enough_holders(seed in prop::collection::vec((1..7usize, 0..7usize, 0..3usize), 1..20), me in 1..8u64, fate in prop::collection::vec(0..4u8, 32)) {
        let pick = |from: usize, n: usize| -> Vec<MemberId> {
            let mut set: Vec<u64> = (0..n).map(|i| ((from + i) % 7 + 1) as u64).collect();
            set.sort_unstable();
            ids(&set)
        };
        let mut map = ShardMap::new(seed.iter().map(|(n, from, _)| pick(*from, *n)).collect());
        for (at, (n, from, moves)) in seed.iter().enumerate() {
            if *moves == 0 {
                map.change(Shard(at as u16), Change::Begin(pick(from + 2, *n))).unwrap();
            }
        }
        let all = shards(seed.len() as u16);
        let mut lucky = Plan::new(&map, MemberId(me), &all, BTreeSet::new());
        all_answer(&mut lucky);
        prop_assert!(lucky.is_complete());
        prop_assert!(lucky.next().is_empty());
        let mut plan = Plan::new(&map, MemberId(me), &all, BTreeSet::new());
        let mut asked: BTreeSet<(MemberId, Shard)> = BTreeSet::new();
        let mut counted: BTreeSet<(MemberId, Shard)> = BTreeSet::new();
        let mut fates = fate.iter();
        for _ in 0..16 {
            for (member, of) in plan.next() {
                for shard in &of {
                    prop_assert!(map.holders(*shard).unwrap().has(member));
                    prop_assert!(asked.insert((member, *shard)));
                }
                match fates.next().unwrap_or(&0) {
                    0 | 1 => {
                        counted.extend(of.iter().map(|shard| (member, *shard)));
                        plan.answered(member, &of, &well(map.epoch));
                    }
                    2 => plan.failed(member, &of, "is gone".to_owned()),
                    _ => plan.late(|_| false),
                }
            }
        }
        prop_assert!(plan.next().is_empty());
        prop_assert_eq!(plan.is_complete(), plan.missing(name).is_empty());
        let whole = all.iter().all(|shard| {
            let holders = map.holders(*shard).unwrap();
            std::iter::once(&holders.now).chain(&holders.next).all(|set| {
                set.iter().filter(|m| counted.contains(&(**m, *shard))).count() >= read_quorum(set.len())
            })
        });
        prop_assert_eq!(plan.is_complete(), whole);
    }
}
