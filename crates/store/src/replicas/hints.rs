//! Family `hints`: what members that were away have missed, kept for them. Key: target u64, then the section's name; value: the rest
//! of the section. What a hint costs is a key and a value in a commit that is written anyway.

use super::HeldSection;
use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::error::StoreError;
use crate::state::Shared;
use crate::store::Store;
use event::{Bucket, Epoch, Producer, Seq, Shard};
use parking_lot::Mutex;
use rocksdb::WriteBatch;
use std::collections::BTreeMap;

/// Name of the family.
pub(crate) const FAMILY: &str = "hints";

/// Names a hint: for whom, and which section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HintKey {
    /// Id of the member that missed it.
    pub target: u64,
    /// Who cut it.
    pub producer: Producer,
    /// In which of its lives.
    pub epoch: Epoch,
    /// For which shard.
    pub shard: Shard,
    /// Is it a gap?
    pub gap: bool,
    /// Its number; of a gap the first.
    pub first: Seq,
    /// Equal to `first` unless a gap.
    pub last: Seq,
}

/// A hint: this member missed this section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Id of the member that missed it.
    pub target: u64,
    /// What it missed. All fields are kept as they are given.
    pub section: HeldSection,
}

impl Hint {
    /// Its name.
    pub fn key(&self) -> HintKey {
        let s = &self.section;
        HintKey {
            target: self.target,
            producer: s.producer,
            epoch: s.epoch,
            shard: s.shard,
            gap: s.gap,
            first: s.first,
            last: s.last,
        }
    }

    fn value(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16);
        out.u32_be(self.section.bucket.0);
        out.u64_be(self.section.content);
        out.u32_be(self.section.bytes);
        out
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Damage> {
        let key = HintKey::decode(key)?;
        let mut r = Reader::new(FAMILY, value);
        let section = HeldSection {
            producer: key.producer,
            epoch: key.epoch,
            shard: key.shard,
            first: key.first,
            last: key.last,
            gap: key.gap,
            bucket: Bucket(r.u32_be()?),
            content: r.u64_be()?,
            bytes: r.u32_be()?,
        };
        r.end()?;
        let target = key.target;
        Ok(Self { target, section })
    }
}

impl HintKey {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(51);
        out.u64_be(self.target);
        out.u128_be(self.producer.0);
        out.u64_be(self.epoch.0);
        out.u16_be(self.shard.0);
        out.u8(u8::from(self.gap));
        out.u64_be(self.first.0);
        out.u64_be(self.last.0);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(FAMILY, bytes);
        let key = Self {
            target: r.u64_be()?,
            producer: Producer(r.u128_be()?),
            epoch: Epoch(r.u64_be()?),
            shard: Shard(r.u16_be()?),
            gap: match r.u8()? {
                0 => false,
                1 => true,
                _ => return Err(r.damage("gap flag is neither 0 nor 1")),
            },
            first: Seq(r.u64_be()?),
            last: Seq(r.u64_be()?),
        };
        r.end()?;
        Ok(key)
    }
}

/// What waits for the next write: by key a value, or none to delete it. The last word on a key counts.
#[derive(Debug, Default)]
pub(crate) struct WaitingHints(Mutex<BTreeMap<Vec<u8>, Option<Vec<u8>>>>);

impl Shared {
    /// Puts what waits into a batch that is about to be written. True: there was something. If the write fails, nothing is
    /// written any more until restart: then comparing finds what hints would have said.
    pub(crate) fn stage_hints(&self, batch: &mut WriteBatch) -> bool {
        let waiting = std::mem::take(&mut *self.hints.0.lock());
        let family = self.db.family(FAMILY);
        for (key, value) in &waiting {
            match value {
                Some(value) => batch.put_cf(family, key, value),
                None => batch.delete_cf(family, key),
            }
        }
        !waiting.is_empty()
    }

    /// Writes what waits now.
    pub(crate) fn write_hints(&self, sync: bool) -> Result<(), StoreError> {
        self.check_writable()?;
        let mut batch = WriteBatch::default();
        if self.stage_hints(&mut batch) {
            self.write(batch, sync)?;
        }
        Ok(())
    }
}

impl Store {
    /// Keeps a hint: it goes to disk with the next commit, or within the upkeep's interval if there is none. Returns at once.
    pub fn keep_hint(&self, hint: &Hint) {
        let (key, value) = (hint.key().encode(), hint.value());
        self.shared.hints.0.lock().insert(key, Some(value));
    }

    /// Forgets a hint, in the same way. One that comes back after a loss of power is delivered again, which is harmless.
    pub fn drop_hint(&self, key: &HintKey) {
        self.shared.hints.0.lock().insert(key.encode(), None);
    }

    /// Returns when all that was kept and dropped until now is on disk, fsynced.
    pub fn sync_hints(&self) -> Result<(), StoreError> {
        self.shared.write_hints(true)
    }

    /// All hints on disk, by target, then by name: to be loaded at start. What was kept or dropped since the last commit is not in
    /// it. One that cannot be read is left out, and said in the log.
    pub fn hints(&self) -> Result<Vec<Hint>, StoreError> {
        let mut hints = Vec::new();
        for item in self.shared.db.scan(FAMILY, &[]) {
            let (key, value) = item?;
            match Hint::decode(&key, &value) {
                Ok(hint) => hints.push(hint),
                Err(damage) => tracing::error!(%damage, "a hint cannot be read"),
            }
        }
        Ok(hints)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any hint. Guarantee: it comes back.
        #[test]
        fn round_trip(target: u64, p: u128, n: [u64; 4], s: u16, gap: bool, b: [u32; 2]) {
            let section = HeldSection {
                producer: Producer(p), epoch: Epoch(n[0]), shard: Shard(s), first: Seq(n[1]), last: Seq(n[2]),
                gap, bucket: Bucket(b[0]), content: n[3], bytes: b[1],
            };
            let hint = Hint { target, section };
            prop_assert_eq!(Hint::decode(&hint.key().encode(), &hint.value()).unwrap(), hint);
        }

        /// Scenario: any bytes. Guarantee: a hint or an error, never a panic.
        #[test]
        fn total(key in prop::collection::vec(any::<u8>(), 40..60), value in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = Hint::decode(&key, &value);
        }
    }
}
