//! Byte strings, each once, by number in order of first appearance.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A dictionary while it grows. The seed keeps senders from choosing texts that collide.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    seed: u64,
    bytes: Vec<u8>,
    ends: Vec<u32>,
    table: HashTable<u32>,
    last: u32,
}

impl Interner {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            bytes: Vec::new(),
            ends: Vec::new(),
            table: HashTable::new(),
            last: 0,
        }
    }

    /// The number of `text`, and whether it is new.
    #[inline]
    pub(crate) fn intern(&mut self, text: &[u8]) -> (u32, bool) {
        if self.get(self.last).is_some_and(|last| same(last, text)) {
            return (self.last, false);
        }
        let hash = xxh3_64_with_seed(text, self.seed);
        let (bytes, ends, seed) = (&self.bytes, &self.ends, self.seed);
        let entry = self.table.entry(
            hash,
            |at| get(bytes, ends, *at).is_some_and(|known| same(known, text)),
            |at| xxh3_64_with_seed(get(bytes, ends, *at).unwrap_or_default(), seed),
        );
        let (number, new) = match entry {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(free) => {
                let number = self.ends.len() as u32;
                free.insert(number);
                self.bytes.extend_from_slice(text);
                self.ends.push(self.bytes.len() as u32);
                (number, true)
            }
        };
        self.last = number;
        (number, new)
    }

    #[inline]
    pub(crate) fn get(&self, number: u32) -> Option<&[u8]> {
        get(&self.bytes, &self.ends, number)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Length of all texts, in bytes.
    pub(crate) fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// All texts, one after the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The texts' lengths.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = u32> + '_ {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| end - start)
    }

    /// Adds a text that is certainly new and will not be looked up.
    #[inline]
    pub(crate) fn push(&mut self, text: &[u8]) -> u32 {
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        number
    }

    /// Forgets all texts and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.table.clear();
        self.last = 0;
    }
}

/// Are two texts equal? Most are short, and equal if they are of one length: no call for these.
#[inline]
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let u32s = |a: &[u8; 4], b: &[u8; 4]| u32::from_le_bytes(*a) == u32::from_le_bytes(*b);
    let u64s = |a: &[u8; 8], b: &[u8; 8]| u64::from_le_bytes(*a) == u64::from_le_bytes(*b);
    let u128s = |a: &[u8; 16], b: &[u8; 16]| u128::from_le_bytes(*a) == u128::from_le_bytes(*b);
    match one.len() {
        0 => true,
        4..=7 => match (
            one.first_chunk(),
            other.first_chunk(),
            one.last_chunk(),
            other.last_chunk(),
        ) {
            (Some(a), Some(b), Some(c), Some(d)) => u32s(a, b) && u32s(c, d),
            _ => false,
        },
        8..=16 => match (
            one.first_chunk(),
            other.first_chunk(),
            one.last_chunk(),
            other.last_chunk(),
        ) {
            (Some(a), Some(b), Some(c), Some(d)) => u64s(a, b) && u64s(c, d),
            _ => false,
        },
        17..=32 => match (
            one.first_chunk(),
            other.first_chunk(),
            one.last_chunk(),
            other.last_chunk(),
        ) {
            (Some(a), Some(b), Some(c), Some(d)) => u128s(a, b) && u128s(c, d),
            _ => false,
        },
        33..=64 => match (
            one.split_at_checked(32),
            other.split_at_checked(32),
            one.last_chunk::<32>(),
            other.last_chunk::<32>(),
        ) {
            (Some((a, _)), Some((b, _)), Some(c), Some(d)) => same32(a, b) && same32(c, d),
            _ => false,
        },
        _ => one == other,
    }
}

/// Are two texts of 32 bytes equal?
#[inline]
fn same32(one: &[u8], other: &[u8]) -> bool {
    let (one, _) = one.as_chunks::<8>();
    let (other, _) = other.as_chunks::<8>();
    let differ = one.iter().zip(other).fold(0, |differ, (a, b)| {
        differ | (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b))
    });
    differ == 0
}

#[inline]
fn get<'a>(bytes: &'a [u8], ends: &[u32], number: u32) -> Option<&'a [u8]> {
    let at = number as usize;
    let end = *ends.get(at)? as usize;
    let start = match at.checked_sub(1) {
        Some(before) => *ends.get(before)? as usize,
        None => 0,
    };
    bytes.get(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        /// Scenario: two texts of any length, of few letters. Guarantee: the same exactly if they are equal.
        #[test]
        fn same_is_equal(one in "[ab]{0,80}", flip in any::<prop::sample::Index>(), other in "[ab]{0,80}") {
            prop_assert_eq!(same(one.as_bytes(), other.as_bytes()), one == other);
            prop_assert!(same(one.as_bytes(), one.clone().as_bytes()));
            let mut changed = one.clone().into_bytes();
            if !changed.is_empty() {
                let at = flip.index(changed.len());
                changed[at] ^= 1;
                prop_assert!(!same(one.as_bytes(), &changed));
            }
        }

        /// Scenario: any texts, with repeats. Guarantee: equal texts have one number, different ones differ, each comes back.
        #[test]
        fn numbers_are_texts(texts in prop::collection::vec("[a-c]{0,3}", 0..60), seed: u64) {
            let mut interner = Interner::new(seed);
            let mut known: HashMap<String, u32> = HashMap::new();
            for text in &texts {
                let (number, new) = interner.intern(text.as_bytes());
                prop_assert_eq!(new, !known.contains_key(text));
                prop_assert_eq!(*known.entry(text.clone()).or_insert(number), number);
                prop_assert_eq!(interner.get(number), Some(text.as_bytes()));
            }
            prop_assert_eq!(interner.len(), known.len());
            prop_assert_eq!(interner.lengths().map(|l| l as usize).sum::<usize>(), interner.byte_len());
        }
    }
}
