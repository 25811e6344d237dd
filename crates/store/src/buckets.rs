//! Family `buckets`: one entry a slice of time. It is written when a bucket gets its first frame and when its index goes to disk.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use event::{Bucket, Hlc};

/// Name of the family.
pub(crate) const FAMILY: &str = "buckets";

/// Value of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BucketRecord {
    /// May frames of it be without index on disk? Those are then the frames that arrived after `indexed_through`.
    pub(crate) open: bool,
    /// Runs of its index that are on disk: 0..runs.
    pub(crate) runs: u32,
    /// Arrival number of the last frame that the runs cover.
    pub(crate) indexed_through: u64,
    /// Least HLC of the events that the runs cover.
    pub(crate) hlc_min: Hlc,
    /// Greatest HLC of the events that the runs cover.
    pub(crate) hlc_max: Hlc,
    /// Frames that the runs cover.
    pub(crate) frames: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

impl Default for BucketRecord {
    fn default() -> Self {
        Self {
            open: true,
            runs: 0,
            indexed_through: 0,
            hlc_min: Hlc(u64::MAX),
            hlc_max: Hlc(0),
            frames: 0,
            bytes: 0,
        }
    }
}

pub(crate) fn key(bucket: Bucket) -> [u8; 4] {
    bucket.0.to_be_bytes()
}

pub(crate) fn key_decode(bytes: &[u8]) -> Result<Bucket, Damage> {
    let mut r = Reader::new(FAMILY, bytes);
    let b = Bucket(r.u32_be()?);
    r.end()?;
    Ok(b)
}

impl BucketRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        out.u8(u8::from(self.open));
        out.u32_be(self.runs);
        out.u64_be(self.indexed_through);
        out.u64_be(self.hlc_min.0);
        out.u64_be(self.hlc_max.0);
        out.u64_be(self.frames);
        out.u64_be(self.bytes);
        out
    }
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(FAMILY, bytes);
        let record = Self {
            open: r.u8()? != 0,
            runs: r.u32_be()?,
            indexed_through: r.u64_be()?,
            hlc_min: Hlc(r.u64_be()?),
            hlc_max: Hlc(r.u64_be()?),
            frames: r.u64_be()?,
            bytes: r.u64_be()?,
        };
        r.end()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any record, any bytes. Guarantee: the record comes back; bytes give a record or an error.
        #[test]
        fn round_trip_and_total(open: bool, runs: u32, n: [u64; 5], b: u32, bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let record = BucketRecord {
                open, runs, indexed_through: n[0], hlc_min: Hlc(n[1]), hlc_max: Hlc(n[2]), frames: n[3], bytes: n[4],
            };
            prop_assert_eq!(BucketRecord::decode(&record.encode()).unwrap(), record);
            prop_assert_eq!(key_decode(&key(Bucket(b))).unwrap(), Bucket(b));
            let _ = (BucketRecord::decode(&bytes), key_decode(&bytes));
        }
    }
}
