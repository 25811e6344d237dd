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

/// Scenario: a member of four shards starts: of one it is the only holder, three are held by two others as well, one of whom is away. Guarantee:
/// it has caught up when each of the three was compared with the one who answers, which takes two rounds of a second at most; who is away holds
/// nothing up.
#[test]
fn caught_up_after_a_start() {
    let ids = |of: &[u64]| of.iter().copied().map(MemberId).collect();
    let map = ShardMap::new(vec![ids(&[1]), ids(&[1, 2, 3]), ids(&[1, 2, 3]), ids(&[1, 2, 3])]);
    let start = Start {
        me: MemberId(1),
        life: 1 << 40,
        disk: Disk::Whole,
        map: Arc::new(map),
        hints: Vec::new(),
        zones: std::collections::BTreeMap::new(),
        gone: std::collections::BTreeSet::new(),
    };
    let mut member = Member::new(Duration::ZERO, start, Config::default(), Bugs::NONE);
    assert_eq!(member.uncompared(), 3);
    let mut rounds = 0;
    while member.uncompared() > 0 {
        rounds += 1;
        assert!(rounds <= 2, "{} shards were not compared", member.uncompared());
        let now = Duration::from_millis(1_000 * rounds);
        for (to, ask, shard) in asked(&member.handle(now, Input::Tick)) {
            if to != MemberId(2) {
                continue;
            }
            let answer = Answer::Buckets {
                epoch: 1,
                whole: true,
                floor: Bucket(0),
                digests: Vec::new(),
                gaps: 0,
            };
            let from = MemberId(2);
            let message = Message::Answer { ask, shard, answer };
            for action in member.handle(now, Input::Message { from, message }) {
                let Action::Compare(compare) = action else {
                    continue;
                };
                let compared = Box::new(compare.run(&Nothing));
                assert!(asked(&member.handle(now, Input::Compared(compared))).is_empty());
            }
        }
    }
    let later = member.handle(Duration::from_secs(4), Input::Tick);
    assert!(asked(&later).is_empty(), "the next round is a minute later");
}
