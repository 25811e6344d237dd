//! Confirming: after the sync, under a map that still holds, from a disk that never lost anything.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

use event::{Epoch, Producer, Seq, Shard};
use placement::{Change, MemberId, ShardMap};
use replication::{
    Action, Bugs, Config, Disk, Input, Member, Message, Outcome, Section, Source, Start, Ticket, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

fn ids(of: &[u64]) -> Vec<MemberId> {
    of.iter().copied().map(MemberId).collect()
}

fn member(disk: Disk) -> Member {
    let start = Start {
        me: MemberId(2),
        life: 1,
        disk,
        map: Arc::new(ShardMap::new(vec![ids(&[1, 2, 3])])),
        hints: Vec::new(),
        zones: BTreeMap::new(),
        gone: BTreeSet::new(),
    };
    Member::new(Duration::ZERO, start, Config::default(), Bugs::NONE)
}

const TICKET: Ticket = Ticket { life: 3, number: 1 };

fn section() -> Section {
    Section {
        source: Source {
            producer: Producer(9),
            epoch: Epoch(1),
        },
        first: Seq(1),
        last: Seq(1),
        bytes: 100,
        ..Section::default()
    }
}

fn append(member: &mut Member, epoch: u64) -> Vec<Action> {
    let message = Message::Append {
        ticket: TICKET,
        epoch,
        sections: vec![(4, section())],
    };
    tell(member, message)
}

fn tell(member: &mut Member, message: Message) -> Vec<Action> {
    let from = MemberId(1);
    member.handle(Duration::ZERO, Input::Message { from, message })
}

/// What member 1 is told.
fn verdict(actions: &[Action]) -> Option<Verdict> {
    actions.iter().find_map(|a| match a {
        Action::Send {
            to: MemberId(1),
            message:
                Message::Appended {
                    ticket: TICKET,
                    verdicts,
                    ..
                },
        } => Some(verdicts[0].1),
        _ => None,
    })
}

fn job(actions: &[Action]) -> u64 {
    let job = |a: &Action| match a {
        Action::Write { job, .. } => Some(*job),
        _ => None,
    };
    actions.iter().find_map(job).unwrap()
}

fn written(member: &mut Member, job: u64, outcome: Outcome) -> Vec<Action> {
    let outcomes = vec![outcome];
    member.handle(Duration::ZERO, Input::Written { job, outcomes })
}

/// Scenario: a write and what the disk says of it. Guarantee: nothing is said before the disk; then what it said.
#[test]
fn confirmed_after_the_sync() {
    for (outcome, said) in [
        (Outcome::Held, Verdict::Synced),
        (Outcome::Conflict, Verdict::Conflict),
        (Outcome::Later, Verdict::Later),
    ] {
        let mut member = member(Disk::Whole);
        let actions = append(&mut member, 1);
        assert_eq!(verdict(&actions), None);
        assert_eq!(member.replica().waiting_bytes(), 100);
        assert_eq!(verdict(&written(&mut member, job(&actions), outcome)), Some(said));
        assert_eq!(member.replica().waiting_bytes(), 0);
    }
}

/// Scenario: the shard begins to move while a write waits for the disk. Guarantee: until the new map is on disk it is not in force; then
/// the write, though synced, is not confirmed, and the old map is refused.
#[test]
fn a_second_look_at_the_map() {
    let mut member = member(Disk::Whole);
    let actions = append(&mut member, 1);
    let mut map = ShardMap::clone(member.replica().map());
    map.change(Shard(0), Change::Begin(ids(&[2, 3, 4]))).unwrap();
    let keep = member.handle(Duration::ZERO, Input::Map(Arc::new(map)));
    assert!(matches!(keep[..], [Action::KeepMap(_)]));
    assert_eq!(member.replica().map().epoch, 1);
    assert_eq!(verdict(&append(&mut member, 2)), Some(Verdict::Behind));
    member.handle(Duration::ZERO, Input::MapKept(2));
    assert_eq!(
        verdict(&written(&mut member, job(&actions), Outcome::Held)),
        Some(Verdict::Stale(2))
    );
    assert_eq!(verdict(&append(&mut member, 1)), Some(Verdict::Stale(2)));
    assert_eq!(verdict(&append(&mut member, 2)), None);
}

/// Scenario: a sync fails. Guarantee: nothing that waited is ever confirmed, and nothing is written any more.
#[test]
fn a_failed_sync_stops_writing() {
    let mut member = member(Disk::Whole);
    let (first, second) = (append(&mut member, 1), append(&mut member, 1));
    let failed = Input::WriteFailed { job: job(&first) };
    assert!(member.handle(Duration::ZERO, failed).is_empty());
    assert!(written(&mut member, job(&second), Outcome::Held).is_empty());
    assert_eq!(verdict(&append(&mut member, 1)), Some(Verdict::Stopped));
    assert!(member.replica().is_stopped());
}

/// Scenario: a disk that lost what it held. Guarantee: it confirms nothing, takes copies, and says that it is not whole.
#[test]
fn a_lost_disk_confirms_nothing() {
    let mut member = member(Disk::Lost);
    assert_eq!(verdict(&append(&mut member, 1)), Some(Verdict::Stopped));
    let copy = Message::Copy {
        copy: 8,
        epoch: 1,
        sections: vec![section()],
    };
    let actions = tell(&mut member, copy);
    let copied = written(&mut member, job(&actions), Outcome::Held);
    let answer = Message::Copied { copy: 8 };
    assert!(matches!(&copied[..], [Action::Send { message, .. }] if *message == answer));
    let ask = Message::Ask {
        ask: 1,
        shard: Shard(0),
        question: replication::Question::Buckets,
    };
    let said = tell(&mut member, ask);
    let [Action::Answer { whole, epoch, .. }] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!((*whole, *epoch), (false, 1));
}

/// Scenario: a copy that the disk had no room for. Guarantee: it is not called copied.
#[test]
fn what_was_not_written_is_not_copied() {
    let mut member = member(Disk::Whole);
    let copy = Message::Copy {
        copy: 8,
        epoch: 1,
        sections: vec![section()],
    };
    let actions = tell(&mut member, copy);
    assert!(written(&mut member, job(&actions), Outcome::Later).is_empty());
}
