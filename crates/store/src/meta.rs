//! Family `meta`: what the whole store says of itself. Few keys, each a name.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use event::{Bucket, Hlc};

/// Name of the family.
pub(crate) const FAMILY: &str = "meta";
/// The latest format that this program reads and writes. 4: runs of events are by shard, then by trace.
pub const FORMAT: u32 = 4;
/// What it writes at least, reading everything older.
pub const FORMAT_LEAST: u32 = 3;

/// u32: the format of all families.
pub(crate) const KEY_FORMAT: &[u8] = b"format";
/// u128 cluster, u64 member: whose store this is.
pub(crate) const KEY_OWNER: &[u8] = b"owner";
/// u64: no HLC of this member's earlier lives is greater.
pub(crate) const KEY_HLC_BOUND: &[u8] = b"hlc_bound";
/// u32: buckets before this one are dropped.
pub(crate) const KEY_FLOOR: &[u8] = b"floor";

/// The replication map that this member has adopted, as it was given.
pub(crate) const KEY_MAP: &[u8] = b"map";
/// u128 cluster, u64 member, u64 incarnation: on which disk the member's promises are (`replicas/marker.rs`).
pub(crate) const KEY_MARKER: &[u8] = b"marker";

/// Cluster and member that a store belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The cluster's random id.
    pub cluster: u128,
    /// The member's id, never reused.
    pub member: u64,
}

impl Owner {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(24);
        out.u128_be(self.cluster);
        out.u64_be(self.member);
        out
    }
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(FAMILY, bytes);
        let owner = Self {
            cluster: r.u128_be()?,
            member: r.u64_be()?,
        };
        r.end()?;
        Ok(owner)
    }
}

pub(crate) fn format_decode(bytes: &[u8]) -> Result<u32, Damage> {
    let mut r = Reader::new(FAMILY, bytes);
    let n = r.u32_be()?;
    r.end()?;
    Ok(n)
}

pub(crate) fn hlc_decode(bytes: &[u8]) -> Result<Hlc, Damage> {
    let mut r = Reader::new(FAMILY, bytes);
    let n = r.u64_be()?;
    r.end()?;
    Ok(Hlc(n))
}

pub(crate) fn floor_decode(bytes: &[u8]) -> Result<Bucket, Damage> {
    format_decode(bytes).map(Bucket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any owner, any bytes. Guarantee: the owner comes back; bytes give a value or an error.
        #[test]
        fn round_trip_and_total(cluster: u128, member: u64, bytes in prop::collection::vec(any::<u8>(), 0..30)) {
            let owner = Owner { cluster, member };
            prop_assert_eq!(Owner::decode(&owner.encode()).unwrap(), owner);
            let _ = (Owner::decode(&bytes), format_decode(&bytes), hlc_decode(&bytes), floor_decode(&bytes));
        }
    }
}
