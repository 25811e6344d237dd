//! Whom to ask: pure. Each shard needs N - W + 1 of its holders, of both sets while it moves (`replication::Read`, which also says when
//! an answer is whole). Few members are asked, this one first, each for all of its shards at once: greedy set cover (Chvatal 1979). A
//! member that fails, or is late, is replaced by the next holder, as long as there are any.

use std::collections::{BTreeMap, BTreeSet};

use event::{Bucket, Shard};
use placement::{Holders, MemberId, ShardMap, Standing, read_quorum};
use replication::{Bugs, Read, Reply};

/// What became of a member that was asked for a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// It may still answer.
    Asked,
    /// It may, but others are asked in its place.
    Late,
    /// It answered, and that counts.
    Counted,
    /// It answered, and that does not count.
    NotCounted,
    /// It will not.
    Failed,
}

/// One shard of a question.
#[derive(Debug)]
struct OfShard {
    read: Read,
    holders: Holders,
    asked: BTreeMap<MemberId, Is>,
}

/// A question under way.
#[derive(Debug)]
pub(super) struct Plan {
    me: MemberId,
    avoid: BTreeSet<MemberId>,
    epoch: u64,
    shards: BTreeMap<Shard, OfShard>,
    /// Members that failed, and why: they are not asked again.
    dead: BTreeMap<MemberId, String>,
    /// Members that are late with something: others are asked first.
    slow: BTreeSet<MemberId>,
    /// Members that lost what they held.
    lost: BTreeSet<MemberId>,
    newer: u64,
    stale: BTreeSet<Shard>,
    /// Of members whose answers count: buckets before this they have dropped.
    floors: BTreeMap<MemberId, Bucket>,
}

/// What a member said of itself at the end of its answer.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) epoch: u64,
    pub(super) stale: Vec<Shard>,
    pub(super) whole: bool,
    pub(super) floor: Bucket,
}

/// Does this member hold all of the shards, and nobody else any? Then nobody need be asked.
pub(super) fn is_alone(map: &ShardMap, me: MemberId, shards: &[Shard]) -> bool {
    shards.iter().all(|shard| match map.holders(*shard) {
        None => true,
        Some(holders) => holders.next.is_none() && (holders.now.is_empty() || holders.now == [me]),
    })
}

impl Plan {
    /// Of some shards, by a map. Shards that nobody holds have nothing to be asked for.
    /// Members that one should do without are asked last.
    pub(super) fn new(map: &ShardMap, me: MemberId, shards: &[Shard], avoid: BTreeSet<MemberId>) -> Self {
        let of = shards.iter().filter_map(|shard| {
            let read = Read::new(map, *shard, Bugs::NONE)?;
            let of = OfShard {
                read,
                holders: map.holders(*shard)?.clone(),
                asked: BTreeMap::new(),
            };
            Some((*shard, of))
        });
        Self {
            me,
            avoid,
            epoch: map.epoch,
            shards: of.collect(),
            dead: BTreeMap::new(),
            slow: BTreeSet::new(),
            lost: BTreeSet::new(),
            newer: 0,
            stale: BTreeSet::new(),
            floors: BTreeMap::new(),
        }
    }

    /// The reader's map.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whom to ask now, each for what; whoever is named counts as asked from here on. Empty: enough were, or nobody is left.
    pub(super) fn next(&mut self) -> BTreeMap<MemberId, Vec<Shard>> {
        let mut ask: BTreeMap<MemberId, BTreeSet<Shard>> = BTreeMap::new();
        while let Some((member, shards)) = self.best() {
            for shard in &shards {
                if let Some(of) = self.shards.get_mut(shard) {
                    of.asked.insert(member, Is::Asked);
                }
            }
            ask.entry(member).or_default().extend(shards);
        }
        let of = ask
            .into_iter()
            .map(|(member, shards)| (member, shards.into_iter().collect()));
        of.collect()
    }

