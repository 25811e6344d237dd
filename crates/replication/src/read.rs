//! A read of one shard: whom to ask, when the answer is whole, what it is.
//!
//! N - W + 1 of the holders meet every acknowledged write. While a shard moves, that many of *both* sets must answer: the old
//! set has every write, and one that was cut over meanwhile would, by any W of the next set, refuse a reader with this map
//! ([`Standing::Stale`]). An answer counts from a member whose disk is whole and whose map knows no later change of the shard;
//! other answers are merged and do not count. Time-outs are missing members, never empty answers.

use crate::bugs::{Bug, Bugs};
use crate::section::{Section, Source};
use event::{Bucket, Seq, Shard};
use placement::{Holders, IntervalSet, MemberId, ShardMap, Standing, read_quorum};
use std::collections::{BTreeMap, BTreeSet};

/// How a member answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What the reader's epoch is worth to it, by the map that it has durably adopted.
    pub standing: Standing,
    /// Its disk never lost what it held.
    pub whole: bool,
    /// Buckets before this it has dropped.
    pub floor: Bucket,
}

/// A read under way.
#[derive(Debug)]
pub struct Read {
    shard: Shard,
    epoch: u64,
    holders: Holders,
    bugs: Bugs,
    floor: Bucket,
    counted: BTreeSet<MemberId>,
    answered: BTreeSet<MemberId>,
    stale: u64,
    batches: BTreeMap<(Source, Seq), Section>,
    given_up: BTreeMap<Source, IntervalSet>,
    conflicts: u64,
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Does it have everything that was acknowledged before it began?
    pub complete: bool,
    /// Holders that did not answer, or whose answers do not count.
    pub missing: Vec<MemberId>,
    /// A later map that a member named; 0: none. Fetch it and read again.
    pub newer_map: u64,
    /// Batches, each once, of buckets that no answering member has dropped.
    pub batches: Vec<Section>,
    /// Numbers given up, without those that are held: data beats gap.
    pub given_up: BTreeMap<Source, IntervalSet>,
    /// Batches that two members hold with different events. The first is kept.
    pub conflicts: u64,
}

impl Read {
    /// Of a shard, by a map; `None` if nobody holds it.
    pub fn new(map: &ShardMap, shard: Shard, bugs: Bugs) -> Option<Self> {
        let holders = map.holders(shard).filter(|h| !h.now.is_empty())?.clone();
        Some(Self {
            shard,
            epoch: map.epoch,
            holders,
            bugs,
            floor: Bucket(0),
            counted: BTreeSet::new(),
            answered: BTreeSet::new(),
            stale: 0,
            batches: BTreeMap::new(),
            given_up: BTreeMap::new(),
            conflicts: 0,
        })
    }

    /// The reader's map, to be sent along.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Which shard.
    pub fn shard(&self) -> Shard {
        self.shard
    }

    /// Whom to ask next: as many as are needed, if all that were asked before answer; preferred ones first. Empty: nobody is left.
    pub fn to_ask(&self, asked: &BTreeSet<MemberId>, prefer: &[MemberId]) -> Vec<MemberId> {
        let sets = std::iter::once(&self.holders.now).chain(&self.holders.next);
        let mut ask = Vec::new();
        for set in sets {
            let is_hopeful = |m: &MemberId| self.counted.contains(m) || ask.contains(m);
            let have = set.iter().filter(|m| is_hopeful(m)).count();
            let lack = read_quorum(set.len()).saturating_sub(have);
            let (first, rest): (Vec<MemberId>, Vec<MemberId>) = set.iter().partition(|m| prefer.contains(m));
            let fresh = |m: &MemberId| !asked.contains(m) && !ask.contains(m);
            let more: Vec<MemberId> = first.into_iter().chain(rest).filter(fresh).take(lack).collect();
            ask.extend(more);
        }
        ask
    }

    /// A member answered, with what it holds.
    pub fn answered(&mut self, from: MemberId, reply: Reply, sections: impl IntoIterator<Item = Section>) {
        self.answered.insert(from);
        match reply.standing {
            Standing::Stale(epoch) => self.stale = self.stale.max(epoch),
            Standing::Current | Standing::Ahead if reply.whole => {
                self.counted.insert(from);
            }
            Standing::Current | Standing::Ahead => {}
        }
        self.floor = self.floor.max(reply.floor);
        for section in sections {
            if section.shard != self.shard {
                continue;
            }
            if section.gap {
                let set = self.given_up.entry(section.source).or_default();
                set.insert_range(section.first.0, section.last.0);
                continue;
            }
            let known = self
                .batches
                .entry((section.source, section.first))
                .or_insert(section);
            self.conflicts += u64::from(known.content != section.content);
        }
    }

    /// Is it whole?
    pub fn is_complete(&self) -> bool {
        if self.bugs.has(Bug::OneAnswerComplete) {
            return !self.answered.is_empty();
        }
        let sets = std::iter::once(&self.holders.now).chain(&self.holders.next);
        let old_only = self.bugs.has(Bug::JointReadOfOldSet);
        let mut sets = sets.take(if old_only { 1 } else { 2 }).map(|set| {
            let counted = set.iter().filter(|m| self.counted.contains(m)).count();
            counted >= read_quorum(set.len())
        });
        sets.all(|whole| whole)
    }

    /// What was found.
    pub fn merged(self) -> Merged {
        let complete = self.is_complete();
        let missing = self.holders.all().filter(|m| !self.counted.contains(m)).collect();
        let gap_beats = self.bugs.has(Bug::GapBeatsData);
        let is_given_up =
            |(source, seq): &(Source, Seq)| self.given_up.get(source).is_some_and(|g| g.contains(seq.0));
        let batches: Vec<Section> = self
            .batches
            .iter()
            .filter(|(id, s)| s.bucket >= self.floor && !(gap_beats && is_given_up(id)))
            .map(|(_, s)| *s)
            .collect();
        let mut given_up = BTreeMap::new();
        for (source, gaps) in &self.given_up {
            let held = self.batches.keys().filter(|(s, _)| s == source && !gap_beats);
            let mut held_set = IntervalSet::new();
            for (_, seq) in held {
                held_set.insert(seq.0);
            }
            let left: IntervalSet = gaps
                .iter()
                .flat_map(|part| held_set.gaps(part.first, part.last))
                .collect();
            if !left.is_empty() {
                given_up.insert(*source, left);
            }
        }
        Merged {
            complete,
            missing,
            newer_map: self.stale,
            batches,
            given_up,
            conflicts: self.conflicts,
        }
    }
}
