//! Keys of the families of spans. Integers are big-endian.

use crate::bytes::Reader;
use crate::damage::Damage;
use event::Bucket;

/// Frames that are not sealed yet: bucket u32, arrival u64. Value: the frame.
pub(crate) const FRAMES: &str = "span_frames";
/// Blocks of runs: bucket, run u32, block u32. Value: a frame of the same form.
pub(crate) const BLOCKS: &str = "span_blocks";
/// Runs: bucket, run. Value: `run.rs`.
pub(crate) const RUNS: &str = "span_runs";
/// Terms of runs: bucket, run, chunk u32 of so many blocks. Value: `terms.rs`.
pub(crate) const TERMS: &str = "span_terms";

/// All of them.
pub(crate) const BUCKET_MAJOR: [&str; 4] = [FRAMES, BLOCKS, RUNS, TERMS];

pub(crate) fn frame(bucket: Bucket, arrival: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&bucket.0.to_be_bytes());
    key[4..].copy_from_slice(&arrival.to_be_bytes());
    key
}

pub(crate) fn run(bucket: Bucket, run: u32) -> [u8; 8] {
    let mut key = [0; 8];
    key[..4].copy_from_slice(&bucket.0.to_be_bytes());
    key[4..].copy_from_slice(&run.to_be_bytes());
    key
}

pub(crate) fn block(bucket: Bucket, run: u32, block: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&bucket.0.to_be_bytes());
    key[4..8].copy_from_slice(&run.to_be_bytes());
    key[8..].copy_from_slice(&block.to_be_bytes());
    key
}

/// Bucket and arrival of a frame's key.
pub(crate) fn read_frame(key: &[u8]) -> Result<(Bucket, u64), Damage> {
    let mut r = Reader::new(FRAMES, key);
    let read = (Bucket(r.u32_be()?), r.u64_be()?);
    r.end()?;
    Ok(read)
}

/// Bucket and number of a run's key.
pub(crate) fn read_run(key: &[u8]) -> Result<(Bucket, u32), Damage> {
    let mut r = Reader::new(RUNS, key);
    let read = (Bucket(r.u32_be()?), r.u32_be()?);
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
            let (one, other) = ((a.0, a.1 as u32), (b.0, b.1 as u32));
            prop_assert_eq!(run(Bucket(one.0), one.1).cmp(&run(Bucket(other.0), other.1)), one.cmp(&other));
            prop_assert_eq!(read_run(&run(Bucket(one.0), one.1)).unwrap(), (Bucket(one.0), one.1));
            prop_assert!(block(Bucket(one.0), one.1, 7).starts_with(&run(Bucket(one.0), one.1)));
        }

        /// Scenario: any bytes. Guarantee: a key or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = (read_frame(&bytes), read_run(&bytes));
        }
    }
}
