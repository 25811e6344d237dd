//! Lineage edges, from the pairs of units and of nodes.

use std::collections::BTreeMap;

use super::assign::owned;
use super::entities::{Pairs, contents, name, scope};
use super::forest::{Forest, Unit};
use super::nodes::Matching;
use super::{Evidence, LineageEdge, LineageKind};
use crate::identity::{ContentId, EntityId, EntityKind, Identities, Owner};

/// Least part of a new function, in thousandths, that came from another.
const PART_MIN: u32 = 300;
/// Smallest function that counts as a copy of an equal one.
const COPY_NODES_MIN: usize = 16;

pub(super) fn edges(
    matching: &Matching<'_>,
    pairs: &Pairs,
    old_ids: &[Identities],
    new_ids: &[Identities],
) -> Vec<LineageEdge> {
    let mut edges = Vec::new();
    for (unit, what) in matching.new.units.iter().enumerate() {
        let Some(to) = owned(new_ids, *what) else { continue };
        if let Some(old) = pairs.old_of(unit as u32) {
            let from = matching
                .old
                .units
                .get(old as usize)
                .and_then(|old| owned(old_ids, *old));
            if let Some(from) = from {
                went_on(
                    matching,
                    pairs,
                    old,
                    unit as u32,
                    (from.entity, to.entity),
                    &mut edges,
                );
            }
        }
        if matches!(what.owner, Owner::Function(_)) {
            parts(matching, pairs, old_ids, unit as u32, to.entity, &mut edges);
        }
    }
    copies(matching, pairs, old_ids, new_ids, &mut edges);
    edges.sort_unstable();
    edges.dedup();
    edges
}

fn entity_kind(owner: Owner) -> EntityKind {
    match owner {
        Owner::File => EntityKind::File,
        Owner::Module(_) => EntityKind::Module,
        Owner::Function(_) => EntityKind::Function,
    }
}

/// Edges of a unit that is paired: one for each thing that happened to it.
fn went_on(
    matching: &Matching<'_>,
    pairs: &Pairs,
    old: u32,
    new: u32,
    (from, to): (EntityId, EntityId),
    edges: &mut Vec<LineageEdge>,
) {
    let (forest_old, forest_new) = (&matching.old, &matching.new);
    let (Some(a), Some(b)) = (
        forest_old.units.get(old as usize).copied(),
        forest_new.units.get(new as usize).copied(),
    ) else {
        return;
    };
    let mut kinds = Vec::new();
    let (renamed, moved) = match b.owner {
        Owner::File => (false, path(forest_old, a) != path(forest_new, b)),
        Owner::Module(_) => (
            module_name(pairs, a, true) != module_name(pairs, b, false),
            pairs.new_of(forest_old.unit(a.file, Owner::File)) != Some(forest_new.unit(b.file, Owner::File)),
        ),
        Owner::Function(_) => (
            name(forest_old, old) != name(forest_new, new),
            scope(forest_old, old as usize).and_then(|scope| pairs.new_of(scope))
                != scope(forest_new, new as usize),
        ),
    };
    if moved {
        kinds.push(LineageKind::Moved);
    }
    if renamed {
        kinds.push(LineageKind::Renamed);
    }
    let content = |ids: Option<crate::identity::BothIds>| match b.owner {
        // The name is part of `exact`: a function that is only renamed is not edited.
        Owner::Function(_) if renamed => ids.map(|ids| ids.alpha),
        _ if renamed => ids.map(|ids| ids.alpha),
        _ => ids.map(|ids| ids.exact),
    };
    if content(contents(forest_old, a)) != content(contents(forest_new, b)) {
        kinds.push(LineageKind::Edited);
    }
    if kinds.is_empty() {
        kinds.push(LineageKind::Same);
    }
    let (evidence, confidence) = pairs
        .why
        .get(new as usize)
        .copied()
        .unwrap_or((Evidence::Name, 0));
    for kind in kinds {
        edges.push(LineageEdge {
            from,
            to,
            entity: entity_kind(b.owner),
            kind,
            evidence,
            confidence,
        });
    }
}

