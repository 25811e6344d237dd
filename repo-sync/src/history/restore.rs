//! What comes back: a file that has a text again that it had at the same path in an earlier version of the line gets
//! the ids of then. So a revert is one: functions, and the nodes in them, are who they were.
//!
//! An id is in one place of a version. If any id of a text that comes back went elsewhere in the meantime and is there
//! still, nothing of the commit is restored, and ids are handed on as always.

use std::collections::{BTreeMap, HashSet};

use codegraph::SourceHash;
use codegraph::VersionId;
use codegraph::identity::{EntityId, Identities, Nid};
use codegraph::lineage::{Evidence, LineageEdge, LineageKind};
use codegraph::records::Family;
use codegraph::version::{Ids, RecordId};

use super::names::named;
use super::{HistoryFault, Line, Named, Parsed, differences, file_at, files};

/// Most versions that are looked back.
const BACK_MAX: usize = 1000;

/// A text that a file had before.
#[derive(Debug)]
pub(super) struct Earlier {
    version: VersionId,
    pub(super) ids: RecordId,
}

/// When this file last had this text, if it did on this line.
pub(super) fn find(
    line: &mut Line<'_, '_>,
    path: &str,
    source: SourceHash,
) -> Result<Option<Earlier>, HistoryFault> {
    // A text that no version of any file had is not in the store.
    if line.tip.is_none() || line.shelf.records().one(Family::Source, &source.0)?.is_none() {
        return Ok(None);
    }
    let mut next = line.tip();
    for _ in 0..BACK_MAX {
        let Some(version) = next else { break };
        let record = line.shelf.version(version)?;
        next = record.parent;
        let file = file_at(line.shelf, record.root, path)?;
        if let Some(file) = file.filter(|file| file.source == source)
            && let Ids::Read(ids) = file.ids
        {
            return Ok(Some(Earlier { version, ids }));
        }
    }
    Ok(None)
}

/// Ids of a text that comes back, with the next numbers of nodes beyond all that were given since.
pub(super) fn ids(line: &mut Line<'_, '_>, earlier: &Earlier) -> Result<Identities, HistoryFault> {
    let mut ids = Identities::clone(&*line.shelf.ids(earlier.ids)?);
    let mut newest: BTreeMap<EntityId, u32> = owned(&ids).into_iter().collect();
    let mut next = line.tip();
    while let Some(version) = next.filter(|version| *version != earlier.version) {
        let record = line.shelf.version(version)?;
        next = record.parent;
        let Some(parent) = next else { break };
        let before = line.shelf.version(parent)?.root;
        for change in differences(line.shelf, before, record.root)? {
            let Some((_, of)) = change.new.and_then(|file| file.readable()) else {
                continue;
            };
            for (entity, number) in owned(&*line.shelf.ids(of)?) {
                if let Some(known) = newest.get_mut(&entity) {
                    *known = number.max(*known);
                }
            }
        }
    }
    let all = std::iter::once(&mut ids.file)
        .chain(&mut ids.modules)
        .chain(&mut ids.functions);
    for owned in all {
        owned.next = newest.get(&owned.entity).copied().unwrap_or(owned.next);
    }
    Ok(ids)
}

fn owned(ids: &Identities) -> Vec<(EntityId, u32)> {
    let all = std::iter::once(&ids.file)
        .chain(&ids.modules)
        .chain(&ids.functions);
    all.map(|owned| (owned.entity, owned.next)).collect()
}

/// Whether ids that come back are nowhere else: neither in the other changed files nor in those that stay.
pub(super) fn are_free(
    line: &mut Line<'_, '_>,
    back: &[Identities],
    others: &[Identities],
    changed: &HashSet<&str>,
) -> Result<bool, HistoryFault> {
    let mut entities: HashSet<EntityId> = HashSet::new();
    let mut nids: HashSet<Nid> = HashSet::new();
    for ids in back {
        if owned(ids).iter().any(|(entity, _)| !entities.insert(*entity)) {
            return Ok(false);
        }
        nids.extend(ids.nids.iter());
    }
    let clash = |ids: &Identities| {
        owned(ids).iter().any(|(entity, _)| entities.contains(entity))
            || ids.nids.iter().any(|nid| nids.contains(&nid))
    };
    if others.iter().any(clash) {
        return Ok(false);
    }
    let root = line.tip.as_ref().and_then(|(_, version)| version.root);
    for (path, file) in files(line.shelf, root)? {
        if let (false, Some((_, ids))) = (changed.contains(path.as_str()), file.readable())
            && clash(&*line.shelf.ids(ids)?)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What became of what is in a file that comes back: compared with what the changed files had. An edge
/// [`LineageKind::Same`] says that an entity was gone and is back.
pub(super) fn edges(
    old: &BTreeMap<EntityId, Named>,
    path: &str,
    parsed: &Parsed,
    ids: &Identities,
    edges: &mut Vec<LineageEdge>,
) {
    for new in named(path, parsed, ids) {
        let kinds = match old.get(&new.entity) {
            Some(old) => new.since(old),
            None => vec![LineageKind::Same],
        };
        edges.extend(kinds.into_iter().map(|kind| LineageEdge {
            from: new.entity,
            to: new.entity,
            entity: new.kind,
            kind,
            evidence: Evidence::Content,
            confidence: 1000,
        }));
    }
}
