//! Taking shards over: {A, B, C} to {A, B, D} without losing what was acknowledged or letting a read miss it.
//!
//! Each of the next holders compares itself with each of the old ones until that counted once: a comparison counts when
//! its source had durably adopted the joint map before it answered, for from then on that source confirms nothing under an older map. One
//! member drives: the first that joins, or without one the
//! first of the next holders. [`placement::Takeover`] says when every acknowledged write is on a majority of the next holders; one rule
//! is added here: W of the old holders must have adopted the joint map or be gone for good, so that no reader with an older one
//! finds enough that answer it after the cut (for odd N that is the same number as for copying).

use crate::action::Action;
use crate::bugs::{Bug, Bugs};
use crate::message::Message;
use crate::repair::Pulled;
use event::Shard;
use placement::{Change, Holders, MemberId, ShardMap, Takeover, write_quorum};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A move as one member sees it.
#[derive(Debug)]
struct Move {
    holders: Holders,
    takeover: Takeover,
    adopted: BTreeSet<MemberId>,
    includes: BTreeSet<(MemberId, MemberId)>,
    /// Old holders whose comparison with this member counted.
    done: BTreeSet<MemberId>,
}

/// The moves that concern this member.
#[derive(Debug)]
pub struct Moves {
    me: MemberId,
    bugs: Bugs,
    by_shard: BTreeMap<Shard, Move>,
    gone: BTreeSet<MemberId>,
}

/// Who drives a move.
fn driver(holders: &Holders) -> Option<MemberId> {
    let first = holders.next.as_ref().and_then(|next| next.first().copied());
    holders.joining().next().or(first)
}

impl Moves {
    /// None.
    pub fn new(me: MemberId, bugs: Bugs) -> Self {
        Self {
            me,
            bugs,
            by_shard: BTreeMap::new(),
            gone: BTreeSet::new(),
        }
    }

    /// Members that the cluster knows will never answer or confirm again under their ids: taken out, or their disks were lost.
    pub fn set_gone(&mut self, gone: BTreeSet<MemberId>) {
        self.gone = gone;
    }

    /// A map that this member has durably adopted.
    pub fn set_map(&mut self, map: &Arc<ShardMap>) {
        self.by_shard.retain(|shard, m| {
            map.holders(*shard)
                .is_some_and(|h| h.next.is_some() && h.since == m.holders.since)
        });
        for (shard, holders) in (0u16..).map(Shard).zip(&map.shards) {
            let mine = holders.next.as_ref().is_some_and(|next| next.contains(&self.me));
            if !mine || self.by_shard.contains_key(&shard) {
                continue;
            }
            if let Some(takeover) = Takeover::new(holders) {
                let started = Move {
                    holders: holders.clone(),
                    takeover,
                    adopted: BTreeSet::new(),
                    includes: BTreeSet::new(),
                    done: BTreeSet::new(),
                };
                self.by_shard.insert(shard, started);
            }
        }
    }

    /// Whom this member should compare with now, by shard: nobody who is gone, or whose comparison counted.
    pub fn wanted(&self) -> Vec<(Shard, MemberId)> {
        let mut wanted = Vec::new();
        for (shard, m) in &self.by_shard {
            let needless = |o: &&MemberId| **o == self.me || self.gone.contains(o) || m.done.contains(o);
            let others = m.holders.now.iter().filter(|o| !needless(o));
            wanted.extend(others.map(|o| (*shard, *o)));
        }
        wanted
    }

    /// Says again what counted: what was said may have been lost, and who drives may have started anew.
    pub fn again(&mut self) -> Vec<Action> {
        let done = self.by_shard.iter().flat_map(|(shard, m)| {
            let epoch = m.holders.since;
            m.done.iter().map(move |source| (*shard, epoch, *source))
        });
        let done: Vec<(Shard, u64, MemberId)> = done.collect();
        let tell = done
            .into_iter()
            .flat_map(|(shard, epoch, source)| self.tell(shard, epoch, source));
        tell.collect()
    }

    /// Tells the driver that this member includes a source.
    fn tell(&mut self, shard: Shard, epoch: u64, source: MemberId) -> Vec<Action> {
        let to = self.by_shard.get(&shard).and_then(|m| driver(&m.holders));
        if to == Some(self.me) {
            return self.includes(shard, epoch, self.me, source);
        }
        let message = Message::Includes { shard, epoch, source };
        to.map(|to| Action::Send { to, message }).into_iter().collect()
    }

    /// This member itself has durably adopted the map and its disk is whole: it is a source like others.
    pub fn adopted_here(&mut self) {
        for m in self.by_shard.values_mut() {
            m.adopt(self.me);
        }
    }

    /// A comparison ended.
    pub fn pulled(&mut self, pulled: Pulled) -> Vec<Action> {
        let Some(m) = self.by_shard.get_mut(&pulled.shard) else {
            return Vec::new();
        };
        let epoch = m.holders.since;
        if !(pulled.whole && (pulled.epoch >= epoch || self.bugs.has(Bug::NoBarrier))) {
            return Vec::new();
        }
        m.adopt(pulled.peer);
        m.done.insert(pulled.peer);
        self.tell(pulled.shard, epoch, pulled.peer)
    }

    /// A member holds what a source held after adopting the joint map of `epoch`.
    pub fn includes(&mut self, shard: Shard, epoch: u64, member: MemberId, source: MemberId) -> Vec<Action> {
        let Some(m) = self.by_shard.get_mut(&shard) else {
            return Vec::new();
        };
        if m.holders.since != epoch || driver(&m.holders) != Some(self.me) {
            return Vec::new();
        }
        m.adopt(source);
        m.takeover.includes(member, source);
        m.includes.insert((member, source));
        let from_one = m
            .holders
            .joining()
            .all(|j| m.includes.iter().any(|(to, _)| *to == j));
        let silent = |o: &&MemberId| m.adopted.contains(o) || self.gone.contains(o);
        let silent = m.holders.now.iter().filter(silent).count();
        let whole = m.takeover.may_cut_over() && silent >= write_quorum(m.holders.now.len());
        if whole || (self.bugs.has(Bug::OneSource) && from_one) {
            let change = Change::CutOver(epoch);
            return vec![Action::Propose { shard, change }];
        }
        Vec::new()
    }
}

impl Move {
    fn adopt(&mut self, member: MemberId) {
        if self.holders.now.contains(&member) {
            self.takeover.adopted(member);
            self.adopted.insert(member);
        }
    }
}
