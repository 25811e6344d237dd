//! What the agent must know of the cluster to cut batches; kept on disk, so that a restarted agent needs no collector.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::Path;

use wire::control::HelloOk;

const FILE: &str = "cluster";

/// Settings of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) id: u128,
    pub(crate) shards: NonZeroU16,
    pub(crate) bucket_seconds: NonZeroU32,
}

impl Cluster {
    /// From a collector; `None` if it says nonsense.
    pub(crate) fn of(hello: &HelloOk) -> Option<Self> {
        Some(Self {
            id: hello.cluster,
            shards: NonZeroU16::new(hello.shards)?,
            bucket_seconds: NonZeroU32::new(hello.bucket_seconds)?,
        })
    }

    /// As kept; a damaged file is as none.
    pub(crate) fn load(dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(dir.join(FILE)).ok()?;
        let mut words = text.split_whitespace();
        let id = u128::from_str_radix(words.next()?, 16).ok()?;
        let found = Self {
            id,
            shards: words.next()?.parse().ok()?,
            bucket_seconds: words.next()?.parse().ok()?,
        };
        (words.next()? == found.check()).then_some(found)
    }

    /// Keeps it.
    pub(crate) fn store(&self, dir: &Path) -> std::io::Result<()> {
        crate::spool::write_file(
            dir,
            &dir.join(FILE),
            format!("{} {}\n", self.content(), self.check()).as_bytes(),
        )
    }

    fn content(&self) -> String {
        format!("{:032x} {} {}", self.id, self.shards, self.bucket_seconds)
    }
    fn check(&self) -> String {
        format!("{:08x}", crc32fast::hash(self.content().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: kept settings are loaded; damaged ones are not.
    #[test]
    fn kept() {
        let dir = tempfile::tempdir().unwrap();
        let cluster = Cluster {
            id: 7,
            shards: NonZeroU16::new(64).unwrap(),
            bucket_seconds: NonZeroU32::new(600).unwrap(),
        };
        assert_eq!(Cluster::load(dir.path()), None);
        cluster.store(dir.path()).unwrap();
        assert_eq!(Cluster::load(dir.path()), Some(cluster));
        let text = std::fs::read_to_string(dir.path().join(FILE))
            .unwrap()
            .replace("64", "63");
        std::fs::write(dir.path().join(FILE), text).unwrap();
        assert_eq!(Cluster::load(dir.path()), None);
    }
}
