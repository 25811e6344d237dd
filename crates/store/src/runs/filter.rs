//! Is a trace in a run? A Bloom filter in blocks of 64 bytes, so that a question touches one cache line (Putze, Sanders and
//! Singler 2007, "Cache-, Hash- and Space-Efficient Bloom Filters"). 20 bits a trace, 8 probes: about one false answer
//! in 5,000, so that hundreds of runs are asked and hardly a block is read in vain.

use event::TraceId;
use xxhash_rust::xxh3::xxh3_64;

const BLOCK_BYTES: usize = 64;
const BITS_PER_TRACE: usize = 20;
const PROBES: u32 = 8;

/// What a trace is told by: its hash. Its highest 16 bits are its place in a run.
pub(crate) fn hash(trace: TraceId) -> u64 {
    xxh3_64(&trace.0.to_le_bytes())
}

/// A filter, as its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter(Box<[u8]>);

impl Filter {
    /// Of the hashes of traces.
    pub(crate) fn of(hashes: &[u64]) -> Self {
        let blocks = (hashes.len() * BITS_PER_TRACE).div_ceil(BLOCK_BYTES * 8).max(1);
        let mut bits = vec![0u8; blocks * BLOCK_BYTES];
        for hash in hashes {
            for (byte, bit) in probes(*hash, bits.len()) {
                if let Some(byte) = bits.get_mut(byte) {
                    *byte |= bit;
                }
            }
        }
        Self(bits.into())
    }

    /// `false`: certainly not.
    pub(crate) fn may_have(&self, hash: u64) -> bool {
        let has = |(byte, bit)| self.0.get(byte).is_some_and(|byte| byte & bit != 0);
        probes(hash, self.0.len()).all(has)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// Places of a trace in a filter of so many bytes: nine bits a probe, from two hashes of the hash.
fn probes(hash: u64, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let blocks = (bytes / BLOCK_BYTES).max(1) as u64;
    let block = ((u128::from(hash) * u128::from(blocks)) >> 64) as usize * BLOCK_BYTES;
    let first = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let second = hash.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (0..PROBES).map(move |probe| {
        let bits = if probe < PROBES / 2 { first } else { second };
        let bit = (bits >> (probe % (PROBES / 2) * 9 + 28)) as usize & 511;
        (block + bit / 8, 1 << (bit % 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: 20,000 traces, and 200,000 others. Guarantee: all of the first are found, and fewer than 1 in 1,000 of the others.
    #[test]
    fn few_false_answers() {
        let trace = |n: u64| hash(TraceId(u128::from(n)));
        let filter = Filter::of(&(0..20_000u64).map(trace).collect::<Vec<_>>());
        assert!((0..20_000).all(|n| filter.may_have(trace(n))));
        let wrong = (20_000..220_000).filter(|n| filter.may_have(trace(*n))).count();
        assert!(wrong < 200, "{wrong} of 200,000");
        assert_eq!(Filter::from_bytes(filter.bytes()), filter);
    }

    /// Scenario: filters of any bytes, none among them. Guarantee: an answer, no panic.
    #[test]
    fn any_bytes() {
        for len in [0, 1, 63, 64, 65] {
            Filter::from_bytes(&vec![0xff; len]).may_have(7);
        }
        assert!(!Filter::of(&[]).may_have(7));
    }
}
