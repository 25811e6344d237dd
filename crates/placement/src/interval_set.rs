//! A set of `u64` as disjoint closed intervals.

/// `first..=last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// Least member.
    pub first: u64,
    /// Greatest member.
    pub last: u64,
}

/// A set of batch numbers. Sorted, disjoint, with at least one absent number between two intervals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntervalSet {
    parts: Vec<Interval>,
}

impl IntervalSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Is nothing in it?
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Number of intervals: what it costs to keep.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }

    /// The intervals, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Interval> + '_ {
        self.parts.iter().copied()
    }

    /// Is `n` in it?
    pub fn contains(&self, n: u64) -> bool {
        let i = self.parts.partition_point(|p| p.last < n);
        self.parts.get(i).is_some_and(|p| p.first <= n)
    }

    /// Are all of `first..=last` in it? (True when `first > last`.)
    pub fn contains_range(&self, first: u64, last: u64) -> bool {
        if first > last {
            return true;
        }
        let i = self.parts.partition_point(|p| p.last < first);
        self.parts
            .get(i)
            .is_some_and(|p| p.first <= first && last <= p.last)
    }

    /// Adds `n`; says whether it was absent.
    pub fn insert(&mut self, n: u64) -> bool {
        self.insert_range(n, n)
    }

    /// Adds `first..=last`; says whether any of it was absent. Nothing when `first > last`.
    pub fn insert_range(&mut self, first: u64, last: u64) -> bool {
        if self.contains_range(first, last) {
            return false;
        }
        // Everything that overlaps or touches the new interval is merged with it.
        let from = self.parts.partition_point(|p| p.last.saturating_add(1) < first);
        let to = self.parts.partition_point(|p| p.first <= last.saturating_add(1));
        let merged = self.parts.get(from..to).unwrap_or_default();
        let whole = Interval {
            first: merged.first().map_or(first, |p| p.first.min(first)),
            last: merged.last().map_or(last, |p| p.last.max(last)),
        };
        self.parts.splice(from..to, [whole]);
        true
    }

    /// Takes `first..=last` out. Nothing when `first > last`.
    pub fn remove_range(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        let from = self.parts.partition_point(|p| p.last < first);
        let to = self.parts.partition_point(|p| p.first <= last);
        let cut = self.parts.get(from..to).unwrap_or_default();
        let before = cut.first().filter(|p| p.first < first).map(|p| Interval {
            first: p.first,
            last: first - 1,
        });
        let after = cut.last().filter(|p| p.last > last).map(|p| Interval {
            first: last + 1,
            last: p.last,
        });
        self.parts.splice(from..to, before.into_iter().chain(after));
    }

    /// Adds all of `other`.
    pub fn union(&mut self, other: &Self) {
        for p in other.iter() {
            self.insert_range(p.first, p.last);
        }
    }

    /// What is absent of `first..=last`, ascending.
    pub fn gaps(&self, first: u64, last: u64) -> Vec<Interval> {
        let mut gaps = Vec::new();
        let mut next = first;
        for p in self.iter().skip_while(|p| p.last < first) {
            if p.first > last {
                break;
            }
            if next < p.first {
                gaps.push(Interval {
                    first: next,
                    last: p.first - 1,
                });
            }
            let Some(after) = p.last.checked_add(1) else {
                return gaps;
            };
            next = next.max(after);
        }
        if next <= last {
            gaps.push(Interval { first: next, last });
        }
        gaps
    }
}

impl FromIterator<Interval> for IntervalSet {
    fn from_iter<I: IntoIterator<Item = Interval>>(parts: I) -> Self {
        let mut set = Self::new();
        for p in parts {
            set.insert_range(p.first, p.last);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        /// Scenario: any ranges, inserted in any order, then others taken out. Guarantee: same members as a plain set, in canonical form.
        #[test]
        fn equals_a_plain_set(
            ranges in prop::collection::vec((0..80u64, 0..9u64), 0..40),
            taken in prop::collection::vec((0..80u64, 0..9u64), 0..9),
        ) {
            let mut set = IntervalSet::new();
            let mut model = BTreeSet::new();
            for (first, n) in ranges {
                let absent = (first..=first + n).any(|x| !model.contains(&x));
                model.extend(first..=first + n);
                prop_assert_eq!(set.insert_range(first, first + n), absent);
            }
            for n in 0..100 {
                prop_assert_eq!(set.contains(n), model.contains(&n));
            }
            let parts: Vec<_> = set.iter().collect();
            prop_assert!(parts.windows(2).all(|w| w[0].last + 1 < w[1].first));
            let members: BTreeSet<u64> = parts.iter().flat_map(|p| p.first..=p.last).collect();
            prop_assert_eq!(&members, &model);
            let absent: BTreeSet<u64> = set.gaps(5, 70).iter().flat_map(|p| p.first..=p.last).collect();
            let expected: BTreeSet<u64> = (5..=70).filter(|n| !model.contains(n)).collect();
            prop_assert_eq!(absent, expected);
            for (first, n) in taken {
                set.remove_range(first, first + n);
                model.retain(|x| !(first..=first + n).contains(x));
                let parts: Vec<_> = set.iter().collect();
                prop_assert!(parts.windows(2).all(|w| w[0].last + 1 < w[1].first));
                let members: BTreeSet<u64> = parts.iter().flat_map(|p| p.first..=p.last).collect();
                prop_assert_eq!(&members, &model);
            }
        }
    }

    /// Scenario: intervals at the ends of the number range. Guarantee: no overflow.
    #[test]
    fn the_ends_of_the_range_are_members_like_others() {
        let mut set = IntervalSet::new();
        assert!(set.insert(u64::MAX));
        assert!(set.insert(0));
        assert!(set.insert_range(1, u64::MAX - 1));
        assert!(!set.insert(u64::MAX));
        assert_eq!(set.parts(), 1);
        assert_eq!(set.gaps(0, u64::MAX), vec![]);
        assert!(!set.insert_range(5, 4));
    }
}
