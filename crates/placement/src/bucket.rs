//! Slices of time.

use event::{Bucket, Hlc, Micros};
use std::num::NonZeroU32;

const US_PER_SECOND: u64 = 1_000_000;

/// Bucket of a time: HLC seconds since 2020 divided by the bucket's length in seconds.
pub fn bucket_of(hlc: Hlc, bucket_seconds: NonZeroU32) -> Bucket {
    Bucket((hlc.micros().0 / US_PER_SECOND / u64::from(bucket_seconds.get())) as u32)
}

/// First microsecond of a bucket.
pub fn bucket_start(bucket: Bucket, bucket_seconds: NonZeroU32) -> Micros {
    Micros(u64::from(bucket.0) * u64::from(bucket_seconds.get()) * US_PER_SECOND)
}

/// First microsecond after a bucket.
pub fn bucket_end(bucket: Bucket, bucket_seconds: NonZeroU32) -> Micros {
    Micros(
        (u64::from(bucket.0) + 1)
            .saturating_mul(u64::from(bucket_seconds.get()))
            .saturating_mul(US_PER_SECOND),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any time and bucket length. Guarantee: the time lies in its bucket.
        #[test]
        fn a_time_lies_in_its_bucket(us in 0..(1u64 << 49), seconds in 1..100_000u32) {
            let s = NonZeroU32::new(seconds).unwrap();
            let b = bucket_of(Hlc::from_micros(Micros(us)), s);
            prop_assert!(bucket_start(b, s).0 <= us && us < bucket_end(b, s).0);
        }
    }
}
