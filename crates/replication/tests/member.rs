//! A whole member: when it has caught up after a start.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use event::{Bucket, Seq, Shard};
use placement::{MemberId, ShardMap};
use replication::{Action, Answer, Bugs, Config, Disk, Held, Input, Member, Message, Section, Source, Start};
use std::sync::Arc;
use std::time::Duration;

/// A disk with nothing on it.
struct Nothing;

impl Held for Nothing {
    fn floor(&self) -> Bucket {
        Bucket(0)
    }
    fn buckets(&self, _: Shard) -> Vec<(Bucket, u128)> {
        Vec::new()
    }
    fn sources(&self, _: Shard, _: Bucket) -> Vec<(Source, u128)> {
        Vec::new()
    }
    fn list(&self, _: Shard, _: Bucket, _: Source, _: Seq, _: usize) -> Vec<Section> {
        Vec::new()
    }
    fn gaps(&self, _: Shard) -> Vec<Section> {
        Vec::new()
    }
    fn has(&self, _: &Section) -> bool {
        false
    }
}

/// Who is asked about which shard, with the numbers of the questions.
fn asked(actions: &[Action]) -> Vec<(MemberId, u64, Shard)> {
    let ask = |action: &Action| match action {
        Action::Send {
            to,
            message: Message::Ask { ask, shard, .. },
        } => Some((*to, *ask, *shard)),
        _ => None,
    };
    actions.iter().filter_map(ask).collect()
}

fn start(holders: &[&[u64]]) -> Member {
    let ids = |of: &&[u64]| of.iter().copied().map(MemberId).collect();
    let start = Start {
        me: MemberId(1),
        life: 1 << 40,
        disk: Disk::Whole,
        map: Arc::new(ShardMap::new(holders.iter().map(ids).collect())),
        hints: Vec::new(),
        zones: std::collections::BTreeMap::new(),
        gone: std::collections::BTreeSet::new(),
    };
    Member::new(Duration::ZERO, start, Config::default(), Bugs::NONE)
}

/// Time passes; whoever of `answering` is asked holds nothing, as this member. Which shards were asked about.
fn tick(member: &mut Member, now: Duration, answering: &[u64]) -> Vec<Shard> {
    let mut shards = Vec::new();
    for (to, ask, shard) in asked(&member.handle(now, Input::Tick)) {
        shards.push(shard);
        if !answering.contains(&to.0) {
            continue;
        }
        let answer = Answer::Buckets {
            epoch: 1,
            whole: true,
            floor: Bucket(0),
            digests: Vec::new(),
            gaps: 0,
        };
        let message = Message::Answer { ask, shard, answer };
        for action in member.handle(now, Input::Message { from: to, message }) {
            let Action::Compare(compare) = action else {
                continue;
            };
            let compared = Box::new(compare.run(&Nothing));
            assert!(asked(&member.handle(now, Input::Compared(compared))).is_empty());
        }
    }
    shards
}

/// Scenario: a member of four shards starts: of one it is the only holder, three are held by two others as well, one of whom is away. Guarantee:
/// it has caught up when each of the three was compared with the one who answers, however long the other is asked in vain.
#[test]
fn caught_up_after_a_start() {
    let mut member = start(&[&[1], &[1, 2, 3], &[1, 2, 3], &[1, 2, 3]]);
    assert_eq!(member.uncompared(), 3);
    let mut seconds = 0;
    while member.uncompared() > 0 {
        seconds += 1;
        assert!(seconds < 25, "{} shards were not compared", member.uncompared());
        tick(&mut member, Duration::from_secs(seconds), &[2]);
    }
}

/// Scenario: of two shards one is held by somebody who never answers. Guarantee: the other one is compared in each round all the same; after two
/// minutes the first is asked about only in the rounds.
#[test]
fn one_that_never_answers_stops_no_rounds() {
    let mut member = start(&[&[1, 2], &[1, 3]]);
    let mut rounds = 0;
    let mut asked_late = 0;
    for seconds in 1..300 {
        let shards = tick(&mut member, Duration::from_secs(seconds), &[2]);
        rounds += shards.iter().filter(|shard| shard.0 == 0).count();
        if seconds > 130 {
            asked_late += shards.iter().filter(|shard| shard.0 == 1).count();
        }
    }
    assert_eq!(member.uncompared(), 1);
    assert!((5..=7).contains(&rounds), "{rounds} comparisons in five minutes");
    assert!((2..=3).contains(&asked_late), "{asked_late}");
}
