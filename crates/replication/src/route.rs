//! The agent's side: which member a frame goes to. Its map is a hint that saves a hop; what counts is the front's.

use event::Shard;
use placement::{MemberId, ShardMap};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a member that failed is passed over.
const PASS_OVER: Duration = Duration::from_secs(3);

/// Whom to send to, and whom not for a while.
#[derive(Debug, Default)]
pub struct Route {
    failed: BTreeMap<MemberId, Duration>,
}

impl Route {
    /// A member did not answer, or put us off.
    pub fn failed(&mut self, now: Duration, member: MemberId) {
        self.failed.insert(member, now + PASS_OVER);
    }

    /// A member answered.
    pub fn answered(&mut self, member: MemberId) {
        self.failed.remove(&member);
    }

    /// The member for a frame with these shards: holds most of them, did not fail lately; among equals the first in an order
    /// that differs by producer, so that agents spread. `None`: nobody holds any.
    pub fn pick(&self, now: Duration, map: &ShardMap, shards: &[Shard], producer: u64) -> Option<MemberId> {
        let mut held: BTreeMap<MemberId, usize> = BTreeMap::new();
        for shard in shards {
            for member in map.holders(*shard).into_iter().flat_map(|h| &h.now) {
                *held.entry(*member).or_default() += 1;
            }
        }
        let order = |m: &MemberId| (m.0 ^ producer).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let well = |m: &MemberId| self.failed.get(m).is_none_or(|until| *until <= now);
        held.into_iter()
            .max_by_key(|(m, n)| (well(m), *n, order(m)))
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
        let (zero, later) = (Duration::ZERO, Duration::from_secs(3));
        let both = [Shard(0), Shard(1)];
        let mut route = Route::default();
        assert_eq!(route.pick(zero, &map, &both, 7), Some(MemberId(2)));
        route.failed(zero, MemberId(2));
        assert_ne!(route.pick(zero, &map, &both, 7), Some(MemberId(2)));
        assert_eq!(route.pick(later, &map, &both, 7), Some(MemberId(2)));
        for m in [1, 3] {
            route.failed(zero, MemberId(m));
        }
        assert!(route.pick(zero, &map, &both, 7).is_some());
        route.answered(MemberId(1));
        assert_eq!(route.pick(zero, &map, &both, 7), Some(MemberId(1)));
        assert_eq!(route.pick(zero, &map, &[Shard(2), Shard(9)], 7), None);
    }
}
