//! The name of a stored frame.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use event::{Bucket, Epoch, Hlc, Producer, Seq, Shard};

/// Length of the encoded key.
pub(crate) const FRAME_KEY_BYTES: usize = 4 + 8 + 16 + 8 + 1 + 2 + 8;

/// Names one stored frame. The last three fields are those of the first section that was new when it was stored: a batch is
/// new once only, so no two frames share a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FrameKey {
    /// Slice of time.
    pub(crate) bucket: Bucket,
    /// The producer's time when it cut the frame.
    pub(crate) hlc: Hlc,
    /// Who cut it.
    pub(crate) producer: Producer,
    /// In which life.
    pub(crate) epoch: Epoch,
    /// Is the first new section a gap?
    pub(crate) gap: bool,
    /// Shard of the first new section.
    pub(crate) shard: Shard,
    /// Its number.
    pub(crate) seq: Seq,
}

impl FrameKey {
    /// Bucket-major, then by time: the order of the `frames` family.
    pub(crate) fn by_time(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FRAME_KEY_BYTES);
        out.u32_be(self.bucket.0);
        out.u64_be(self.hlc.0);
        out.u128_be(self.producer.0);
        out.u64_be(self.epoch.0);
        self.tail(&mut out);
        out
    }

    /// Bucket-major, then by producer: the order of the `batches` family.
    pub(crate) fn by_producer(&self) -> Vec<u8> {
        let mut out = Self::producer_prefix(self.bucket, self.producer, self.epoch);
        out.u64_be(self.hlc.0);
        self.tail(&mut out);
        out
    }

    /// What the `batches` keys of one producer's life in one bucket begin with.
    pub(crate) fn producer_prefix(bucket: Bucket, producer: Producer, epoch: Epoch) -> Vec<u8> {
        let mut out = Vec::with_capacity(FRAME_KEY_BYTES);
        out.u32_be(bucket.0);
        out.u128_be(producer.0);
        out.u64_be(epoch.0);
        out
    }

    fn tail(&self, out: &mut Vec<u8>) {
        out.u8(u8::from(self.gap));
        out.u16_be(self.shard.0);
        out.u64_be(self.seq.0);
    }

    pub(crate) fn read_by_producer(r: &mut Reader<'_>) -> Result<Self, Damage> {
        let bucket = Bucket(r.u32_be()?);
        let producer = Producer(r.u128_be()?);
        let epoch = Epoch(r.u64_be()?);
        let hlc = Hlc(r.u64_be()?);
        Self::read_tail(
            r,
            Self {
                bucket,
                hlc,
                producer,
                epoch,
                gap: false,
                shard: Shard(0),
                seq: Seq(0),
            },
        )
    }

    fn read_tail(r: &mut Reader<'_>, head: Self) -> Result<Self, Damage> {
        let gap = match r.u8()? {
            0 => false,
            1 => true,
            _ => return Err(r.damage("gap flag is neither 0 nor 1")),
        };
        Ok(Self {
            gap,
            shard: Shard(r.u16_be()?),
            seq: Seq(r.u64_be()?),
            ..head
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn any_frame_key() -> impl Strategy<Value = FrameKey> {
        (any::<(u32, u64, u128, u64)>(), any::<(bool, u16, u64)>()).prop_map(|((b, h, p, e), (gap, s, q))| {
            FrameKey {
                bucket: Bucket(b),
                hlc: Hlc(h),
                producer: Producer(p),
                epoch: Epoch(e),
                gap,
                shard: Shard(s),
                seq: Seq(q),
            }
        })
    }

    proptest! {
        /// Scenario: any two keys. Guarantee: the form by producer comes back; the bytes' order is the fields' order.
        #[test]
        fn round_trip_and_order(a in any_frame_key(), b in any_frame_key()) {
            let (ta, tb) = (a.by_time(), b.by_time());
            prop_assert_eq!(ta.len(), FRAME_KEY_BYTES);
            prop_assert_eq!(ta.cmp(&tb), a.cmp(&b));
            let pa = a.by_producer();
            prop_assert!(pa.starts_with(&FrameKey::producer_prefix(a.bucket, a.producer, a.epoch)));
            prop_assert_eq!(FrameKey::read_by_producer(&mut Reader::new("t", &pa)).unwrap(), a);
        }

        /// Scenario: any bytes. Guarantee: a key or an error, never a panic.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = FrameKey::read_by_producer(&mut Reader::new("t", &bytes));
        }
    }
}
