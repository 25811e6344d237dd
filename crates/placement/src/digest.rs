//! What two replicas compare: of a (shard, bucket) the sum, modulo 2^128, of a hash of each batch's identity and content
//! (`docs/keyspace.md`). A sum, so that neither order nor frames nor sealing show in it.

use event::{Epoch, Producer, Seq, Shard};
use xxhash_rust::xxh3::xxh3_128;

/// A batch's part of its bucket's digest: xxh3-128 of producer, epoch, shard, seq and the hash of its events, big-endian.
pub fn batch_digest(producer: Producer, epoch: Epoch, shard: Shard, seq: Seq, content: u64) -> u128 {
    let mut bytes = [0; 42];
    let (producer_at, rest) = bytes.split_at_mut(16);
    let (epoch_at, rest) = rest.split_at_mut(8);
    let (shard_at, rest) = rest.split_at_mut(2);
    let (seq_at, content_at) = rest.split_at_mut(8);
    producer_at.copy_from_slice(&producer.0.to_be_bytes());
    epoch_at.copy_from_slice(&epoch.0.to_be_bytes());
    shard_at.copy_from_slice(&shard.0.to_be_bytes());
    seq_at.copy_from_slice(&seq.0.to_be_bytes());
    content_at.copy_from_slice(&content.to_be_bytes());
    xxh3_128(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: batches that differ in one field each. Guarantee: so do their digests; the bytes are those of the page.
    #[test]
    fn every_field_counts() {
        let of = |p, e, s, n, c| batch_digest(Producer(p), Epoch(e), Shard(s), Seq(n), c);
        let all = [
            of(1, 1, 1, 1, 1),
            of(2, 1, 1, 1, 1),
            of(1, 2, 1, 1, 1),
            of(1, 1, 2, 1, 1),
        ];
        let more = [of(1, 1, 1, 2, 1), of(1, 1, 1, 1, 2)];
        let distinct: std::collections::BTreeSet<u128> = all.into_iter().chain(more).collect();
        assert_eq!(distinct.len(), 6);
        let mut bytes = vec![0; 42];
        for end in [15, 23, 25, 33, 41] {
            bytes[end] = 1;
        }
        assert_eq!(of(1, 1, 1, 1, 1), xxh3_128(&bytes));
    }
}