    /// The member that covers most of what lacks holders, with those shards: this one first, then the one with the most, of equal ones
    /// the next by id after this one, so that not all ask the same.
    fn best(&self) -> Option<(MemberId, Vec<Shard>)> {
        let mut covers: BTreeMap<MemberId, Vec<Shard>> = BTreeMap::new();
        for (shard, of) in &self.shards {
            for member in self.wanted(of) {
                covers.entry(member).or_default().push(*shard);
            }
        }
        let distance = |member: &MemberId| member.0.wrapping_sub(self.me.0);
        covers.into_iter().max_by(|(one, of_one), (other, of_other)| {
            let rank = |member: &MemberId, of: &Vec<Shard>| {
                (*member == self.me, !self.avoid.contains(member), of.len())
            };
            rank(one, of_one)
                .cmp(&rank(other, of_other))
                .then_with(|| distance(other).cmp(&distance(one)))
        })
    }

    /// Holders of a shard that were not asked, of each set in which too few are hoped for.
    fn wanted(&self, of: &OfShard) -> BTreeSet<MemberId> {
        let mut wanted = BTreeSet::new();
        for set in std::iter::once(&of.holders.now).chain(&of.holders.next) {
            if hoped(of, set) >= read_quorum(set.len()) {
                continue;
            }
            let fresh = |m: &&MemberId| {
                !of.asked.contains_key(m) && !self.dead.contains_key(m) && !self.slow.contains(m)
            };
            wanted.extend(set.iter().filter(fresh));
        }
        wanted
    }

    /// A member answered for these shards.
    pub(super) fn answered(&mut self, from: MemberId, shards: &[Shard], said: &Said) {
        self.slow.remove(&from);
        self.newer = self
            .newer
            .max(if said.epoch > self.epoch { said.epoch } else { 0 });
        if said.whole {
            self.floors.insert(from, said.floor);
        } else {
            self.lost.insert(from);
        }
        for shard in shards {
            let Some(of) = self.shards.get_mut(shard) else {
                continue;
            };
            let standing = if said.stale.contains(shard) {
                self.stale.insert(*shard);
                Standing::Stale(said.epoch)
            } else if said.epoch < self.epoch {
                Standing::Ahead
            } else {
                Standing::Current
            };
            let reply = Reply {
                standing,
                whole: said.whole,
                floor: said.floor,
            };
            of.read.answered(from, reply, []);
            let counts = said.whole && !matches!(standing, Standing::Stale(_));
            of.asked
                .insert(from, if counts { Is::Counted } else { Is::NotCounted });
        }
    }

    /// A member will not answer: not for these shards, nor for others.
    pub(super) fn failed(&mut self, member: MemberId, shards: &[Shard], why: String) {
        for shard in shards {
            if let Some(of) = self.shards.get_mut(shard) {
                of.asked.insert(member, Is::Failed);
            }
        }
        self.dead.insert(member, why);
    }

    /// Those that have not answered yet are late, but for those who do their part: others may be asked in their place.
    pub(super) fn late(&mut self, works: impl Fn(MemberId) -> bool) {
        for of in self.shards.values_mut() {
            let asked = of.asked.iter_mut();
            for (member, is) in asked.filter(|(member, is)| **is == Is::Asked && !works(**member)) {
                *is = Is::Late;
                self.slow.insert(*member);
            }
        }
    }

    /// Is somebody still expected?
    pub(super) fn waits(&self) -> bool {
        let mut all = self.shards.values().flat_map(|of| of.asked.values());
        all.any(|is| matches!(is, Is::Asked | Is::Late))
    }

    /// Do the answers that came have everything that was acknowledged before?
    pub(super) fn is_complete(&self) -> bool {
        self.shards.values().all(|of| of.read.is_complete())
    }

