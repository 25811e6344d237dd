//! Family `nodes`: names of the node incarnations that frames name in their dictionaries.

use crate::bytes::{Put, Reader};
use crate::damage::Damage;
use event::{Bucket, NodeInfo, NodeKey};

/// Name of the family.
pub(crate) const FAMILY: &str = "nodes";

/// Value of the family: the node, and the latest bucket that opened while it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeRecord {
    pub(crate) last_bucket: Bucket,
    pub(crate) node: NodeInfo,
}

pub(crate) fn key(node: NodeKey) -> [u8; 8] {
    node.0.to_be_bytes()
}

impl NodeRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.node.name.len());
        out.u32_be(self.last_bucket.0);
        out.u64_be(self.node.key.0);
        out.u32_be(self.node.creation);
        out.text(&self.node.name);
        out
    }
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut r = Reader::new(FAMILY, bytes);
        let last_bucket = Bucket(r.u32_be()?);
        let node = NodeInfo {
            key: NodeKey(r.u64_be()?),
            creation: r.u32_be()?,
            name: r.text()?.to_owned(),
        };
        r.end()?;
        Ok(Self { last_bucket, node })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any node, any bytes. Guarantee: the node comes back; bytes give a node or an error.
        #[test]
        fn round_trip_and_total(b: u32, k: u64, c: u32, name in "\\PC{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let record = NodeRecord { last_bucket: Bucket(b), node: NodeInfo { key: NodeKey(k), creation: c, name } };
            prop_assert_eq!(NodeRecord::decode(&record.encode()).unwrap(), record);
            let _ = NodeRecord::decode(&bytes);
        }
    }
}
