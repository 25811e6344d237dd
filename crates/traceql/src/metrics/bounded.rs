//! A map that keeps the least so many keys. What it keeps does not depend on the order in which it was filled or merged: a key that
//! was given up is greater than all that are kept, and comes back never; one that is kept at the end was never given up.

use std::collections::BTreeMap;

/// Keys with values that merge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bounded<K, V> {
    of: BTreeMap<K, V>,
    /// Whether a key was given up.
    truncated: bool,
}

impl<K, V> Default for Bounded<K, V> {
    fn default() -> Self {
        Self {
            of: BTreeMap::new(),
            truncated: false,
        }
    }
}

impl<K: Ord, V: Default> Bounded<K, V> {
    /// The value of a key, if it is kept among `max`.
    pub(crate) fn entry(&mut self, key: K, max: usize) -> Option<&mut V> {
        if self.of.len() >= max && !self.of.contains_key(&key) {
            self.truncated = true;
            match self.of.last_key_value() {
                Some((last, _)) if key < *last => self.of.pop_last(),
                _ => return None,
            };
        }
        Some(self.of.entry(key).or_default())
    }

    pub(crate) fn merge(&mut self, other: Self, max: usize, mut join: impl FnMut(&mut V, V)) {
        self.truncated |= other.truncated;
        for (key, value) in other.of {
            if let Some(own) = self.entry(key, max) {
                join(own, value);
            }
        }
    }

    pub(crate) fn truncated(&self) -> bool {
        self.truncated
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.of.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.of.len()
    }
}
