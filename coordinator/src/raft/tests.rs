//! openraft's own conformance suite for stores, on our RocksDB-backed one.

use openraft::testing::{StoreBuilder, Suite};
use store::raft_log::RaftLog;

use super::log_store::LogStore;
use super::machine::Machine;
use super::{StorageError, TypeConfig};
use crate::metrics::Metrics;

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, Machine, tempfile::TempDir> for Builder {
    async fn build(&self) -> Result<(tempfile::TempDir, LogStore, Machine), StorageError> {
        let dir = tempfile::tempdir().unwrap();
        let log = RaftLog::open(dir.path()).unwrap();
        let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
        let (machine, _) = Machine::open(log.clone(), metrics, crate::state::Format::NEWEST).unwrap();
        Ok((dir, LogStore::new(log), machine))
    }
}

/// Guarantee: the store keeps every promise that openraft needs.
#[test]
fn the_conformance_suite_passes() {
    Suite::test_all(Builder).unwrap();
}