    /// A map that is newer than the reader's, if a shard that was asked for changed in it.
    pub(super) fn newer_map(&self) -> Option<u64> {
        (!self.stale.is_empty()).then_some(self.newer)
    }

    /// Is there a shard of which fewer holders than needed are hoped for?
    pub(super) fn lacks(&self) -> bool {
        let mut all = self.shards.values();
        all.any(|of| {
            let mut sets = std::iter::once(&of.holders.now).chain(&of.holders.next);
            sets.any(|set| hoped(of, set) < read_quorum(set.len()))
        })
    }

    /// A member that has dropped what another, whose answer counts too, still keeps; and what it keeps. One bucket more or less is no
    /// difference: members drop them one after the other.
    pub(super) fn dropped_more(&self) -> Option<(MemberId, Bucket)> {
        let least = self.floors.values().min()?;
        let (member, floor) = self.floors.iter().max_by_key(|(_, floor)| **floor)?;
        (floor.0 > least.0.saturating_add(1)).then_some((*member, *floor))
    }

    /// Was this member asked for a shard, and nobody in its place?
    pub(super) fn hopes(&self, shard: Shard, member: MemberId) -> bool {
        let of = self.shards.get(&shard);
        matches!(
            of.and_then(|of| of.asked.get(&member)),
            Some(Is::Asked | Is::Counted)
        )
    }

    /// Those among the holders of a shard whose word is sought and may still come, or came.
    pub(super) fn asked(&self, shard: Shard) -> impl Iterator<Item = MemberId> + '_ {
        let asked = self.shards.get(&shard).into_iter().flat_map(|of| &of.asked);
        asked
            .filter(|(_, is)| **is != Is::Failed)
            .map(|(member, _)| *member)
    }

    /// What is missing, in words; `name` says who a member is. Empty: nothing.
    pub(super) fn missing(&self, name: impl Fn(MemberId) -> String) -> Vec<String> {
        let mut by_member: BTreeMap<MemberId, Vec<Shard>> = BTreeMap::new();
        let mut stale = Vec::new();
        for (shard, of) in self.shards.iter().filter(|(_, of)| !of.read.is_complete()) {
            if self.stale.contains(shard) {
                stale.push(*shard);
                continue;
            }
            for member in of.holders.all().filter(|m| of.asked.get(m) != Some(&Is::Counted)) {
                by_member.entry(member).or_default().push(*shard);
            }
        }
        let why = |member: &MemberId| match self.dead.get(member) {
            Some(why) => why.clone(),
            None if self.lost.contains(member) => "lost its disk once and is not whole yet".to_owned(),
            None => "did not answer in time".to_owned(),
        };
        let mut texts: Vec<String> = by_member
            .iter()
            .map(|(member, shards)| {
                let (who, why, what) = (name(*member), why(member), listed(shards));
                format!("{who} {why}: {what} may lack what only it has")
            })
            .collect();
        if !stale.is_empty() {
            let (what, epoch) = (listed(&stale), self.newer);
            texts.push(format!(
                "{what} changed hands while the question was asked (map {epoch}): ask again"
            ));
        }
        texts
    }
}

/// How many of a set may answer, or did.
fn hoped(of: &OfShard, set: &[MemberId]) -> usize {
    let hoped = |m: &&MemberId| matches!(of.asked.get(m), Some(Is::Asked | Is::Counted));
    set.iter().filter(hoped).count()
}

/// `shards 1-4, 9`.
fn listed(shards: &[Shard]) -> String {
    let ranges = shards.chunk_by(|one, other| one.0.checked_add(1) == Some(other.0));
    let shown: Vec<String> = ranges
        .filter_map(|range| match range {
            [one] => Some(one.to_string()),
            [first, .., last] => Some(format!("{first}-{last}")),
            [] => None,
        })
        .collect();
    let noun = if shards.len() == 1 { "shard" } else { "shards" };
    format!("{noun} {}", shown.join(", "))
}

#[cfg(test)]
mod tests;
