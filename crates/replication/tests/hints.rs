//! Hints: kept until taken, bounded, found again after a restart.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use event::{Seq, Shard};
use placement::{Change, MemberId, ShardMap};
use replication::{Action, Bugs, Hints, HintsConfig, Message, Section};
use std::time::Duration;

const TO: MemberId = MemberId(2);

fn config() -> HintsConfig {
    HintsConfig {
        target_bytes_max: 350,
        delivery_bytes_max: 250,
        retry: Duration::from_secs(1),
    }
}

fn map() -> ShardMap {
    ShardMap::new(vec![[1, 2, 3].map(MemberId).to_vec()])
}

fn section(seq: u64) -> Section {
    Section {
        first: Seq(seq),
        last: Seq(seq),
        bytes: 100,
        ..Section::default()
    }
}

/// Number and size of the delivery among actions.
fn delivery(actions: &[Action]) -> Option<(u64, usize)> {
    actions.iter().find_map(|a| match a {
        Action::Send {
            to: TO,
            message: Message::Copy { copy, sections, .. },
        } => Some((*copy, sections.len())),
        _ => None,
    })
}

fn dropped(actions: &[Action]) -> usize {
    actions
        .iter()
        .filter(|a| matches!(a, Action::DropHint { .. }))
        .count()
}

/// Scenario: four batches, of which three fit; deliveries that are not answered, then answered, late answers. Guarantee: sent until taken,
/// so much at once as is allowed; dropped when taken, once; every one accounted for.
#[test]
fn kept_until_taken() {
    let mut hints = Hints::new(config(), 1, [], Bugs::NONE);
    for seq in 1..=3 {
        assert!(matches!(
            hints.add(TO, section(seq)),
            Some(Action::KeepHint { .. })
        ));
        assert!(hints.add(TO, section(seq)).is_none(), "it is kept already");
    }
    assert!(hints.add(TO, section(4)).is_none());
    assert_eq!((hints.counts().kept, hints.counts().overflowed), (3, 1));
    let at = Duration::from_secs;
    let (first, n) = delivery(&hints.tick(at(0), &map())).unwrap();
    assert_eq!(n, 2);
    assert!(delivery(&hints.tick(at(0), &map())).is_none());
    let (second, _) = delivery(&hints.tick(at(1), &map())).unwrap();
    assert_eq!(
        dropped(&hints.copied(at(1), TO, first)),
        0,
        "it may be that of an earlier one: asked again"
    );
    assert_eq!(dropped(&hints.copied(at(1), MemberId(3), second)), 0);
    assert_eq!(dropped(&hints.copied(at(1), TO, second)), 2);
    assert_eq!(dropped(&hints.copied(at(1), TO, second)), 0);
    let (third, n) = delivery(&hints.tick(at(1), &map())).unwrap();
    assert_eq!((n, dropped(&hints.copied(at(1), TO, third))), (1, 1));
    assert_eq!((hints.waiting(), hints.counts().delivered), (0, 3));
}

/// Scenario: a restart with hints on disk; then the target leaves the shard. Guarantee: they are delivered again under numbers that no
/// earlier answer fits, and dropped when needless.
#[test]
fn after_a_restart_and_for_who_left() {
    let mut hints = Hints::new(
        config(),
        2 << 32,
        [(TO, section(1)), (TO, section(2))],
        Bugs::NONE,
    );
    assert_eq!(hints.counts().restored, 2);
    let (copy, n) = delivery(&hints.tick(Duration::ZERO, &map())).unwrap();
    assert!(copy > 2 << 32 && n == 2);
    let mut left = map();
    left.change(Shard(0), Change::Begin([1, 3, 4].map(MemberId).to_vec()))
        .unwrap();
    left.change(Shard(0), Change::CutOver(2)).unwrap();
    let gone = hints.tick(Duration::from_secs(1), &left);
    assert!(dropped(&gone) == 2 && delivery(&gone).is_none());
    assert_eq!((hints.waiting(), hints.counts().needless), (0, 2));
}
