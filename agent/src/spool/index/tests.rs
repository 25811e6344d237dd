//! The conservation law of the index, over any steps.

use super::*;
use crate::spool::ledger::AgentDrop;
use proptest::prelude::*;
use wire::control::AckRange;

fn range(shard: u16, first: u64, last: u64) -> AckRange {
    AckRange {
        epoch: Epoch(1),
        shard: Shard(shard),
        first: Seq(first),
        last: Seq(last),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Store(u32),
    Send(u64),
    Ack(u16, u64, u64),
    Lose,
    Round,
    GiveUp(u16, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1..9_u32).prop_map(Step::Store),
        (0..500_u64).prop_map(Step::Send),
        (0..3_u16, 1..40_u64, 1..40_u64).prop_map(|(s, a, b)| Step::Ack(s, a, b)),
        Just(Step::Lose),
        Just(Step::Round),
        (0..3_u16, 1..40_u64).prop_map(|(s, a)| Step::GiveUp(s, a)),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    /// Guarantee: after any steps the law holds, and what was not closed is sent again after a loss.
    #[test]
    fn conservation(steps in steps()) {
        let mut index = Index::default();
        let mut next = [1_u64; 3];
        let mut offset = 0;
        for step in steps {
            match step {
                Step::Store(rows) => {
                    let parts: Vec<Part> = (0..3_u16).filter(|s| (rows >> s) & 1 == 1).map(|s| {
                        let seq = Seq(next[usize::from(s)]);
                        next[usize::from(s)] += 1;
                        Part { shard: Shard(s), first: seq, last: seq, rows, gap: false }
                    }).collect();
                    offset += 100;
                    index.insert(Location { segment: offset / 500, offset, bytes: 100 }, Epoch(1), &parts, true);
                }
                Step::Send(budget) => { index.take_unsent(budget, true); }
                Step::Ack(s, a, b) => { index.ack(range(s, a, b)); }
                Step::Lose => index.unsend_all(),
                Step::Round => { index.unsend_overdue(); }
                Step::GiveUp(s, a) => { let held = index.give_up(range(s, a, a), AgentDrop::Rejected, true);
                        for given in held { index.settle(given.at.segment); }
                    }
            }
            prop_assert!(index.ledger().is_balanced(), "{:?}", index.ledger());
        }
        index.unsend_all();
        let open = index.frames();
        prop_assert_eq!(index.take_unsent(u64::MAX, false).len(), open);
        for s in 0..3 { index.ack(range(s, 1, u64::MAX)); }
        let ledger = index.ledger();
        prop_assert_eq!((index.frames(), index.in_flight_bytes(), ledger.in_flight, ledger.spooled), (0, 0, 0, 0));
        prop_assert!(ledger.is_balanced());
        index.reap(u64::MAX);
        prop_assert!(index.segments.is_empty());
    }
}

/// Scenario: the only frame of a segment is given up. Guarantee: the segment stays until the gap is on disk.
#[test]
fn a_segment_waits_for_its_gap() {
    let mut index = Index::default();
    let part = Part {
        shard: Shard(0),
        first: Seq(1),
        last: Seq(1),
        rows: 3,
        gap: false,
    };
    let at = Location {
        segment: 1,
        offset: 0,
        bytes: 100,
    };
    index.segment_bytes(1, 100);
    index.insert(at, Epoch(1), &[part], true);
    let given = index.give_up_frame(at, AgentDrop::SpoolCorrupt);
    assert_eq!(given.len(), 1);
    assert!(index.give_up_frame(at, AgentDrop::SpoolCorrupt).is_empty());
    assert!(index.reap(2).is_empty());
    index.settle(1);
    assert_eq!(index.reap(2), vec![1]);
}

/// Scenario: two frames are sent, a round apart, and the collector says nothing of them. Guarantee: each is sent again after
/// [`OVERDUE_ROUNDS`] rounds, alone, and only once more.
#[test]
fn what_is_overdue_is_sent_again() {
    let mut index = Index::default();
    let place = |n: u64| Location {
        segment: 1,
        offset: n * 100,
        bytes: 100,
    };
    for n in 0..3 {
        let part = Part {
            shard: Shard(0),
            first: Seq(n + 1),
            last: Seq(n + 1),
            rows: 2,
            gap: false,
        };
        index.insert(place(n), Epoch(1), &[part], true);
    }
    assert_eq!(index.take_unsent(100, false), [place(0)]);
    assert_eq!(index.unsend_overdue(), 0);
    assert_eq!(index.take_unsent(100, false), [place(1)]);
    for _ in 2..OVERDUE_ROUNDS {
        assert_eq!(index.unsend_overdue(), 0);
    }
    assert_eq!(index.unsend_overdue(), 1);
    assert_eq!((index.in_flight_bytes(), index.ledger().in_flight), (100, 2));
    assert_eq!(index.under_way(), (vec![place(1)], 2));
    assert_eq!(index.take_unsent(100, false), [place(0)]);
    assert_eq!(index.unsend_overdue(), 1);
    assert_eq!(index.take_unsent(1_000, false), [place(1), place(2)]);
    assert!(index.ledger().is_balanced());
}
