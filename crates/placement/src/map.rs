//! The shard map: who holds which shard, and who is taking one over.
//!
//! A move from one set of holders to another is *joint* while it lasts: a write must reach a majority of both sets, reads
//! ask the old one. The map changes by whole epochs; each shard remembers the epoch of its own last change, so a writer
//! with an older map is refused only where it matters.

use crate::member::MemberId;
use event::Shard;
use serde::{Deserialize, Serialize};

/// Who holds one shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// The members that hold it, ascending. Empty: nobody yet.
    pub now: Vec<MemberId>,
    /// While it moves: the members that will hold it, ascending.
    pub next: Option<Vec<MemberId>>,
    /// Epoch of its last change.
    pub since: u64,
}

/// Who holds what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardMap {
    /// Number of the last change, from 1; 0: no map yet.
    pub epoch: u64,
    /// Holders by shard.
    pub shards: Vec<Holders>,
}

/// A change of one shard's holders. Each is one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Starts a move: the shard's next holders.
    Begin(Vec<MemberId>),
    /// Ends a move that began at this epoch: the next holders are the holders.
    CutOver(u64),
    /// Gives a move up that began at this epoch: the holders stay. Nothing is lost, since all that was acknowledged
    /// meanwhile is on a majority of both sets.
    Abandon(u64),
}

/// Why a change is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeError {
    /// There is no such shard.
    NoShard,
    /// The shard moves already, since this epoch.
    Moving(u64),
    /// The shard does not move.
    NotMoving,
    /// The shard's move began at another epoch: this one.
    OtherMove(u64),
    /// No holders, or one twice, or not in ascending order.
    BadHolders,
}

impl std::fmt::Display for ChangeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoShard => f.write_str("the cluster has no such shard"),
            Self::Moving(epoch) => write!(f, "the shard moves already, since epoch {epoch}"),
            Self::NotMoving => f.write_str("the shard does not move"),
            Self::OtherMove(epoch) => write!(f, "the shard's move began at epoch {epoch}"),
            Self::BadHolders => {
                f.write_str("holders must be named in ascending order, each once, at least one")
            }
        }
    }
}

impl std::error::Error for ChangeError {}

/// What a writer's epoch is worth for a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The writer knows the shard's holders.
    Current,
    /// The shard changed since; the writer must fetch this epoch first. What it wrote must not count.
    Stale(u64),
    /// The writer knows a later map than ours: we must fetch it first.
    Ahead,
}

impl Holders {
    /// Is this member among the holders, present or next?
    pub fn has(&self, member: MemberId) -> bool {
        self.all().any(|m| m == member)
    }

    /// All to whom writes go, each once.
    pub fn all(&self) -> impl Iterator<Item = MemberId> + '_ {
        self.now.iter().copied().chain(self.joining())
    }

    /// The members that hold it next and do not hold it now.
    pub fn joining(&self) -> impl Iterator<Item = MemberId> + '_ {
        let next = self.next.iter().flatten().copied();
        next.filter(|m| !self.now.contains(m))
    }
}

impl ShardMap {
    /// A map of a new cluster: epoch 1, each shard with its holders.
    pub fn new(holders: Vec<Vec<MemberId>>) -> Self {
        let shards = holders.into_iter().map(|now| Holders {
            now,
            next: None,
            since: 1,
        });
        Self {
            epoch: 1,
            shards: shards.collect(),
        }
    }

    /// Holders of a shard.
    pub fn holders(&self, shard: Shard) -> Option<&Holders> {
        self.shards.get(usize::from(shard.0))
    }

    /// What a writer's epoch is worth for a shard, by this map.
    pub fn standing(&self, shard: Shard, epoch: u64) -> Standing {
        let since = self.holders(shard).map_or(self.epoch, |h| h.since);
        if epoch > self.epoch {
            Standing::Ahead
        } else if epoch < since {
            Standing::Stale(self.epoch)
        } else {
            Standing::Current
        }
    }

    /// Applies a change; gives the new epoch, or `None` if what it wants is so already: a change may come twice. An
    /// impossible one changes nothing.
    pub fn change(&mut self, shard: Shard, change: Change) -> Result<Option<u64>, ChangeError> {
        let holders = self
            .shards
            .get_mut(usize::from(shard.0))
            .ok_or(ChangeError::NoShard)?;
        match change {
            Change::Begin(next) => {
                if next.is_empty() || !next.is_sorted_by(|a, b| a < b) {
                    return Err(ChangeError::BadHolders);
                }
                match &holders.next {
                    Some(moving) if *moving == next => return Ok(None),
                    Some(_) => return Err(ChangeError::Moving(holders.since)),
                    None if holders.now == next => return Ok(None),
                    // A shard that nobody holds has nothing to be copied.
                    None if holders.now.is_empty() => holders.now = next,
                    None => holders.next = Some(next),
                }
            }
            Change::CutOver(begun) => match holders.end(begun)? {
                Some(next) => holders.now = next,
                None => return Ok(None),
            },
            Change::Abandon(begun) => {
                if holders.end(begun)?.is_none() {
                    return Ok(None);
                }
            }
        }
        self.epoch += 1;
        holders.since = self.epoch;
        Ok(Some(self.epoch))
    }

