//! Keys of the families of spans. Integers are big-endian.

pub(crate) use crate::runs::keys::{block, read_run, run};

use crate::bytes::Reader;
use crate::damage::Damage;
use event::Bucket;

/// Frames that are not sealed yet: bucket u32, arrival u64. Value: the frame.
pub(crate) const FRAMES: &str = "span_frames";
/// Of frames that are not all theirs: the same key. Value: `record.rs`.
pub(crate) const RECORDS: &str = "span_records";
/// Batches of runs: bucket, run, then `runs/batches.rs`.
pub(crate) const BATCHES: &str = "span_batches";
/// Blocks of runs: bucket, run u32, block u32. Value: a frame of the same form.
pub(crate) const BLOCKS: &str = "span_blocks";
/// Runs: bucket, run. Value: `run.rs`.
pub(crate) const RUNS: &str = "span_runs";
/// Terms of runs: bucket, run, chunk u32 of so many blocks. Value: `terms.rs`.
pub(crate) const TERMS: &str = "span_terms";

/// All of them.
pub(crate) const BUCKET_MAJOR: [&str; 6] = [FRAMES, RECORDS, BLOCKS, RUNS, TERMS, BATCHES];

pub(crate) fn frame(bucket: Bucket, arrival: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&bucket.0.to_be_bytes());
    key[4..].copy_from_slice(&arrival.to_be_bytes());
    key
}

/// Bucket and arrival of a frame's key.
pub(crate) fn read_frame(key: &[u8]) -> Result<(Bucket, u64), Damage> {
    let mut r = Reader::new(FRAMES, key);
    let read = (Bucket(r.u32_be()?), r.u64_be()?);
    r.end()?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any two keys. Guarantee: they come back; the bytes' order is the numbers'.
        #[test]
        fn round_trip_and_order(a: (u32, u64), b: (u32, u64)) {
            let key = |(bucket, arrival)| frame(Bucket(bucket), arrival);
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
            prop_assert_eq!(read_frame(&key(a)).unwrap(), (Bucket(a.0), a.1));
        }

        /// Scenario: any bytes. Guarantee: a key or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = read_frame(&bytes);
        }
    }
}
