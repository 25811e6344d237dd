//! How many must have written, and how many must be asked.
//!
//! Of N holders W, a majority, must have a batch synced before it is acknowledged; N - W + 1 are asked by a read, so that
//! each read meets each acknowledged write (Gifford 1979). While a shard moves, W of both sets.

use crate::map::Holders;
use crate::member::MemberId;

/// How many of `holders` must have synced a write: a majority.
pub fn write_quorum(holders: usize) -> usize {
    holders / 2 + 1
}

/// How many of `holders` a read must ask to meet every acknowledged write.
pub fn read_quorum(holders: usize) -> usize {
    (holders + 1).saturating_sub(write_quorum(holders))
}

/// Whether a write may be acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Too few have it.
    TooFew,
    /// Enough have it, all in one zone, though others have holders.
    InOneZone,
    /// Enough have it, and more than one zone if there are any.
    InZones,
}

/// What those are worth that have *synced* a write. Members that hold nothing of the shard, and members named twice, count
/// nothing.
pub fn written<'z>(holders: &Holders, synced: &[MemberId], zone_of: impl Fn(MemberId) -> &'z str) -> Written {
    let sets = std::iter::once(&holders.now).chain(&holders.next);
    let mut verdict = Written::InZones;
    for set in sets {
        let have: Vec<MemberId> = set.iter().copied().filter(|m| synced.contains(m)).collect();
        if set.is_empty() || have.len() < write_quorum(set.len()) {
            return Written::TooFew;
        }
        let one_zone = |members: &[MemberId]| {
            let mut zones = members.iter().map(|m| zone_of(*m));
            let first = zones.next();
            zones.all(|z| Some(z) == first)
        };
        if write_quorum(set.len()) > 1 && one_zone(&have) && !one_zone(set) {
            verdict = Written::InOneZone;
        }
    }
    verdict
}

/// Whether a read that these members answered has met every acknowledged write. While a shard moves its old holders count.
pub fn read_is_whole(holders: &Holders, answered: &[MemberId]) -> bool {
    let from = holders.now.iter().filter(|m| answered.contains(m)).count();
    !holders.now.is_empty() && from >= read_quorum(holders.now.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(of: &[u64]) -> Vec<MemberId> {
        of.iter().copied().map(MemberId).collect()
    }

    fn holders(now: &[u64], next: Option<&[u64]>) -> Holders {
        Holders {
            now: ids(now),
            next: next.map(ids),
            since: 1,
        }
    }

    fn zone(member: MemberId) -> &'static str {
        if member.0 < 3 { "a" } else { "b" }
    }

    /// Scenario: any number of holders. Guarantee: a read meets each write; two writes meet.
    #[test]
    fn reads_meet_writes() {
        for n in 1..20 {
            assert!(read_quorum(n) + write_quorum(n) > n);
            assert!(2 * write_quorum(n) > n);
        }
        assert_eq!([1, 2, 3, 5].map(write_quorum), [1, 2, 2, 3]);
        assert_eq!([1, 2, 3, 5].map(read_quorum), [1, 1, 2, 3]);
    }

    /// Scenario: writes on one, two, strangers, the same twice; in one zone and in two. Guarantee: a majority of holders
    /// that differ, zones told apart.
    #[test]
    fn a_majority_in_zones() {
        let h = holders(&[1, 2, 3], None);
        assert_eq!(written(&h, &ids(&[1]), zone), Written::TooFew);
        assert_eq!(written(&h, &ids(&[1, 1, 9]), zone), Written::TooFew);
        assert_eq!(written(&h, &ids(&[1, 2]), zone), Written::InOneZone);
        assert_eq!(written(&h, &ids(&[1, 3]), zone), Written::InZones);
        assert_eq!(
            written(&holders(&[1, 2], None), &ids(&[1, 2]), zone),
            Written::InZones,
            "there is no other zone"
        );
        assert_eq!(written(&holders(&[3], None), &ids(&[3]), zone), Written::InZones);
        assert_eq!(written(&holders(&[], None), &ids(&[3]), zone), Written::TooFew);
    }

    /// Scenario: a shard moves. Guarantee: a majority of the old set, or of the new, is not enough; of both is. Reads ask
    /// the old set.
    #[test]
    fn a_move_asks_both_sets() {
        let h = holders(&[1, 2, 3], Some(&[3, 4, 5]));
        assert_eq!(written(&h, &ids(&[1, 2]), zone), Written::TooFew);
        assert_eq!(written(&h, &ids(&[4, 5]), zone), Written::TooFew);
        assert_eq!(written(&h, &ids(&[1, 3, 4]), zone), Written::InZones);
        assert!(read_is_whole(&h, &ids(&[1, 2])));
        assert!(!read_is_whole(&h, &ids(&[1, 4, 5])));
    }
}
