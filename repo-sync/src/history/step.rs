//! From one version to the next: which files can be read, who inherits which ids, what is kept of that.

use std::collections::BTreeMap;
use std::sync::Arc;

use codegraph::identity::{Born, EntityId, Identities};
use codegraph::lineage::{LineageEdge, LineageKind, SourceFile, succeed};
use codegraph::records::Family;
use codegraph::version::{FileRecord, Ids, RecordId};
use codegraph::{SourceHash, VersionId};

use super::line::Writing;
use super::names::named;
use super::{HistoryFault, Line, Named, Parsed, restore};
use crate::git::Content;

/// A file that differs from the version before.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) path: String,
    pub(super) was: Option<FileRecord>,
    pub(super) content: Option<Content>,
}

/// Files by path, with what they are from now on.
pub(super) type Settled = Vec<(String, Option<FileRecord>)>;

/// Ids of each new file, and what became of the entities.
type HandedOn = (Vec<Identities>, Vec<LineageEdge>);

/// An old side: the newest text of a file that could be read.
struct Old {
    path: String,
    source: SourceHash,
    ids: RecordId,
    parsed: Arc<Parsed>,
}

/// A new side.
struct New {
    path: String,
    source: SourceHash,
    parsed: Arc<Parsed>,
    /// The text and ids that it replaces at its path.
    was: Option<(SourceHash, RecordId)>,
}

/// Hands ids on to the changed files, has them and their texts written, and says what the files are from now on and
/// what became of the entities.
pub(super) fn hand_on(
    line: &mut Line<'_, '_>,
    id: VersionId,
    files: Vec<Changed>,
    writing: &mut Writing,
) -> Result<(Settled, Vec<LineageEdge>), HistoryFault> {
    let mut born = Born::new(line.repository, id);
    let mut settled = Settled::new();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for file in files {
        let was = file.was.and_then(|was| was.readable());
        let before = match was {
            Some((source, ids)) => Some(Old {
                path: file.path.clone(),
                source,
                ids,
                parsed: line.shelf.parsed(source)?,
            }),
            None => None,
        };
        let Some(content) = file.content else {
            old.extend(before);
            settled.push((file.path, None));
            continue;
        };
        let parsed = match content.bytes {
            Some(bytes) => {
                keep_text(line, writing, content.hash, &bytes, before.as_ref())?;
                line.shelf.parse(content.hash, bytes)
            }
            None => None,
        };
        // A text with syntax errors hides what it defines: ids wait for one without, if there was one before.
        let worse = |parsed: &Arc<Parsed>| {
            let sound_before = before.as_ref().is_some_and(|old| old.parsed.errors == 0);
            parsed.errors > 0 && sound_before
        };
        let Some(parsed) = parsed.filter(|parsed| !worse(parsed)) else {
            let ids = was.map_or(Ids::Unread, |(source, ids)| Ids::Stale(source, ids));
            let source = content.hash;
            settled.push((file.path, Some(FileRecord { source, ids })));
            continue;
        };
        let next = New {
            path: file.path,
            source: content.hash,
            parsed,
            was,
        };
        if line.tip.is_none() {
            // All is new: one file after another, so that no more than one is in memory.
            let ids = Identities::new(&mut born, &next.path, &next.parsed.tree, &next.parsed.outline);
            settle(line, writing, &mut settled, &next, ids)?;
        } else {
            old.extend(before);
            new.push(next);
        }
    }
    let mut edges = Vec::new();
    if !old.is_empty() || !new.is_empty() {
        edges = inherit(line, writing, &mut settled, id, &old, &new)?;
    }
    settled.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((settled, edges))
}

fn inherit(
    line: &mut Line<'_, '_>,
    writing: &mut Writing,
    settled: &mut Settled,
    id: VersionId,
    old: &[Old],
    new: &[New],
) -> Result<Vec<LineageEdge>, HistoryFault> {
    let old_ids = old
        .iter()
        .map(|old| line.shelf.ids(old.ids).map(|ids| Identities::clone(&ids)))
        .collect::<Result<Vec<_>, _>>()?;
    let back = returned(line, Born::new(line.repository, id), settled, old, &old_ids, new)?;
    let (ids, mut edges) = back.unwrap_or_else(|| {
        let old_files: Vec<SourceFile<'_>> = old.iter().map(|old| old.parsed.at(&old.path)).collect();
        let new_files: Vec<SourceFile<'_>> = new.iter().map(|new| new.parsed.at(&new.path)).collect();
        let mut born = Born::new(line.repository, id);
        let succession = succeed(&old_files, &old_ids, &new_files, &mut born);
        let mut edges = succession.edges;
        edges.retain(|edge| edge.kind != LineageKind::Same);
        (succession.identities, edges)
    });
    for (next, ids) in new.iter().zip(ids) {
        settle(line, writing, settled, next, ids)?;
    }
    edges.sort_unstable();
    edges.dedup();
    Ok(edges)
}

