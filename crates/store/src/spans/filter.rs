//! Is a trace in a run? A Bloom filter in blocks of 64 bytes, so that a question touches one cache line (Putze, Sanders and
//! Singler 2007, "Cache-, Hash- and Space-Efficient Bloom Filters"). 12 bits a trace, 6 probes: about 0.5 % false answers.

use event::TraceId;
use xxhash_rust::xxh3::xxh3_64;

const BLOCK_BYTES: usize = 64;
const BITS_PER_TRACE: usize = 12;
const PROBES: u32 = 6;

/// A filter, as its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter(Box<[u8]>);

impl Filter {
    pub(crate) fn of(traces: impl ExactSizeIterator<Item = TraceId>) -> Self {
        let blocks = (traces.len() * BITS_PER_TRACE).div_ceil(BLOCK_BYTES * 8).max(1);
        let mut bits = vec![0u8; blocks * BLOCK_BYTES];
        for trace in traces {
            for (byte, bit) in probes(trace, bits.len()) {
                if let Some(byte) = bits.get_mut(byte) {
                    *byte |= bit;
                }
            }
        }
        Self(bits.into())
    }

    /// `false`: certainly not.
    pub(crate) fn may_have(&self, trace: TraceId) -> bool {
        let has = |(byte, bit)| self.0.get(byte).is_some_and(|byte| byte & bit != 0);
        probes(trace, self.0.len()).all(has)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// Places of a trace in a filter of so many bytes.
fn probes(trace: TraceId, bytes: usize) -> impl Iterator<Item = (usize, u8)> {
    let hash = xxh3_64(&trace.0.to_le_bytes());
    let blocks = (bytes / BLOCK_BYTES).max(1) as u64;
    let block = ((u128::from(hash) * u128::from(blocks)) >> 64) as usize * BLOCK_BYTES;
    // Nine bits a probe, from the hash of the hash.
    let bits = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..PROBES).map(move |probe| {
        let bit = (bits >> (probe * 9 + 10)) as usize & 511;
        (block + bit / 8, 1 << (bit % 8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: 20,000 traces, and 100,000 others. Guarantee: all of the first are found, and fewer than 1 in 100 of the others.
    #[test]
    fn few_false_answers() {
        let trace = |n: u64| TraceId(u128::from(xxh3_64(&n.to_le_bytes())) << 64 | u128::from(n));
        let filter = Filter::of((0..20_000u64).collect::<Vec<_>>().into_iter().map(trace));
        assert!((0..20_000).all(|n| filter.may_have(trace(n))));
        let wrong = (20_000..120_000).filter(|n| filter.may_have(trace(*n))).count();
        assert!(wrong < 1_000, "{wrong} of 100,000");
        assert_eq!(Filter::from_bytes(filter.bytes()), filter);
    }

    /// Scenario: filters of any bytes, none among them. Guarantee: an answer, no panic.
    #[test]
    fn any_bytes() {
        for len in [0, 1, 63, 64, 65] {
            Filter::from_bytes(&vec![0xff; len]).may_have(TraceId(7));
        }
        assert!(!Filter::of(std::iter::empty()).may_have(TraceId(7)));
    }
}
