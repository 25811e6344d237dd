//! Entity ids: names for named things that outlive their names.

use std::fmt;

use crate::VersionId;

/// Which repository: entities of different ones never meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryId(pub [u8; 16]);

/// What kind of thing an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum EntityKind {
    /// The whole repository.
    Project = 1,
    /// A source file: owns what stands outside of modules. Qualified name: its path.
    File = 2,
    /// A module, protocol or implementation.
    Module = 3,
    /// A function, macro, guard or delegate.
    Function = 4,
    /// A clause of a function.
    Clause = 5,
    /// A module attribute other than the following.
    Attribute = 6,
    /// `@type`, `@typep`, `@opaque`.
    Type = 7,
    /// `@callback`, `@macrocallback`.
    Callback = 8,
}

/// A named thing, under whatever name. 128 bits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId(pub [u8; 16]);

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntityId({self})")
    }
}

/// The id of a thing that is new in a version: 128 bits of BLAKE3 over repository, version, kind, ordinal and qualified
/// name, so that all machines that see the same versions mint the same ids. `ordinal` counts things of equal kind and
/// name that are new in the same version, in the order of paths and of places in the file.
#[must_use]
pub fn mint(
    repository: RepositoryId,
    birth: VersionId,
    kind: EntityKind,
    qualified_name: &str,
    ordinal: u32,
) -> EntityId {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"codegraph entity 1\0");
    hasher.update(&repository.0);
    hasher.update(&birth.0.0);
    hasher.update(&[kind as u8]);
    hasher.update(&ordinal.to_le_bytes());
    hasher.update(qualified_name.as_bytes());
    EntityId(
        hasher
            .finalize()
            .as_bytes()
            .first_chunk::<16>()
            .copied()
            .unwrap_or_default(),
    )
}
