//! Series by their labels' values: bounded, those beyond counted in one; those that nothing was counted in for long forgotten.

use hashbrown::HashTable;
use std::hash::BuildHasher as _;

use super::quick::Seed;

/// A series by number.
#[derive(Debug)]
struct Entry<T> {
    labels: Box<[Box<str>]>,
    touched_ns: u64,
    value: T,
}

/// Series.
#[derive(Debug)]
pub(super) struct Table<T> {
    seed: Seed,
    index: HashTable<u32>,
    entries: Vec<Option<Entry<T>>>,
    free: Vec<u32>,
    max: usize,
}

/// The number of what has no room: [`Table::counted`] has it from the first time on that it is needed.
const OVERFLOW: u32 = 0;

impl<T: Default> Table<T> {
    /// An empty one for so many series.
    pub(super) fn new(max: usize, seed: Seed) -> Self {
        Self {
            seed,
            index: HashTable::new(),
            entries: vec![None],
            free: Vec::new(),
            max,
        }
    }

    /// The number of a series, made if it is new.
    pub(super) fn number(&mut self, labels: &[&str], now_ns: u64) -> u32 {
        let hash = self.seed.hash_one(labels);
        let entries = &self.entries;
        let same = |at: &u32| entry(entries, *at).is_some_and(|known| alike(&known.labels, labels));
        if let Some(known) = self.index.find(hash, same).copied() {
            self.touch(known, now_ns);
            return known;
        }
        if self.index.len() >= self.max {
            let overflow = self.entries.first_mut();
            if let Some(none @ None) = overflow {
                *none = Some(Entry {
                    labels: Box::default(),
                    touched_ns: now_ns,
                    value: T::default(),
                });
            }
            return OVERFLOW;
        }
        let made = Some(Entry {
            labels: labels.iter().map(|label| Box::from(*label)).collect(),
            touched_ns: now_ns,
            value: T::default(),
        });
        let number = self.free.pop().unwrap_or(self.entries.len() as u32);
        match self.entries.get_mut(number as usize) {
            Some(place) => *place = made,
            None => self.entries.push(made),
        }
        let (seed, entries) = (self.seed, &self.entries);
        self.index.insert_unique(hash, number, |at| {
            let labels = entry(entries, *at)
                .map(|known| &*known.labels)
                .unwrap_or_default();
            let labels: Vec<&str> = labels.iter().map(|label| &**label).collect();
            seed.hash_one(labels.as_slice())
        });
        number
    }

    fn touch(&mut self, number: u32, now_ns: u64) {
        if let Some(Some(known)) = self.entries.get_mut(number as usize) {
            known.touched_ns = now_ns;
        }
    }

    /// A series by number, in which something is counted now.
    #[inline]
    pub(super) fn counted(&mut self, number: u32, now_ns: u64) -> Option<&mut T> {
        let known = self.entries.get_mut(number as usize)?.as_mut()?;
        known.touched_ns = now_ns;
        Some(&mut known.value)
    }

    /// Forgets series in which nothing was counted since a time; the one of those without room stays. How many they were.
    pub(super) fn forget(&mut self, before_ns: u64) -> usize {
        let before = self.index.len();
        let (index, entries, free, seed) = (&mut self.index, &mut self.entries, &mut self.free, self.seed);
        for (number, place) in (0u32..).zip(entries).skip(1) {
            let Some(known) = place.take_if(|known| known.touched_ns < before_ns) else {
                continue;
            };
            let labels: Vec<&str> = known.labels.iter().map(|label| &**label).collect();
            if let Ok(found) = index.find_entry(seed.hash_one(labels.as_slice()), |at| *at == number) {
                found.remove();
            }
            free.push(number);
        }
        before - self.index.len()
    }

    /// How many, without that of those without room.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// All, each with its labels' values; that of those without room has none.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[Box<str>], &T)> {
        let known = self.entries.iter().flatten();
        known.map(|known| (&*known.labels, &known.value))
    }

    /// All, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().flatten().map(|known| &mut known.value)
    }
}

fn entry<T>(entries: &[Option<Entry<T>>], at: u32) -> Option<&Entry<T>> {
    entries.get(at as usize)?.as_ref()
}

fn alike(known: &[Box<str>], labels: &[&str]) -> bool {
    known.len() == labels.len() && known.iter().zip(labels).all(|(one, other)| **one == **other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: more series than there is room, one of them idle for long. Guarantee: equal labels are one series; what is beyond
    /// is counted in one; the idle one gives its room.
    #[test]
    fn bounded_and_forgotten() {
        let mut table: Table<u64> = Table::new(2, Seed(7));
        let (a, b) = (table.number(&["x", "a"], 1), table.number(&["x", "b"], 9));
        assert_eq!(table.number(&["x", "a"], 1), a);
        assert_ne!(a, b);
        let c = table.number(&["x", "c"], 9);
        assert_eq!(table.number(&["x", "d"], 9), c);
        *table.counted(c, 9).unwrap() += 5;
        assert_eq!(table.forget(5), 1);
        assert_eq!(table.len(), 1);
        assert!(table.counted(a, 9).is_none());
        let c = table.number(&["x", "c"], 9);
        assert_eq!(*table.counted(c, 9).unwrap(), 0);
        let all: Vec<(usize, u64)> = table.iter().map(|(labels, n)| (labels.len(), *n)).collect();
        assert_eq!(all, [(0, 5), (2, 0), (2, 0)]);
    }
}
