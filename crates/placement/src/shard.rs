//! Which shard a trace or a process belongs to.

use event::{NodeKey, Pid, Shard, TraceId};
use std::num::NonZeroU16;
use xxhash_rust::xxh3::xxh3_64;

/// Shard of a trace, among the cluster's `shards`.
pub fn shard_of(trace: TraceId, shards: NonZeroU16) -> Shard {
    reduce(xxh3_64(&trace.0.to_le_bytes()), shards)
}

/// Shard of a process whose event is in no trace.
pub fn shard_of_process(node: NodeKey, pid: Pid, shards: NonZeroU16) -> Shard {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&node.0.to_le_bytes());
    bytes[8..].copy_from_slice(&pid.0.to_le_bytes());
    reduce(xxh3_64(&bytes), shards)
}

/// Shard of an event: by its trace, or by its process when it is in none.
pub fn shard_of_event(trace: TraceId, node: NodeKey, pid: Pid, shards: NonZeroU16) -> Shard {
    if trace.0 == 0 {
        shard_of_process(node, pid, shards)
    } else {
        shard_of(trace, shards)
    }
}

fn reduce(hash: u64, shards: NonZeroU16) -> Shard {
    Shard((hash % u64::from(shards.get())) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(n: u16) -> NonZeroU16 {
        NonZeroU16::new(n).unwrap()
    }

    /// Scenario: the hash of sixteen zero-extended bytes. Guarantee: the function is xxh3 with seed 0 (published value
    /// of the empty input), so that other implementations agree.
    #[test]
    fn the_hash_is_xxh3_64() {
        assert_eq!(xxh3_64(b""), 0x2d06_8005_38d3_94c2);
        let t = TraceId(7);
        assert_eq!(
            u64::from(shard_of(t, shards(64)).0),
            xxh3_64(&t.0.to_le_bytes()) % 64
        );
    }

    /// Scenario: ten thousand traces over 64 shards. Guarantee: each shard gets between half and twice its share.
    #[test]
    fn traces_spread_evenly() {
        let mut counts = [0u32; 64];
        for i in 0..10_000u128 {
            counts[usize::from(shard_of(TraceId(i * 7919 + 1), shards(64)).0)] += 1;
        }
        assert!(counts.iter().all(|c| (78..=312).contains(c)), "{counts:?}");
    }

    /// Scenario: an event in a trace and one in none. Guarantee: the trace decides, else node and process.
    #[test]
    fn an_event_goes_with_its_trace() {
        let (n, p) = (NodeKey(3), Pid(9));
        assert_eq!(
            shard_of_event(TraceId(5), n, p, shards(64)),
            shard_of(TraceId(5), shards(64))
        );
        assert_eq!(
            shard_of_event(TraceId(0), n, p, shards(64)),
            shard_of_process(n, p, shards(64))
        );
    }
}
