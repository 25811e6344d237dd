//! Identity of code across versions: four ids, never one.
//!
//! 1. [`ContentId`]: what a definition says. Equal code has equal ids, on every machine and in every version.
//! 2. [`EntityId`]: a named thing (file, module, function, clause, attribute). Minted once, kept through rename and move.
//! 3. [`Nid`]: one syntax node: the entity that it was born in, and a number that is never used again there.
//! 4. The occurrence (version, file, bytes) is no id: it is read off the tree, node by node, with [`Identities::nids`].
//!
//! Nothing here compares versions: [`crate::lineage`] does, and hands the ids on.

mod alpha;
mod content;
mod entity;
mod nid;
mod node_hash;
mod serial;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use alpha::Locals;
pub use content::{BothIds, ContentId, Contents};
pub use entity::{EntityId, EntityKind, RepositoryId, mint};
pub use nid::{Nid, Nids, Owned};
pub use node_hash::NodeHashes;
pub(crate) use node_hash::{mix, symbol_hashes};
pub use state::{Born, Identities, QualifiedNames, qualified_names};
pub(crate) use state::{Owner, owners};
