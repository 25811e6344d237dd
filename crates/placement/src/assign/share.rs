//! How many replicas each member should hold: shares in proportion to weights, within what one member and one zone can
//! take. Found by filling all members alike until a bound is met (water-filling), first over zones, then inside each.

use crate::member::Candidate;
use std::collections::BTreeMap;

/// Halvings of the interval in which the water level is looked for: more than a double has digits.
const HALVINGS: u32 = 80;

/// What each member should hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shares {
    /// Copies of each shard: as many as wanted, or as members can take.
    pub copies: usize,
    /// Copies of one shard that may lie in one zone: the least number with which all copies find a place.
    pub in_one_zone: usize,
    /// Replicas for each candidate, in their order. They sum to shards times copies.
    pub of: Vec<f64>,
}

impl Shares {
    /// Shares of `candidates`, when each of `shards` is wanted `replicas` times.
    pub(super) fn new(candidates: &[Candidate], shards: usize, replicas: usize) -> Self {
        let mut zones: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, c) in candidates.iter().enumerate().filter(|(_, c)| c.weight > 0) {
            zones.entry(&c.zone).or_default().push(i);
        }
        let takers: usize = zones.values().map(Vec::len).sum();
        let copies = replicas.min(takers);
        let in_one_zone = (1..=copies.max(1))
            .find(|n| zones.values().map(|m| m.len().min(*n)).sum::<usize>() >= copies)
            .unwrap_or(1);
        let one = shards as f64;
        let weight = |i: &usize| f64::from(candidates[*i].weight);
        let filled = |members: &[usize], level: f64| -> f64 {
            members.iter().map(|i| (level * weight(i)).min(one)).sum()
        };
        let bound = |members: &[usize]| one * members.len().min(in_one_zone) as f64;
        let level = level_of(one * copies as f64, one, |level| {
            zones.values().map(|m| filled(m, level).min(bound(m))).sum()
        });
        let mut of = vec![0.0; candidates.len()];
        for members in zones.values() {
            let inside = if filled(members, level) > bound(members) {
                level_of(bound(members), one, |level| filled(members, level))
            } else {
                level
            };
            for i in members {
                of[*i] = (inside * weight(i)).min(one);
            }
        }
        Self {
            copies,
            in_one_zone,
            of,
        }
    }
}

/// The least level at which `filled` reaches `goal`. No level above `full` changes anything, since weights are at least 1.
fn level_of(goal: f64, full: f64, filled: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, full);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if filled(middle) < goal {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::MemberId;

    fn of(zones: &[(&str, u32)]) -> Vec<Candidate> {
        let member = |(i, (zone, weight)): (usize, &(&str, u32))| Candidate {
            id: MemberId(i as u64 + 1),
            zone: (*zone).to_owned(),
            weight: *weight,
        };
        zones.iter().enumerate().map(member).collect()
    }

    fn rounded(zones: &[(&str, u32)], shards: usize, replicas: usize) -> (usize, usize, Vec<i64>) {
        let s = Shares::new(&of(zones), shards, replicas);
        (
            s.copies,
            s.in_one_zone,
            s.of.iter().map(|x| x.round() as i64).collect(),
        )
    }

    /// Scenario: three zones of unlike size and weight. Guarantee: one copy a zone, shared inside it by weight.
    #[test]
    fn a_zone_takes_one_copy_where_zones_suffice() {
        let s = rounded(&[("a", 1), ("a", 3), ("b", 1), ("c", 2)], 64, 3);
        assert_eq!(s, (3, 1, vec![16, 48, 64, 64]));
    }

    /// Scenario: two zones for three copies; four zones for three. Guarantee: as even as zones allow; fewest in one zone.
    #[test]
    fn zones_that_do_not_suffice_take_more() {
        assert_eq!(
            rounded(&[("a", 1), ("a", 1), ("b", 1), ("b", 1)], 64, 3),
            (3, 2, vec![48; 4])
        );
        assert_eq!(
            rounded(&[("a", 1), ("b", 1), ("c", 1), ("d", 1)], 64, 3),
            (3, 1, vec![48; 4])
        );
    }

    /// Scenario: fewer members than copies; a member of weight 0; nobody. Guarantee: what can be held is, by who takes.
    #[test]
    fn few_members_hold_what_they_can() {
        assert_eq!(rounded(&[("a", 1), ("b", 9)], 64, 3), (2, 1, vec![64, 64]));
        assert_eq!(rounded(&[("a", 1), ("b", 0)], 64, 3), (1, 1, vec![64, 0]));
        assert_eq!(rounded(&[], 64, 3), (0, 1, vec![]));
    }
}
