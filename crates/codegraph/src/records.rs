//! What is kept of code between runs: small values under keys that say what they are of, in families. A record is named
//! by the content that it was made of, so it is written once and never changes, whichever files, versions and machines
//! it serves; only [`Family::Head`] is overwritten. `docs/code-graph/store.md` lists keys and values.
//!
//! This is the seam between the code graph and its database: `store` implements it on RocksDB, [`Memory`] here for what
//! is thrown away afterwards.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

/// Which kind of record. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// Of a source: what its tree's shape is, and the line of each node.
    Place = 1,
    /// Of a tree's shape: what it defines, what others can read of it, local facts.
    Local = 2,
    /// Of a tree's shape: what was read of other files when it was linked.
    Reads = 3,
    /// Of a tree's shape and what was read: its calls and OTP facts.
    Link = 4,
    /// Source texts, by their hash.
    Source = 5,
    /// Folders of a version: names, and what they lead to.
    Tree = 6,
    /// Entity ids and nids of a file.
    Identities = 7,
    /// Versions: their root, parents, lineage.
    Version = 8,
    /// What was last seen: working trees, branches. Overwritten.
    Head = 9,
    /// Facts of compiled modules, by module version.
    Compiled = 10,
}

impl Family {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Place,
        Self::Local,
        Self::Reads,
        Self::Link,
        Self::Source,
        Self::Tree,
        Self::Identities,
        Self::Version,
        Self::Head,
        Self::Compiled,
    ];

    /// The name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Place => "places",
            Self::Local => "local facts",
            Self::Reads => "reads",
            Self::Link => "link facts",
            Self::Source => "sources",
            Self::Tree => "folders",
            Self::Identities => "identities",
            Self::Version => "versions",
            Self::Head => "heads",
            Self::Compiled => "compiled modules",
        }
    }
}

/// The database cannot answer: what it says, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("code store: {0}")]
pub struct RecordsFault(pub String);

/// One change of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This key has this value from now on.
    Put(Family, Vec<u8>, Vec<u8>),
    /// This key has none.
    Remove(Family, Vec<u8>),
}

/// Keys and values.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Where records are kept. Calls may block on a disk.
pub trait Records: Send + Sync {
    /// The values of some keys, in their order.
    fn get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, RecordsFault>;

    /// Makes all of the changes or none; they are on disk when it returns.
    fn write(&self, changes: Vec<Change>) -> Result<(), RecordsFault>;

    /// At most `limit` records behind `after` (all from the first if `None`), ascending by key.
    fn scan(&self, family: Family, after: Option<&[u8]>, limit: usize) -> Result<Pairs, RecordsFault>;

    /// Whether writes go anywhere: a database that another process has open is read only.
    fn is_writable(&self) -> bool;

    /// One value.
    fn one(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, RecordsFault> {
        let found = self.get(family, &[key.to_vec()])?;
        Ok(found.into_iter().next().flatten())
    }
}

type Kept = BTreeMap<(Family, Vec<u8>), Vec<u8>>;

/// Records that go with the process.
#[derive(Debug, Default)]
pub struct Memory {
    records: RwLock<Kept>,
}

impl Memory {
    /// Keys and values in bytes, all families together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        records
            .iter()
            .map(|((_, key), value)| key.len() + value.len())
            .sum()
    }
}

impl Records for Memory {
    fn get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, RecordsFault> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        Ok(keys
            .iter()
            .map(|key| records.get(&(family, key.clone())).cloned())
            .collect())
    }

    fn write(&self, changes: Vec<Change>) -> Result<(), RecordsFault> {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            match change {
                Change::Put(family, key, value) => records.insert((family, key), value),
                Change::Remove(family, key) => records.remove(&(family, key)),
            };
        }
        Ok(())
    }

    fn scan(&self, family: Family, after: Option<&[u8]>, limit: usize) -> Result<Pairs, RecordsFault> {
        let records = self.records.read().unwrap_or_else(PoisonError::into_inner);
        let from = match after {
            Some(key) => Bound::Excluded((family, key.to_vec())),
            None => Bound::Included((family, Vec::new())),
        };
        Ok(records
            .range((from, Bound::Unbounded))
            .take_while(|((of, _), _)| *of == family)
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn is_writable(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: records of two families, one overwritten, one removed. Guarantee: each is found in its family alone,
    /// and scans go on behind a key.
    #[test]
    fn records_are_found_by_family_and_key() {
        let memory = Memory::default();
        let put = |family, key: &str, value: &str| Change::Put(family, key.into(), value.into());
        memory
            .write(vec![
                put(Family::Head, "a", "1"),
                put(Family::Head, "b", "2"),
                put(Family::Version, "a", "3"),
                put(Family::Head, "a", "4"),
            ])
            .unwrap();
        assert_eq!(memory.one(Family::Head, b"a").unwrap(), Some(b"4".to_vec()));
        assert_eq!(memory.one(Family::Version, b"b").unwrap(), None);
        let all = memory.scan(Family::Head, None, 10).unwrap();
        assert_eq!(all.len(), 2);
        let rest = memory.scan(Family::Head, Some(b"a"), 10).unwrap();
        assert_eq!(rest, vec![(b"b".to_vec(), b"2".to_vec())]);
        memory
            .write(vec![Change::Remove(Family::Head, b"b".to_vec())])
            .unwrap();
        assert_eq!(memory.scan(Family::Head, Some(b"a"), 10).unwrap(), vec![]);
    }
}
