//! Keys of runs and their blocks, in whichever family. Integers are big-endian.

use crate::bytes::Reader;
use crate::damage::Damage;
use event::Bucket;

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

/// Bucket and number of a run's key in a family.
pub(crate) fn read_run(family: &'static str, key: &[u8]) -> Result<(Bucket, u32), Damage> {
    let mut r = Reader::new(family, key);
    let read = (Bucket(r.u32_be()?), r.u32_be()?);
    r.end()?;
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any two runs. Guarantee: keys come back; the bytes' order is the numbers'; a block's key begins with its run's.
        #[test]
        fn round_trip_and_order(a: (u32, u32), b: (u32, u32), n: u32) {
            let key = |(bucket, number)| run(Bucket(bucket), number);
            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
            prop_assert_eq!(read_run("runs", &key(a)).unwrap(), (Bucket(a.0), a.1));
            prop_assert!(block(Bucket(a.0), a.1, n).starts_with(&key(a)));
        }

        /// Scenario: any bytes. Guarantee: a key or an error.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = read_run("runs", &bytes);
        }
    }
}
