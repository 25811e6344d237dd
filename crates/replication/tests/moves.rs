//! Moves: which comparisons count, who proposes the cut-over, and when.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use event::Shard;
use placement::{Change, MemberId, ShardMap};
use replication::{Action, Bugs, Message, Moves, Pulled};
use std::sync::Arc;

fn ids(of: &[u64]) -> Vec<MemberId> {
    of.iter().copied().map(MemberId).collect()
}

/// The moves of a member, from holders to holders since epoch 2.
fn moves(me: u64, now: &[u64], next: &[u64]) -> Moves {
    let mut map = ShardMap::new(vec![ids(now)]);
    map.change(Shard(0), Change::Begin(ids(next))).unwrap();
    let mut moves = Moves::new(MemberId(me), Bugs::NONE);
    moves.set_map(&Arc::new(map));
    moves
}

fn pulled(peer: u64, epoch: u64, whole: bool) -> Pulled {
    Pulled {
        shard: Shard(0),
        peer: MemberId(peer),
        epoch,
        whole,
    }
}

fn cuts(actions: &[Action]) -> bool {
    let cut = |a: &Action| {
        matches!(
            a,
            Action::Propose {
                shard: Shard(0),
                change: Change::CutOver(2)
            }
        )
    };
    actions.iter().any(cut)
}

/// Scenario: a member joins; sources that had not adopted the joint map, that lost their disks, one good one, two. Guarantee: only the
/// last may cut over; it is said again with each comparison.
#[test]
fn two_good_sources() {
    let mut moves = moves(4, &[1, 2, 3], &[1, 2, 4]);
    assert_eq!(moves.wanted().len(), 3);
    assert!(!cuts(&moves.pulled(pulled(1, 1, true))), "before the barrier");
    assert!(!cuts(&moves.pulled(pulled(2, 2, false))), "a lost disk");
    assert!(!cuts(&moves.pulled(pulled(1, 2, true))));
    assert!(
        !cuts(&moves.pulled(pulled(1, 2, true))),
        "the same source twice is one"
    );
    assert!(cuts(&moves.pulled(pulled(3, 3, true))));
    assert_eq!(moves.wanted(), [(Shard(0), MemberId(2))], "once is enough");
    assert!(cuts(&moves.again()), "the proposal may have been lost");
    assert!(cuts(&moves.pulled(pulled(2, 2, true))));
}

/// Scenario: two join; the second tells the first. Guarantee: the first proposes when both are whole; what is said of another move counts
/// nothing.
#[test]
fn the_first_that_joins_drives() {
    let mut second = moves(5, &[1, 2, 3], &[1, 4, 5]);
    let said = second.pulled(pulled(2, 2, true));
    let [
        Action::Send {
            to: MemberId(4),
            message,
        },
    ] = &said[..]
    else {
        panic!("{said:?}");
    };
    assert_eq!(
        *message,
        Message::Includes {
            shard: Shard(0),
            epoch: 2,
            source: MemberId(2)
        }
    );
    let again = second.again();
    assert!(
        matches!(&again[..], [Action::Send { to: MemberId(4), message: again }] if again == message),
        "it may have been lost"
    );
    let mut first = moves(4, &[1, 2, 3], &[1, 4, 5]);
    for source in [1, 2] {
        assert!(!cuts(&first.pulled(pulled(source, 2, true))));
        assert!(!cuts(&first.includes(Shard(0), 7, MemberId(5), MemberId(source))));
    }
    assert!(!cuts(&first.includes(Shard(0), 2, MemberId(5), MemberId(2))));
    assert!(cuts(&first.includes(Shard(0), 2, MemberId(5), MemberId(1))));
}

/// Scenario: one of two holders is replaced. Guarantee: one source is enough to copy from, but both must have adopted the joint map, or
/// be gone, so that no reader with the old one finds a holder that still answers it.
#[test]
fn old_readers_must_find_nobody() {
    let mut moves = moves(3, &[1, 2], &[1, 3]);
    assert!(!cuts(&moves.pulled(pulled(1, 2, true))));
    let mut lost = self::moves(3, &[1, 2], &[1, 3]);
    lost.set_gone([MemberId(2)].into());
    assert_eq!(
        lost.wanted(),
        [(Shard(0), MemberId(1))],
        "who is gone never answers"
    );
    assert!(cuts(&lost.pulled(pulled(1, 2, true))));
    assert!(cuts(&moves.pulled(pulled(2, 2, true))));
}

/// Scenario: a shrinking set: the two that stay must have between them what the third had. Guarantee: the first drives, both
/// compare; when the move has ended nothing is wanted.
#[test]
fn without_joiners_the_first_drives() {
    let mut first = moves(1, &[1, 2, 3], &[1, 2]);
    first.adopted_here();
    assert!(!cuts(&first.pulled(pulled(2, 1, true))));
    assert!(!cuts(&first.pulled(pulled(3, 2, true))));
    assert_eq!(moves(2, &[1, 2, 3], &[1, 2]).wanted().len(), 2);
    assert!(moves(3, &[1, 2, 3], &[1, 2]).wanted().is_empty());
    assert!(!cuts(&first.pulled(pulled(2, 2, true))));
    assert!(cuts(&first.includes(Shard(0), 2, MemberId(2), MemberId(3))));
    first.set_map(&Arc::new(ShardMap::new(vec![ids(&[1, 2])])));
    assert!(first.wanted().is_empty());
}
