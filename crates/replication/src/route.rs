//! The agent's side: which member a frame goes to. Its map is a hint that saves a hop; what counts is the front's. An agent whose
//! frame was not answered asks any of the addresses that it was given for the map: all that an old one names may be gone.

use event::Shard;
use placement::{MemberId, ShardMap};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a member that failed is passed over while there are others.
const PASS_OVER: Duration = Duration::from_secs(30);

/// Whom to send to, and whom not for a while.
#[derive(Debug, Default)]
pub struct Route {
    failed: BTreeMap<MemberId, Duration>,
}

impl Route {
    /// A member did not answer, or put us off.
    pub fn failed(&mut self, now: Duration, member: MemberId) {
        self.failed.insert(member, now);
    }

    /// A member answered.
    pub fn answered(&mut self, member: MemberId) {
        self.failed.remove(&member);
    }

    /// The member for a frame with these shards: did not fail lately, or else longest ago, so that each is tried in turn; holds most
    /// of them; among equals the first in an order that differs by producer, so that agents spread. `None`: nobody holds any.
    pub fn pick(&self, now: Duration, map: &ShardMap, shards: &[Shard], producer: u64) -> Option<MemberId> {
        let mut held: BTreeMap<MemberId, usize> = BTreeMap::new();
        for shard in shards {
            for member in map.holders(*shard).into_iter().flat_map(|h| &h.now) {
                *held.entry(*member).or_default() += 1;
            }
        }
        let order = |m: &MemberId| (m.0 ^ producer).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let failed = |m: &MemberId| self.failed.get(m).copied().filter(|at| now < *at + PASS_OVER);
        held.into_iter()
            .min_by_key(|(m, n)| (failed(m), Reverse(*n), order(m)))
            .map(|(m, _)| m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: holders that fail and come back. Guarantee: another is chosen meanwhile, a failed one rather than none, and
    /// who holds more of the frame first.
    #[test]
    fn a_failed_holder_is_passed_over_for_a_while() {
        let ids = |of: &[u64]| of.iter().copied().map(MemberId).collect::<Vec<_>>();
        let map = ShardMap::new(vec![ids(&[1, 2]), ids(&[2, 3]), vec![]]);
        let (zero, later) = (Duration::ZERO, PASS_OVER);
        let both = [Shard(0), Shard(1)];
        let mut route = Route::default();
        assert_eq!(route.pick(zero, &map, &both, 7), Some(MemberId(2)));
        route.failed(zero, MemberId(2));
        assert_ne!(route.pick(zero, &map, &both, 7), Some(MemberId(2)));
        assert_eq!(route.pick(later, &map, &both, 7), Some(MemberId(2)));
        for m in [1, 3] {
            route.failed(zero + Duration::from_millis(m), MemberId(m));
        }
        let soon = Duration::from_secs(1);
        assert_eq!(
            route.pick(soon, &map, &both, 7),
            Some(MemberId(2)),
            "it failed longest ago"
        );
        route.answered(MemberId(1));
        assert_eq!(route.pick(zero, &map, &both, 7), Some(MemberId(1)));
        assert_eq!(route.pick(zero, &map, &[Shard(2), Shard(9)], 7), None);
    }
}
