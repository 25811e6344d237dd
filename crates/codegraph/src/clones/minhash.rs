//! MinHash (Broder 1997): which of many multisets may be alike, without comparing each with each. And Dice's
//! coefficient, which decides.

use std::collections::HashMap;

use crate::identity::mix;

/// Rows of a signature. Two sets of Jaccard index 1/3 (Dice 1/2) share one of 24 minima with probability
/// 1 - (2/3)^24 > 0.9999.
pub(crate) const ROWS: usize = 24;

/// Most members of one bucket that are looked at: minima that everything shares say nothing.
const BUCKET_MAX: usize = 64;

/// The least hash of a set under each of [`ROWS`] functions.
pub(crate) fn signature(features: &[u64]) -> [u64; ROWS] {
    let mut least = [u64::MAX; ROWS];
    for feature in features {
        for (row, least) in least.iter_mut().enumerate() {
            *least = (*least).min(mix(
                *feature,
                0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(row as u64 + 1),
            ));
        }
    }
    least
}

/// Sets by their minima.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    members: HashMap<(u8, u64), Vec<u32>>,
}

impl Buckets {
    /// Adds a set under its number.
    pub(crate) fn add(&mut self, number: u32, signature: &[u64; ROWS]) {
        for (row, least) in signature.iter().enumerate() {
            let bucket = self.members.entry((row as u8, *least)).or_default();
            if bucket.len() < BUCKET_MAX {
                bucket.push(number);
            }
        }
    }

    /// The numbers of the sets that share a minimum, ascending, each once, with how many minima are shared.
    pub(crate) fn near(&self, signature: &[u64; ROWS]) -> Vec<(u32, u32)> {
        let mut found: Vec<u32> = Vec::new();
        for (row, least) in signature.iter().enumerate() {
            found.extend(self.members.get(&(row as u8, *least)).into_iter().flatten());
        }
        found.sort_unstable();
        let mut counted: Vec<(u32, u32)> = Vec::new();
        for number in found {
            match counted.last_mut() {
                Some((last, count)) if *last == number => *count += 1,
                _ => counted.push((number, 1)),
            }
        }
        counted
    }
}

/// How many elements two sorted multisets share.
pub(crate) fn shared(a: &[u64], b: &[u64]) -> usize {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut count = 0;
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => drop(a.next()),
            std::cmp::Ordering::Greater => drop(b.next()),
            std::cmp::Ordering::Equal => {
                count += 1;
                a.next();
                b.next();
            }
        }
    }
    count
}

/// Dice's coefficient of two sorted multisets, in thousandths; two empty ones are equal.
pub(crate) fn dice(a: &[u64], b: &[u64]) -> u32 {
    let total = a.len() + b.len();
    if total == 0 {
        return 1000;
    }
    (2000 * shared(a, b) / total) as u32
}