/// The ids if some of the files have texts again that they had before; `None` if there are none, or not all of them can
/// have their ids back.
fn returned(
    line: &mut Line<'_, '_>,
    mut born: Born,
    settled: &Settled,
    old: &[Old],
    old_ids: &[Identities],
    new: &[New],
) -> Result<Option<HandedOn>, HistoryFault> {
    let mut back = Vec::new();
    for new in new {
        let earlier = restore::find(line, &new.path, new.source)?;
        back.push(match earlier {
            Some(earlier) => Some(restore::ids(line, &earlier)?),
            None => None,
        });
    }
    let (restored, others): (Vec<_>, Vec<_>) = new.iter().zip(&back).partition(|(_, ids)| ids.is_some());
    if restored.is_empty() {
        return Ok(None);
    }
    let old_files: Vec<SourceFile<'_>> = old.iter().map(|old| old.parsed.at(&old.path)).collect();
    let new_files: Vec<SourceFile<'_>> = others.iter().map(|(new, _)| new.parsed.at(&new.path)).collect();
    let succession = succeed(&old_files, old_ids, &new_files, &mut born);
    let of_back: Vec<Identities> = restored.iter().filter_map(|(_, ids)| (*ids).clone()).collect();
    let changed = old.iter().map(|old| old.path.as_str());
    let changed = changed.chain(new.iter().map(|new| new.path.as_str()));
    // Files that cannot be read now keep their ids: they are among those that stay.
    let gone = settled.iter().filter(|(_, file)| file.is_none());
    let changed = changed.chain(gone.map(|(path, _)| path.as_str())).collect();
    if !restore::are_free(line, &of_back, &succession.identities, &changed)? {
        return Ok(None);
    }
    let were: BTreeMap<EntityId, Named> = old
        .iter()
        .zip(old_ids)
        .flat_map(|(old, ids)| named(&old.path, &old.parsed, ids))
        .map(|one| (one.entity, one))
        .collect();
    let mut edges = succession.edges;
    edges.retain(|edge| edge.kind != LineageKind::Same);
    for ((new, _), ids) in restored.iter().zip(&of_back) {
        restore::edges(&were, &new.path, &new.parsed, ids, &mut edges);
    }
    let mut handed_on = succession.identities.into_iter();
    let ids = back
        .into_iter()
        .map(|ids| ids.or_else(|| handed_on.next()).unwrap_or_default());
    Ok(Some((ids.collect(), edges)))
}

/// Keeps a file's ids.
fn settle(
    line: &mut Line<'_, '_>,
    writing: &mut Writing,
    settled: &mut Settled,
    next: &New,
    ids: Identities,
) -> Result<(), HistoryFault> {
    let bytes = ids.encode();
    let id = RecordId::of(&bytes);
    let base = match next.was {
        Some((_, was)) => Some((was, line.shelf.ids(was)?.encode())),
        None => None,
    };
    let base = base
        .as_ref()
        .map(|(was, bytes)| (was.0.as_slice(), bytes.as_slice()));
    line.keep(writing, Family::Identities, &id.0, bytes, base)?;
    line.shelf.keep_ids(id, ids);
    let file = FileRecord {
        source: next.source,
        ids: Ids::Read(id),
    };
    settled.push((next.path.clone(), Some(file)));
    Ok(())
}

fn keep_text(
    line: &Line<'_, '_>,
    writing: &mut Writing,
    source: SourceHash,
    bytes: &[u8],
    before: Option<&Old>,
) -> Result<(), HistoryFault> {
    let base = before.map(|old| (old.source.0.as_slice(), old.parsed.text.as_bytes()));
    line.keep(writing, Family::Source, &source.0, bytes.to_vec(), base)
}
