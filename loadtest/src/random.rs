//! Random numbers that are a pure function of a seed and a place, so that what was sent can be made again to compare
//! with what is stored. Not for secrets.

/// The finaliser of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014): a
/// bijection on 64 bits that passes statistical tests on consecutive inputs.
pub(crate) fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The same seed, the same numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(1);
        mix(self.state.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// Less than `below`; 0 of 0. (Multiply-shift; its bias is below 2^-32 for what is asked here.)
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(below)) >> 64) as u64
    }
}

/// A choice among `n` things of which the k-th is taken with a weight of 1/k (Zipf's law).
#[derive(Debug)]
pub(crate) struct Zipf {
    /// Running sums of the weights, scaled to 2^32.
    sums: Vec<u64>,
}

impl Zipf {
    /// Over `0..n`.
    pub(crate) fn new(n: usize) -> Self {
        let total: f64 = (1..=n).map(|k| 1.0 / k as f64).sum();
        let mut sum = 0.0;
        let sums = (1..=n)
            .map(|k| {
                sum += 1.0 / k as f64;
                (sum / total * f64::from(u32::MAX)) as u64
            })
            .collect();
        Self { sums }
    }

    /// One of them.
    pub(crate) fn choose(&self, random: &mut Random) -> usize {
        let at = random.below(u64::from(u32::MAX));
        self.sums
            .partition_point(|sum| *sum <= at)
            .min(self.sums.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: 100,000 choices among 500. Guarantee: the first is taken about 1/H(500) = 14.7 % of the time, the tail too.
    #[test]
    fn the_choice_is_skewed() {
        let (zipf, mut random) = (Zipf::new(500), Random::new(7));
        let mut counts = vec![0_u32; 500];
        for _ in 0..100_000 {
            counts[zipf.choose(&mut random)] += 1;
        }
        assert!((14_200..15_300).contains(&counts[0]), "{}", counts[0]);
        assert!(counts.iter().filter(|c| **c > 0).count() > 490);
    }

    /// Scenario: numbers below 6,000. Guarantee: all are reached, none is out of range.
    #[test]
    fn below_is_below() {
        let mut random = Random::new(1);
        let mut seen = vec![false; 6_000];
        for _ in 0..100_000 {
            seen[random.below(6_000) as usize] = true;
        }
        assert!(seen.iter().filter(|s| **s).count() > 5_990);
    }
}
