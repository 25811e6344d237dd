//! Clones.

pub(crate) mod minhash;
