//! What differs between two versions, by entity and lineage.

use std::collections::BTreeMap;

use codegraph::VersionId;
use codegraph::identity::{EntityId, EntityKind};
use codegraph::lineage::{LineageEdge, LineageKind};
use codegraph::version::VersionRecord;

use super::names::{after, before, named_in};
use super::{HistoryFault, Named, Shelf, differences};

/// An entity that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In the old version.
    pub old: Option<Named>,
    /// In the new version.
    pub new: Option<Named>,
    /// What became of it; none: it was added or removed.
    pub kinds: Vec<LineageKind>,
    /// Of one that was added or removed: what it came from or went into, as lineage says on the way from the old to the
    /// new version.
    pub other: Option<(LineageKind, String)>,
    /// How sure that is, in thousandths: the least sure step on the way.
    pub confidence: u16,
}

/// What differs between two versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Files that differ.
    pub files: usize,
    /// Files that cannot be read in the new version; what is in them is left as it was.
    pub unreadable: Vec<String>,
    /// Files, modules and functions: by path and line in the new version, then those that are gone.
    pub differences: Vec<Difference>,
    /// Whether one version leads to the other, so that lineage is known for each step.
    pub related: bool,
}

/// Compares two versions. Only files that differ are read.
pub fn compare(shelf: &mut Shelf<'_>, old: VersionId, new: VersionId) -> Result<Comparison, HistoryFault> {
    let (old_root, new_root) = (shelf.version(old)?.root, shelf.version(new)?.root);
    let steps = steps(shelf, old, new)?;
    let mut comparison = Comparison {
        related: steps.is_some(),
        ..Comparison::default()
    };
    let steps = steps.unwrap_or_default();
    let (mut were, mut are) = (BTreeMap::new(), BTreeMap::new());
    for change in differences(shelf, old_root, new_root)? {
        comparison.files += 1;
        if let Some(file) = change.new
            && file.readable()
                != Some((
                    file.source,
                    file.readable().map(|(_, ids)| ids).unwrap_or_default(),
                ))
        {
            comparison.unreadable.push(change.path.clone());
        }
        for one in named_in(shelf, &change.path, change.old)? {
            were.insert(one.entity, one);
        }
        for one in named_in(shelf, &change.path, change.new)? {
            are.insert(one.entity, one);
        }
    }
    for (entity, new) in &are {
        let old = were.get(entity);
        let kinds = old.map_or_else(Vec::new, |old| new.since(old));
        let mut difference = Difference {
            old: old.cloned(),
            new: Some(new.clone()),
            kinds,
            other: None,
            confidence: 1000,
        };
        match old {
            Some(_) if difference.kinds.is_empty() => continue,
            Some(_) => difference.confidence = least(&steps, *entity),
            None => add_origin(shelf, &steps, &were, &mut difference, *entity)?,
        }
        comparison.differences.push(difference);
    }
    for (entity, old) in were.iter().filter(|(entity, _)| !are.contains_key(entity)) {
        let mut difference = Difference {
            old: Some(old.clone()),
            new: None,
            kinds: Vec::new(),
            other: None,
            confidence: 1000,
        };
        add_end(shelf, &steps, &are, &mut difference, *entity)?;
        comparison.differences.push(difference);
    }
    comparison.differences.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok(comparison)
}

fn key(difference: &Difference) -> (bool, Option<(&str, u32, EntityKind, &str)>) {
    let named = difference.new.as_ref().or(difference.old.as_ref());
    let named = named.map(|named| (named.path.as_str(), named.line, named.kind, named.name.as_str()));
    (difference.new.is_none(), named)
}

/// The versions behind `old` up to `new`, the newest first; `None` if `old` is not before it.
fn steps(
    shelf: &Shelf<'_>,
    old: VersionId,
    new: VersionId,
) -> Result<Option<Vec<VersionRecord>>, HistoryFault> {
    let mut steps = Vec::new();
    let mut next = Some(new);
    while let Some(id) = next {
        if id == old {
            return Ok(Some(steps));
        }
        let version = shelf.version(id)?;
        next = version.parent;
        steps.push(version);
    }
    Ok(None)
}

/// The least confidence of the steps in which an entity went on.
fn least(steps: &[VersionRecord], entity: EntityId) -> u16 {
    let edges = steps.iter().flat_map(|version| &version.edges);
    let own = edges.filter(|edge| edge.from == entity && edge.to == entity);
    own.map(|edge| edge.confidence).min().unwrap_or(1000)
}

/// Where a new entity came from: the surest of what lineage says of its first step.
fn add_origin(
    shelf: &mut Shelf<'_>,
    steps: &[VersionRecord],
    were: &BTreeMap<EntityId, Named>,
    difference: &mut Difference,
    entity: EntityId,
) -> Result<(), HistoryFault> {
    let to = |edge: &&LineageEdge| edge.to == entity && edge.from != entity;
    for version in steps {
        let Some(edge) = version.edges.iter().filter(to).max_by_key(|edge| edge.confidence) else {
            continue;
        };
        let name = match were.get(&edge.from) {
            Some(old) => Some(old.name.clone()),
            None => before(shelf, version, edge.from)?.map(|old| old.name),
        };
        difference.other = Some((edge.kind, name.unwrap_or_default()));
        difference.confidence = edge.confidence;
    }
    Ok(())
}

/// Where an entity that is gone went.
fn add_end(
    shelf: &mut Shelf<'_>,
    steps: &[VersionRecord],
    are: &BTreeMap<EntityId, Named>,
    difference: &mut Difference,
    entity: EntityId,
) -> Result<(), HistoryFault> {
    let ends = |edge: &&LineageEdge| {
        let went = matches!(
            edge.kind,
            LineageKind::Inlined | LineageKind::Split | LineageKind::Merged
        );
        edge.from == entity && edge.to != entity && went
    };
    for version in steps {
        let Some(edge) = version
            .edges
            .iter()
            .filter(ends)
            .max_by_key(|edge| edge.confidence)
        else {
            continue;
        };
        let name = match are.get(&edge.to) {
            Some(new) => Some(new.name.clone()),
            None => after(shelf, version, edge.to)?.map(|new| new.name),
        };
        difference.other = Some((edge.kind, name.unwrap_or_default()));
        difference.confidence = edge.confidence;
        break;
    }
    Ok(())
}
