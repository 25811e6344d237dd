//! When a moving shard may be copied, and when it may be cut over.
//!
//! Let N holders acknowledge at W. A source's copy counts once it has *durably adopted* the joint epoch: from then on it
//! refuses writes of the old one. Any N - W + 1 such sources together hold everything that the old epoch acknowledged, and
//! nothing more of it can come. What is acknowledged later is on a majority of the next holders anyway.
//!
//! So a member of the next set is *whole* when it holds the union of what N - W + 1 adopted sources held. The shard may be
//! cut over when every acknowledged write is on a majority of the next holders: on all whole ones, and on those others that
//! it must have reached because W of the old set had it.

use crate::map::Holders;
use crate::member::MemberId;
use crate::quorum::{read_quorum, write_quorum};
use std::collections::{BTreeMap, BTreeSet};

/// How far a move is. Kept by whoever drives it; made anew, from nothing, after a restart.
#[derive(Clone, Debug)]
pub struct Takeover {
    old: Vec<MemberId>,
    next: Vec<MemberId>,
    adopted: BTreeSet<MemberId>,
    /// By member of the next set: the sources, adopted before, all of whose batches it holds.
    includes: BTreeMap<MemberId, BTreeSet<MemberId>>,
}

impl Takeover {
    /// Of a shard that moves; `None` if it does not.
    pub fn new(holders: &Holders) -> Option<Self> {
        Some(Self {
            old: holders.now.clone(),
            next: holders.next.clone()?,
            adopted: BTreeSet::new(),
            includes: BTreeMap::new(),
        })
    }

    /// A member says that it has adopted the joint epoch, synced to its disk.
    pub fn adopted(&mut self, member: MemberId) {
        if self.old.contains(&member) {
            self.adopted.insert(member);
        }
    }

    /// The sources that may be copied from. Copies begun before they appeared here do not count.
    pub fn sources(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.adopted.iter().copied()
    }

    /// Have enough sources adopted the epoch for a copy to be whole?
    pub fn may_copy(&self) -> bool {
        self.adopted.len() >= read_quorum(self.old.len())
    }

    /// A member of the next set holds, synced, all that `source` held at some moment after it had adopted the epoch. Says
    /// whether that counts.
    pub fn includes(&mut self, member: MemberId, source: MemberId) -> bool {
        let counts = self.next.contains(&member) && self.adopted.contains(&source);
        if counts {
            self.includes.entry(member).or_default().insert(source);
        }
        counts
    }

    /// Does this member of the next set hold all that the old epoch acknowledged?
    pub fn is_whole(&self, member: MemberId) -> bool {
        let from = self.includes.get(&member).map_or(0, BTreeSet::len);
        // A source includes itself.
        let own = self.adopted.contains(&member)
            && self.next.contains(&member)
            && !self.includes.get(&member).is_some_and(|s| s.contains(&member));
        from + usize::from(own) >= read_quorum(self.old.len())
    }

    /// Is every acknowledged write on a majority of the next holders, and does every new holder have it?
    pub fn may_cut_over(&self) -> bool {
        let whole = self.next.iter().filter(|m| self.is_whole(**m)).count();
        let joined = self
            .next
            .iter()
            .filter(|m| !self.old.contains(m))
            .all(|m| self.is_whole(*m));
        let rest = self
            .next
            .iter()
            .filter(|m| self.old.contains(m) && !self.is_whole(**m))
            .count();
        // Of the W that had it, at most N - rest are not among the rest.
        let reached = (write_quorum(self.old.len()) + rest).saturating_sub(self.old.len());
        joined && whole + reached >= write_quorum(self.next.len())
    }
}

#[cfg(test)]
mod tests;
