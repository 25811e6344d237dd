//! Site tables and sources as the coordinator holds them, for [`query::CodeIndex`].

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use codegraph::{ContentHash, Manifest, SourceHash};
use coordinator::Coordinator;
use event::ModuleKey;
use tokio::runtime::Handle;

/// Most files whose place is remembered; beyond it files of further versions are not found (about 100 bytes each).
const FILES_MAX: usize = 2_000_000;

/// Reads the coordinator's blobs. Its calls block: use it from blocking threads only.
pub(crate) struct CoordinatorBlobs {
    coordinator: Coordinator,
    runtime: Handle,
    files: Mutex<Files>,
}

/// Where the source and the document of a file are, for all published versions read so far.
#[derive(Default)]
struct Files {
    read: HashSet<ContentHash>,
    blobs: HashMap<SourceHash, (ContentHash, ContentHash)>,
}

impl CoordinatorBlobs {
    /// Over `coordinator`; `runtime` is the one that drives it.
    pub(crate) fn new(coordinator: Coordinator, runtime: Handle) -> Self {
        Self {
            coordinator,
            runtime,
            files: Mutex::default(),
        }
    }

    fn blob(&self, hash: ContentHash) -> Option<Vec<u8>> {
        match self.runtime.block_on(self.coordinator.get_blob(hash)) {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(%hash, %error, "a blob cannot be read");
                None
            }
        }
    }

    /// Finds a file in the published versions, reading the manifests that were not read yet.
    fn find(&self, source: SourceHash) -> Option<(ContentHash, ContentHash)> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = files.blobs.get(&source) {
            return Some(*found);
        }
        let state = self.coordinator.watch();
        for version in state.versions.keys() {
            if files.read.contains(version) || files.blobs.len() >= FILES_MAX {
                continue;
            }
            let Some(manifest) = self
                .blob(*version)
                .and_then(|bytes| Manifest::decode(&bytes).ok())
            else {
                continue;
            };
            for file in manifest.files() {
                files.blobs.insert(file.source, (file.source_blob, file.document));
            }
            files.read.insert(*version);
        }
        files.blobs.get(&source).copied()
    }

    /// A published source file by its SHA-256.
    pub(crate) fn source(&self, source: SourceHash) -> Option<Vec<u8>> {
        self.blob(self.find(source)?.0)
    }
}

impl query::CodeBlobs for CoordinatorBlobs {
    fn site_table(&self, module: ModuleKey) -> Option<Vec<u8>> {
        let blob = self.coordinator.watch().site_table(module)?.blob;
        self.blob(blob)
    }

    fn module_keys(&self) -> Vec<ModuleKey> {
        self.coordinator.watch().site_tables.keys().copied().collect()
    }

    fn file(&self, source: SourceHash) -> Option<(Vec<u8>, Vec<u8>)> {
        let (source, document) = self.find(source)?;
        Some((self.blob(source)?, self.blob(document)?))
    }
}
