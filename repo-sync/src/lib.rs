//! repo-sync.
