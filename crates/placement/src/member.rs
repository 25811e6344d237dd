//! Members as placement sees them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A member's id: allocated by the cluster's state, from 1, never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub u64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A member that may hold shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub id: MemberId,
    /// Its failure domain. Members without one (the empty name) count as one domain.
    pub zone: String,
    /// How much it takes, in proportion to the others; 0 takes nothing more and gives away what it has (a drain).
    pub weight: u32,
}
