//! Why a log operation failed.

/// Why a log operation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The append does not continue the log.
    #[error("append at index {got} leaves a hole or overwrites: the next index is {expected}")]
    NotNext {
        /// The next index of the log.
        expected: u64,
        /// The first index of the append.
        got: u64,
    },
    /// A value is too large.
    #[error("value of {got} bytes exceeds the limit of {limit}", limit = super::VALUE_BYTES_MAX)]
    TooLarge {
        /// Its size.
        got: usize,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] rocksdb::Error),
    /// An earlier write failed; nothing is written any more.
    #[error("writes are stopped since an earlier one failed: {0}")]
    Stopped(String),
    /// A stored key has the wrong shape.
    #[error("log key of {0} bytes, expected 8")]
    BadKey(usize),
}
