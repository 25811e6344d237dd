//! What became of each piece of code from one version to the next: ids are handed on, and lineage says how.
//!
//! Deterministic: the result is a function of the two versions (ties fall to what comes first), the same on every
//! machine. Budgeted: equal parts are found by hashing in linear time; only what is left is compared, pairwise only in
//! small groups.
//!
//! The order, each step taking what the one before left (`docs/code-graph/identity.md`): same path and content; same
//! module, name and arity; equal content elsewhere; equal alpha id; alike (Dice's coefficient of at least 1/2, candidates
//! by MinHash). Then the nodes in each pair, as GumTree does (Falleri et al., ASE 2014): largest equal subtrees,
//! containers, and what stands at the same place; then equal parts across functions (extracted, inlined, split, merged).

mod align;
mod alike;
mod assign;
mod containers;
mod edges;
mod entities;
mod forest;
mod nodes;
mod rest;
#[cfg(test)]
mod tests;

use crate::definitions::Outline;
use crate::identity::{Born, Contents, EntityId, EntityKind, Identities};
use crate::quoted::Quoted;

/// One file of a version.
#[derive(Clone, Copy, Debug)]
pub struct SourceFile<'a> {
    /// Its path in the repository.
    pub path: &'a str,
    /// Its quoted form.
    pub tree: &'a Quoted,
    /// What it defines.
    pub outline: &'a Outline,
    /// What that says.
    pub contents: &'a Contents,
}

/// What happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LineageKind {
    /// Nothing.
    Same = 1,
    /// Its content is another.
    Edited = 2,
    /// Its name or arity is another.
    Renamed = 3,
    /// It is in another module (a module: in another file; a file: at another path).
    Moved = 4,
    /// It was there and still is; the new one says the same.
    Copied = 5,
    /// A part of it became the new one; it goes on.
    Extracted = 6,
    /// Its content went into the new one, which was there before; it is gone.
    Inlined = 7,
    /// It is gone; the new one took a part of it.
    Split = 8,
    /// It is gone; the new one took it and others.
    Merged = 9,
}

/// Why an edge is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Evidence {
    /// The same qualified name.
    Name = 1,
    /// The same content id.
    Content = 2,
    /// The same alpha content id.
    Alpha = 3,
    /// Alike.
    Similar = 4,
    /// Most of its members went there.
    Members = 5,
    /// Nodes of the one are in the other.
    Nodes = 6,
}

/// One entity came from another (or from itself).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineageEdge {
    /// Of the old version.
    pub from: EntityId,
    /// Of the new version. Equal to `from` unless the thing is a new one.
    pub to: EntityId,
    /// What kind of thing.
    pub entity: EntityKind,
    /// What happened.
    pub kind: LineageKind,
    /// Why.
    pub evidence: Evidence,
    /// How sure, in thousandths: of equal names and contents 1000; else the share of nodes that went along.
    pub confidence: u16,
}

/// What [`succeed`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Succession {
    /// The ids of each new file, beside the new files.
    pub identities: Vec<Identities>,
    /// Edges of modules, functions and files, sorted.
    pub edges: Vec<LineageEdge>,
}

/// Hands the ids of the old files on to the new ones. Only files that differ (changed, new, deleted, moved) need be
/// given; files that are equal at the same path keep their ids as they are. `born` mints what is new; both lists are
/// sorted by path. Old files without ids (a list too short) have none to hand on.
#[must_use]
pub fn succeed(
    old: &[SourceFile<'_>],
    ids: &[Identities],
    new: &[SourceFile<'_>],
    born: &mut Born,
) -> Succession {
    let mut matching = nodes::Matching::new(old, new);
    let pairs = entities::Pairs::find(&matching);
    matching.run(&pairs);
    let identities = assign::identities(&matching, &pairs, ids, born);
    let edges = edges::edges(&matching, &pairs, ids, &identities);
    Succession { identities, edges }
}
