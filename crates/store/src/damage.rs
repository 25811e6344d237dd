//! A key or value that cannot be read.

use thiserror::Error;

/// A key or value that is not what its family's encoder writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("damaged {family} entry: {what}")]
pub struct Damage {
    /// Key family.
    pub family: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
}