    /// Moves to begin so that `target` is reached, in the order of shards, with at most `at_once` moves under way that a
    /// member joins. Moves that go elsewhere than `target` says are let end first.
    pub fn moves_towards(&self, target: &[Vec<MemberId>], at_once: usize) -> Vec<(Shard, Vec<MemberId>)> {
        let mut joining = std::collections::BTreeMap::<MemberId, usize>::new();
        for member in self.shards.iter().flat_map(Holders::joining) {
            *joining.entry(member).or_default() += 1;
        }
        let mut moves = Vec::new();
        for (i, (holders, next)) in self.shards.iter().zip(target).enumerate() {
            if holders.next.is_some() || *next == holders.now || next.is_empty() {
                continue;
            }
            let new: Vec<_> = next.iter().filter(|m| !holders.now.contains(m)).collect();
            if new.iter().all(|m| joining.get(m).is_none_or(|n| *n < at_once)) {
                for m in new {
                    *joining.entry(*m).or_default() += 1;
                }
                moves.push((Shard(i as u16), next.clone()));
            }
        }
        moves
    }
}

impl Holders {
    /// Takes the next holders of the move that began at this epoch; `None` if that move has ended.
    fn end(&mut self, begun: u64) -> Result<Option<Vec<MemberId>>, ChangeError> {
        if begun < self.since {
            return Ok(None);
        }
        match &self.next {
            None => Err(ChangeError::NotMoving),
            Some(_) if self.since != begun => Err(ChangeError::OtherMove(self.since)),
            Some(_) => Ok(self.next.take()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(of: &[u64]) -> Vec<MemberId> {
        of.iter().copied().map(MemberId).collect()
    }

    /// Scenario: a shard moves, another stays. Guarantee: an old epoch is stale for the one, good for the other; a later
    /// epoch than the map's says so.
    #[test]
    fn an_old_epoch_is_stale_only_where_something_changed() {
        let mut map = ShardMap::new(vec![ids(&[1, 2, 3]), ids(&[1, 2, 3])]);
        assert_eq!(map.change(Shard(0), Change::Begin(ids(&[1, 2, 4]))), Ok(Some(2)));
        assert_eq!(map.standing(Shard(0), 1), Standing::Stale(2));
        assert_eq!(map.standing(Shard(1), 1), Standing::Current);
        assert_eq!(map.standing(Shard(0), 2), Standing::Current);
        assert_eq!(map.standing(Shard(0), 3), Standing::Ahead);
        let h = &map.shards[0];
        assert_eq!(h.all().collect::<Vec<_>>(), ids(&[1, 2, 3, 4]));
        assert_eq!(h.joining().collect::<Vec<_>>(), ids(&[4]));
        assert_eq!(map.change(Shard(0), Change::CutOver(2)), Ok(Some(3)));
        assert_eq!(map.shards[0].now, ids(&[1, 2, 4]));
        assert!(!map.shards[0].has(MemberId(3)));
    }

    /// Scenario: changes that are not possible. Guarantee: each says why, and the map stays as it was.
    #[test]
    fn impossible_changes_change_nothing() {
        let mut map = ShardMap::new(vec![ids(&[1, 2]), vec![]]);
        map.change(Shard(0), Change::Begin(ids(&[2, 3]))).unwrap();
        let before = map.clone();
        let wrong = [
            (0, Change::Begin(ids(&[3, 4])), ChangeError::Moving(2)),
            (0, Change::CutOver(3), ChangeError::OtherMove(2)),
            (1, Change::Abandon(1), ChangeError::NotMoving),
            (1, Change::Begin(ids(&[4, 3])), ChangeError::BadHolders),
            (1, Change::Begin(ids(&[3, 3])), ChangeError::BadHolders),
            (1, Change::Begin(vec![]), ChangeError::BadHolders),
            (2, Change::Begin(ids(&[1])), ChangeError::NoShard),
        ];
        for (shard, change, why) in wrong {
            assert_eq!(map.change(Shard(shard), change), Err(why));
            assert_eq!(map, before);
        }
        assert_eq!(map.change(Shard(0), Change::Abandon(2)), Ok(Some(3)));
        assert_eq!(
            map.change(Shard(0), Change::Begin(ids(&[1, 2]))),
            Ok(None),
            "these are its holders"
        );
        assert_eq!(
            map.change(Shard(0), Change::CutOver(2)),
            Ok(None),
            "that move has ended"
        );
        assert_eq!(map.change(Shard(1), Change::Begin(ids(&[7]))), Ok(Some(4)));
        assert_eq!(map.shards[1].now, ids(&[7]), "a shard of nobody moves at once");
    }

    /// Scenario: every shard of four is to move to member 3, two at once. Guarantee: two begin, and the next only when
    /// these have ended.
    #[test]
    fn a_member_joins_few_shards_at_once() {
        let mut map = ShardMap::new(vec![ids(&[1, 2]); 4]);
        let target = vec![ids(&[1, 3]); 4];
        let first = map.moves_towards(&target, 2);
        assert_eq!(first.iter().map(|(s, _)| s.0).collect::<Vec<_>>(), [0, 1]);
        for (shard, next) in first {
            map.change(shard, Change::Begin(next)).unwrap();
        }
        assert_eq!(map.moves_towards(&target, 2), []);
        map.change(Shard(0), Change::CutOver(2)).unwrap();
        assert_eq!(map.moves_towards(&target, 2), [(Shard(2), ids(&[1, 3]))]);
    }
}
