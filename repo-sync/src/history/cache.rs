//! What was used last, up to a weight.

use std::hash::Hash;
use std::sync::Arc;

use lru::LruCache;

#[derive(Debug)]
pub(super) struct Cache<K: Hash + Eq, V> {
    known: LruCache<K, (Arc<V>, usize)>,
    weight: usize,
    max: usize,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    pub(super) fn new(max: usize) -> Self {
        Self {
            known: LruCache::unbounded(),
            weight: 0,
            max,
        }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<Arc<V>> {
        self.known.get(key).map(|(value, _)| Arc::clone(value))
    }

    /// Keeps a value; the last one is kept whatever it weighs.
    pub(super) fn put(&mut self, key: K, value: V, weight: usize) -> Arc<V> {
        let value = Arc::new(value);
        if let Some((_, old)) = self.known.put(key, (Arc::clone(&value), weight)) {
            self.weight -= old;
        }
        self.weight += weight;
        while self.weight > self.max && self.known.len() > 1 {
            if let Some((_, (_, gone))) = self.known.pop_lru() {
                self.weight -= gone;
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    /// Scenario: more than fits, one of them used again, one put twice. Guarantee: what was used last stays.
    #[test]
    fn what_was_used_last_stays() {
        let mut cache = Cache::new(10);
        for key in 0..3 {
            cache.put(key, key, 4);
            cache.get(&0);
        }
        cache.put(0, 7, 4);
        assert_eq!(cache.get(&0).as_deref(), Some(&7));
        assert_eq!(cache.get(&1), None);
        assert_eq!(cache.get(&2).as_deref(), Some(&2));
        cache.put(9, 9, 100);
        assert_eq!((cache.get(&9).as_deref(), cache.get(&0)), (Some(&9), None));
        assert_eq!(cache.weight, 100);
    }
}