fn path<'a>(forest: &Forest<'a>, unit: Unit) -> Option<&'a str> {
    forest.files.get(unit.file as usize).map(|file| file.path)
}

fn module_name(pairs: &Pairs, unit: Unit, is_old: bool) -> Option<&str> {
    let names = if is_old {
        &pairs.old_names
    } else {
        &pairs.new_names
    };
    let names = names.get(unit.file as usize)?;
    match unit.owner {
        Owner::Module(index) => names.modules.get(index as usize).map(String::as_str),
        _ => None,
    }
}

/// Edges of a function that took nodes of others.
fn parts(
    matching: &Matching<'_>,
    pairs: &Pairs,
    old_ids: &[Identities],
    unit: u32,
    to: EntityId,
    edges: &mut Vec<LineageEdge>,
) {
    let mut mass: BTreeMap<u32, u32> = BTreeMap::new();
    let members = matching.new.members(unit);
    for node in members {
        if let Some(old) = matching.new.partner(*node) {
            *mass.entry(matching.old.unit_at(old)).or_default() += 1;
        }
    }
    let own = pairs.old_of(unit);
    let is_function = |old: u32| {
        let what = matching.old.units.get(old as usize);
        what.is_some_and(|what| matches!(what.owner, Owner::Function(_)))
    };
    let share = |part: u32, of: usize| (1000 * u64::from(part) / (of as u64).max(1)) as u32;
    let gone: Vec<u32> = mass
        .keys()
        .copied()
        .filter(|old| is_function(*old) && pairs.new_of(*old).is_none())
        .collect();
    for (old, nodes) in &mass {
        if Some(*old) == own || !is_function(*old) {
            continue;
        }
        let of_old = share(*nodes, matching.old.members(*old).len());
        let of_new = share(*nodes, members.len());
        let alive = pairs.new_of(*old).is_some();
        let (kind, confidence) = match (alive, own.is_some()) {
            (true, false) if of_new >= PART_MIN => (LineageKind::Extracted, of_new),
            (false, true) if of_old >= PART_MIN => (LineageKind::Inlined, of_old),
            (false, false) if gone.len() > 1 && of_old >= PART_MIN => (LineageKind::Merged, of_old),
            (false, false) if of_new >= PART_MIN => (LineageKind::Split, of_new),
            _ => continue,
        };
        let from = matching
            .old
            .units
            .get(*old as usize)
            .and_then(|old| owned(old_ids, *old));
        edges.extend(from.map(|from| LineageEdge {
            from: from.entity,
            to,
            entity: EntityKind::Function,
            kind,
            evidence: Evidence::Nodes,
            confidence: confidence.min(1000) as u16,
        }));
    }
}

/// New functions that say what an old one said that goes on.
fn copies(
    matching: &Matching<'_>,
    pairs: &Pairs,
    old_ids: &[Identities],
    new_ids: &[Identities],
    edges: &mut Vec<LineageEdge>,
) {
    let mut known: BTreeMap<ContentId, u32> = BTreeMap::new();
    for (unit, what) in matching.old.units.iter().enumerate() {
        let large = matching.old.members(unit as u32).len() >= COPY_NODES_MIN;
        if matches!(what.owner, Owner::Function(_))
            && large
            && let Some(ids) = contents(&matching.old, *what)
        {
            known.entry(ids.alpha).or_insert(unit as u32);
        }
    }
    for (unit, what) in matching.new.units.iter().enumerate() {
        if !matches!(what.owner, Owner::Function(_)) || pairs.old_of(unit as u32).is_some() {
            continue;
        }
        let old = contents(&matching.new, *what).and_then(|ids| known.get(&ids.alpha));
        let from = old
            .and_then(|old| matching.old.units.get(*old as usize))
            .and_then(|old| owned(old_ids, *old));
        if let (Some(from), Some(to)) = (from, owned(new_ids, *what)) {
            edges.push(LineageEdge {
                from: from.entity,
                to: to.entity,
                entity: EntityKind::Function,
                kind: LineageKind::Copied,
                evidence: Evidence::Alpha,
                confidence: 1000,
            });
        }
    }
}
