//! What a member keeps of itself: the map that it has adopted, and the marker that says that this disk is the one on which its promises
//! were made (`docs/replication.md`, "What is durable when").

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use crate::error::StoreError;
use crate::meta::{FAMILY, KEY_MAP, KEY_MARKER};
use crate::store::Store;
use rocksdb::WriteBatch;

/// Whose disk this is, and since which of the member's beginnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The cluster's random id.
    pub cluster: u128,
    /// The member's id.
    pub member: u64,
    /// Drawn when the marker was written: another disk of the same member has another one.
    pub incarnation: u64,
}

impl Marker {
    fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        out.u128_be(self.cluster);
        out.u64_be(self.member);
        out.u64_be(self.incarnation);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(FAMILY, bytes);
        let marker = Self {
            cluster: r.u128_be()?,
            member: r.u64_be()?,
            incarnation: r.u64_be()?,
        };
        r.end()?;
        Ok(marker)
    }
}

impl Store {
    /// The marker on this disk; none: it was never marked, or lost what it held.
    pub fn marker(&self) -> Result<Option<Marker>, StoreError> {
        let bytes = self.shared.db.get(FAMILY, KEY_MARKER)?;
        Ok(bytes.map(|bytes| Marker::decode(&bytes)).transpose()?)
    }

    /// Marks the disk, synced before it returns. It is marked once: what is said is what is on it now, the marker given or the one that was there.
    pub fn mark(&self, marker: Marker) -> Result<Marker, StoreError> {
        let _one_at_a_time = self.shared.upkeep.lock();
        if let Some(found) = self.marker()? {
            return Ok(found);
        }
        self.keep(KEY_MARKER, &marker.encode())?;
        Ok(marker)
    }

    /// The replication map that was kept last, as it was given.
    pub fn kept_map(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.shared.db.get(FAMILY, KEY_MAP)?)
    }

    /// Keeps a replication map in place of the one before, synced before it returns. Its bytes are the caller's. Waits for the disk: not for
    /// the async threads.
    pub fn keep_map(&self, bytes: &[u8]) -> Result<(), StoreError> {
        self.keep(KEY_MAP, bytes)
    }

    fn keep(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(self.shared.db.family(FAMILY), key, value);
        self.shared.stage_hints(&mut batch);
        self.shared.write(batch, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any marker, any bytes. Guarantee: the marker comes back; bytes give a value or an error.
        #[test]
        fn round_trip_and_total(cluster: u128, member: u64, incarnation: u64, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let marker = Marker { cluster, member, incarnation };
            prop_assert_eq!(Marker::decode(&marker.encode()).unwrap(), marker);
            let _ = Marker::decode(&bytes);
        }
    }
}
