//! What can go wrong, and whether trying again helps.

use crate::damage::Damage;
use std::path::PathBuf;
use thiserror::Error;

/// What a caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Try again later; nothing was lost.
    Busy,
    /// The request is wrong; trying again does not help.
    Invalid,
    /// The store needs an operator or a restart.
    Fatal,
}

/// Why a store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder cannot be written.
    #[error("data folder {path} cannot be written: {reason}")]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// The operating system's words.
        reason: String,
    },
    /// Another process has it open.
    #[error("data folder {path} is in use by another process")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// No space is left.
    #[error("no space left for data folder {path}")]
    DiskFull {
        /// The folder.
        path: PathBuf,
    },
    /// Written by a later version.
    #[error("data folder {path} has format {found}; this program reads up to {known}")]
    NewerFormat {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// Belongs to another cluster or member.
    #[error("data folder {path} belongs to cluster {cluster:032x} member {member}")]
    OtherOwner {
        /// The folder.
        path: PathBuf,
        /// Its cluster.
        cluster: u128,
        /// Its member.
        member: u64,
    },
    /// What it holds cannot be read.
    #[error("data folder {path} is damaged: {reason}")]
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// Too many bytes wait to be written.
    #[error("{queued_bytes} bytes wait to be written, limit {limit_bytes}")]
    QueueFull {
        /// Waiting.
        queued_bytes: u64,
        /// Bound.
        limit_bytes: u64,
    },
    /// Less than the reserve is free. Nothing was written; writing resumes when space is freed.
    #[error("{free_bytes} bytes free, {needed_bytes} needed")]
    DiskFull {
        /// Free.
        free_bytes: u64,
        /// Needed, the reserve included.
        needed_bytes: u64,
    },
    /// A write or sync failed. Nothing is written any more until restart.
    #[error("writing stopped until restart: {0}")]
    Poisoned(String),
    /// The store is shutting down.
    #[error("store is shut down")]
    ShutDown,
    /// What was read is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// RocksDB could not read.
    #[error("read failed: {0}")]
    Read(String),
}

impl StoreError {
    /// What to do about it.
    pub fn class(&self) -> Class {
        match self {
            Self::QueueFull { .. } | Self::DiskFull { .. } | Self::ShutDown => Class::Busy,
            Self::Poisoned(_) | Self::Damaged(_) | Self::Read(_) => Class::Fatal,
        }
    }
}

impl From<rocksdb::Error> for StoreError {
    fn from(e: rocksdb::Error) -> Self {
        Self::Read(e.into_string())
    }
}
