//! Moments that a seed decides.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The seed of the n-th load of a run: far from all others, so that no two loads name their nodes alike (the mixer of splitmix64).
pub fn derived(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A small generator (xorshift64*), so that a failure's seed says everything.
pub struct Chance(u64);

/// A seed out of the clock.
pub fn any() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(1, |d| u64::from(d.subsec_nanos()))
}

impl Chance {
    /// Of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// From `least` to below `most`.
    pub fn within(&mut self, least: u64, most: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let random = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        least + random % (most - least).max(1)
    }

    /// Sleeps for so many milliseconds.
    pub fn sleep_ms(&mut self, least: u64, most: u64) {
        thread::sleep(Duration::from_millis(self.within(least, most)));
    }
}
