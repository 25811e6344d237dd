//! Blobs by content hash: site tables, manifests, sources. The name of a blob is the BLAKE3-256 of its bytes.
//!
//! Writing twice is writing once. What is read is hashed again, so that damage is an error and never an answer; writing
//! a damaged blob again repairs it. A put returns after the WAL is fsynced: whoever then names the hash in a replicated
//! command names something that is there. Calls block: keep them off async threads.

use std::path::Path;
use std::sync::Arc;

use codegraph::ContentHash;
use rocksdb::DB;

use crate::raft_log::{OpenError, Shape, base_options, open, synced};

const MARKER: &str = "elixirscope blobs 1";
const WRITE_BUFFER_BYTES: usize = 32 << 20;
/// Values from this size live in blob files, so that compaction does not rewrite them.
const LARGE_VALUE_BYTES: u64 = 4 << 10;

/// Largest blob, in bytes.
pub const BLOB_BYTES_MAX: usize = 16 << 20;

/// Why a blob operation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BlobError {
    /// The bytes are not those that the hash names.
    #[error("blob hashes to {got}, expected {expected}")]
    WrongHash {
        /// The name given.
        expected: ContentHash,
        /// The hash of the bytes.
        got: ContentHash,
    },
    /// The stored bytes are damaged.
    #[error("stored blob {expected} is damaged: its bytes hash to {got}; put it again")]
    Damaged {
        /// The name.
        expected: ContentHash,
        /// The hash of the stored bytes.
        got: ContentHash,
    },
    /// Too large.
    #[error("blob of {got} bytes exceeds the limit of {limit}", limit = BLOB_BYTES_MAX)]
    TooLarge {
        /// Its size in bytes.
        got: usize,
    },
    /// The thread that worked on it ended early.
    #[error("storage task: {0}")]
    Task(String),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] rocksdb::Error),
}

/// The blobs of one member. Clones share them.
#[derive(Clone, Debug)]
pub struct Blobs {
    db: Arc<DB>,
}

impl Blobs {
    /// Opens or creates the blobs in the folder `dir`.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let mut options = base_options(WRITE_BUFFER_BYTES);
        options.set_compression_type(rocksdb::DBCompressionType::Lz4);
        options.set_enable_blob_files(true);
        options.set_min_blob_size(LARGE_VALUE_BYTES);
        options.set_blob_compression_type(rocksdb::DBCompressionType::Lz4);
        let shape = Shape {
            marker: MARKER,
            families: &[],
            options,
        };
        Ok(Self {
            db: Arc::new(open(dir, &shape)?),
        })
    }

    /// Stores bytes under their hash, fsynced, and returns the hash.
    pub fn put(&self, bytes: &[u8]) -> Result<ContentHash, BlobError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge { got: bytes.len() });
        }
        let hash = ContentHash::of(bytes);
        if !matches!(self.get(hash), Ok(Some(_))) {
            self.db.put_opt(key(hash), bytes, &synced())?;
        }
        Ok(hash)
    }

    /// Stores bytes if they hash to `expected`, fsynced.
    pub fn put_as(&self, expected: ContentHash, bytes: &[u8]) -> Result<(), BlobError> {
        let got = ContentHash::of(bytes);
        if got != expected {
            return Err(BlobError::WrongHash { expected, got });
        }
        self.put(bytes).map(|_| ())
    }

    /// The bytes of a hash, checked; `None` if they are not here.
    pub fn get(&self, expected: ContentHash) -> Result<Option<Vec<u8>>, BlobError> {
        let Some(bytes) = self.db.get(key(expected))? else {
            return Ok(None);
        };
        let got = ContentHash::of(&bytes);
        if got != expected {
            return Err(BlobError::Damaged { expected, got });
        }
        Ok(Some(bytes))
    }

    /// Whether a blob of this hash is stored (its bytes are not checked).
    pub fn has(&self, hash: ContentHash) -> Result<bool, BlobError> {
        Ok(self.db.get_pinned(key(hash))?.is_some())
    }
}

/// The key of a blob: `b`, then its hash; the format marker has no such prefix and another length.
fn key(hash: ContentHash) -> [u8; 33] {
    let mut key = [b'b'; 33];
    key[1..].copy_from_slice(&hash.0);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: what is put is got, by hash, also after a reopening; wrong names and damaged bytes are errors.
    #[test]
    fn a_blob_is_what_its_hash_says() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).unwrap();
        let small = blobs.put(b"abc").unwrap();
        let large = blobs.put(&vec![7; 100_000]).unwrap();
        assert_eq!(blobs.put(b"abc").unwrap(), small);
        assert_eq!(small.to_string().parse::<ContentHash>().unwrap(), small);
        assert_eq!(
            small.to_string(),
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        );
        assert!(matches!(
            blobs.put_as(small, b"abd"),
            Err(BlobError::WrongHash { .. })
        ));
        assert!(matches!(
            blobs.put(&vec![0; BLOB_BYTES_MAX + 1]),
            Err(BlobError::TooLarge { .. })
        ));
        assert_eq!(blobs.get(ContentHash::default()).unwrap(), None);
        drop(blobs);

        let blobs = Blobs::open(dir.path()).unwrap();
        assert_eq!(blobs.get(large).unwrap().unwrap(), vec![7; 100_000]);
        blobs.db.put(key(small), b"damaged").unwrap();
        assert!(matches!(blobs.get(small), Err(BlobError::Damaged { .. })));
        blobs.put(b"abc").unwrap();
        assert_eq!(blobs.get(small).unwrap().unwrap(), b"abc");
    }
}
