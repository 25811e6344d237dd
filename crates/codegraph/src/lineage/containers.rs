//! Containers, from what they contain (the bottom-up step of GumTree).

use super::align::is_structure;
use super::forest::get;
use super::nodes::Matching;

/// Least part, in thousandths, of two containers that is the same.
const CONTAINER_DICE_MIN: u64 = 400;

/// Most old nodes that a container may be.
const VOTES_MAX: usize = 64;

impl Matching<'_> {
    /// Free nodes above paired ones: the same as the node above most of what theirs are paired with.
    pub(super) fn containers(&mut self, news: &[u32], unit: Option<u32>) {
        let mut work = Vec::new();
        for new in news {
            if !self.new.is_free(*new) || self.new.size(*new) < 2 {
                continue;
            }
            let mut votes: Vec<(u32, u64)> = Vec::new();
            for kid in self.new.kids(*new) {
                let Some(parent) = self.new.partner(kid).and_then(|kid| self.old.parent(kid)) else {
                    continue;
                };
                let fits = self.old.is_free(parent)
                    && unit.is_none_or(|unit| self.old.unit_at(parent) == unit)
                    && self.old.kind(parent) == self.new.kind(*new);
                if !fits {
                    continue;
                }
                let size = u64::from(self.new.size(kid));
                if let Some((_, votes)) = votes.iter_mut().find(|(other, _)| *other == parent) {
                    *votes += size;
                } else if votes.len() < VOTES_MAX {
                    votes.push((parent, size));
                }
            }
            votes.sort_by_key(|(parent, votes)| (std::cmp::Reverse(*votes), *parent));
            let Some((parent, votes)) = votes.first().copied() else {
                continue;
            };
            let both = u64::from(self.old.size(parent) + self.new.size(*new) - 2).max(1);
            let same = get(&self.old.label, parent) == get(&self.new.label, *new);
            let renamed = !is_structure(self.old.bytes(parent)) && !is_structure(self.new.bytes(*new));
            if 2000 * votes / both >= CONTAINER_DICE_MIN && (same || renamed) && self.pair(parent, *new) {
                work.push((parent, *new));
            }
        }
        self.align(work);
    }
}
