//! A hash of few words by one multiplication each, its halves folded together; seeded, so that senders cannot choose ids that
//! collide.

use std::hash::{BuildHasher, Hasher};

/// Makes [`Quick`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(pub(super) u64);

/// The hash so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quick(u64);

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// One word more.
#[inline]
pub(super) fn fold(hash: u64, word: u64) -> u64 {
    let wide = u128::from(hash ^ word ^ 0x5851_f42d_4c95_7f2d) * u128::from(ODD ^ hash.rotate_left(32) | 1);
    (wide as u64) ^ ((wide >> 64) as u64)
}

impl BuildHasher for Seed {
    type Hasher = Quick;
    #[inline]
    fn build_hasher(&self) -> Quick {
        Quick(self.0)
    }
}

impl Hasher for Quick {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.0 = fold(self.0, u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.0 = fold(self.0, u64::from_le_bytes(last));
        self.0 = fold(self.0, bytes.len() as u64);
    }
    #[inline]
    fn write_u8(&mut self, n: u8) {
        self.0 = fold(self.0, n.into());
    }
    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.0 = fold(self.0, n.into());
    }
    #[inline]
    fn write_u64(&mut self, n: u64) {
        self.0 = fold(self.0, n);
    }
    #[inline]
    fn write_usize(&mut self, n: usize) {
        self.0 = fold(self.0, n as u64);
    }
    #[inline]
    fn write_isize(&mut self, n: isize) {
        self.0 = fold(self.0, n as u64);
    }
}
