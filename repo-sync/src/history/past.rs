//! What became of a function or module: back from a version along its parents, through renames and moves.

use codegraph::VersionId;
use codegraph::identity::EntityId;
use codegraph::lineage::{Evidence, LineageEdge, LineageKind};
use codegraph::version::{CommitId, VersionRecord};

use super::names::{after, before, has, named_in};
use super::{HistoryFault, Named, Shelf, file_at};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It is in the first version of the store, or came to be by nothing that was there.
    Added,
    /// It was gone, and is back.
    Restored,
    /// It went on: edited, renamed, moved.
    Became(LineageKind, Evidence, u16),
    /// Its file is at another path.
    File {
        /// The path before.
        from: String,
    },
    /// It is new, and came from another: copied, extracted, split, merged.
    From(LineageKind, u16, String),
    /// It is gone there, or was copied or taken apart: the other one.
    Into(LineageKind, u16, String),
}

/// A version in which something happened to an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The version.
    pub version: VersionId,
    /// Its commit, if it is one.
    pub commit: Option<CommitId>,
    /// When its author wrote it, in seconds since 1970.
    pub time_s: i64,
    /// The first line of its message.
    pub subject: String,
    /// What happened.
    pub what: Vec<What>,
    /// What it was called since, and where.
    pub named: Named,
}

/// All that happened to an entity that a version has, the newest first.
pub fn past(shelf: &mut Shelf<'_>, version: VersionId, entity: &Named) -> Result<Vec<Moment>, HistoryFault> {
    let mut moments = Vec::new();
    let mut named = entity.clone();
    let mut next = Some(version);
    while let Some(id) = next {
        let version = shelf.version(id)?;
        next = version.parent;
        let found = step(shelf, &version, &named)?;
        if !found.what.is_empty() {
            moments.push(Moment {
                version: id,
                commit: version.commit,
                time_s: version.time_s,
                subject: version.subject,
                what: found.what,
                named: named.clone(),
            });
        }
        match found.before {
            Before::Unchanged => {}
            Before::Named(old) => named = *old,
            Before::Gone => match earlier(shelf, next, named.entity)? {
                Some((at, old)) => (next, named) = (Some(at), old),
                None => break,
            },
            Before::Nothing => break,
        }
    }
    Ok(moments)
}

enum Before {
    Unchanged,
    Named(Box<Named>),
    /// It was there before the version before.
    Gone,
    Nothing,
}

struct Found {
    what: Vec<What>,
    before: Before,
}

fn step(shelf: &mut Shelf<'_>, version: &VersionRecord, named: &Named) -> Result<Found, HistoryFault> {
    let entity = named.entity;
    let mut what = others(shelf, version, entity)?;
    let Some(parent) = version.parent else {
        what.push(What::Added);
        return Ok(Found {
            what,
            before: Before::Nothing,
        });
    };
    let old_root = shelf.version(parent)?.root;
    let was = file_at(shelf, old_root, &named.path)?.and_then(|file| file.readable());
    let is = file_at(shelf, version.root, &named.path)?.and_then(|file| file.readable());
    if was == is {
        return Ok(Found {
            what,
            before: Before::Unchanged,
        });
    }
    for edge in own(version, entity) {
        what.push(What::Became(edge.kind, edge.evidence, edge.confidence));
    }
    let here = match was {
        Some((_, ids)) if has(&*shelf.ids(ids)?, entity) => {
            let file = file_at(shelf, old_root, &named.path)?;
            named_in(shelf, &named.path, file)?
                .into_iter()
                .find(|one| one.entity == entity)
        }
        _ => before(shelf, version, entity)?,
    };
    let Some(old) = here else {
        let restored = version
            .edges
            .iter()
            .any(|edge| edge.from == entity && edge.to == entity && edge.kind == LineageKind::Same);
        if restored {
            what.push(What::Restored);
            return Ok(Found {
                what,
                before: Before::Gone,
            });
        }
        if !what.iter().any(|what| matches!(what, What::From(..))) {
            what.push(What::Added);
        }
        return Ok(Found {
            what,
            before: Before::Nothing,
        });
    };
    if old.path != named.path {
        what.push(What::File {
            from: old.path.clone(),
        });
    }
    Ok(Found {
        what,
        before: Before::Named(Box::new(old)),
    })
}

fn own(version: &VersionRecord, entity: EntityId) -> impl Iterator<Item = &LineageEdge> {
    let own = move |edge: &&LineageEdge| edge.from == entity && edge.to == entity;
    version
        .edges
        .iter()
        .filter(own)
        .filter(|edge| edge.kind != LineageKind::Same)
}

/// Edges that lead to or from other entities.
fn others(
    shelf: &mut Shelf<'_>,
    version: &VersionRecord,
    entity: EntityId,
) -> Result<Vec<What>, HistoryFault> {
    let mut what = Vec::new();
    for edge in version.edges.iter().filter(|edge| edge.from != edge.to) {
        if edge.to == entity {
            let name = before(shelf, version, edge.from)?.map(|one| one.name);
            what.push(What::From(edge.kind, edge.confidence, name.unwrap_or_default()));
        } else if edge.from == entity {
            let name = after(shelf, version, edge.to)?.map(|one| one.name);
            what.push(What::Into(edge.kind, edge.confidence, name.unwrap_or_default()));
        }
    }
    Ok(what)
}

/// The newest version before one, and what it called an entity that went after it.
fn earlier(
    shelf: &mut Shelf<'_>,
    from: Option<VersionId>,
    entity: EntityId,
) -> Result<Option<(VersionId, Named)>, HistoryFault> {
    let mut next = from;
    while let Some(id) = next {
        let version = shelf.version(id)?;
        next = version.parent;
        if let (Some(parent), Some(found)) = (next, before(shelf, &version, entity)?) {
            return Ok(Some((parent, found)));
        }
    }
    Ok(None)
}
