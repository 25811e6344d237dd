//! Ids of the new version: inherited by what is paired, minted for what is new.

use std::collections::HashMap;

use super::entities::Pairs;
use super::forest::Unit;
use super::nodes::Matching;
use crate::identity::{Born, EntityId, EntityKind, Identities, Nid, Owned, Owner, owners};

pub(super) fn identities(
    matching: &Matching<'_>,
    pairs: &Pairs,
    ids: &[Identities],
    born: &mut Born,
) -> Vec<Identities> {
    let old_parts = old_parts(matching, ids);
    let files = matching.new.files.iter().enumerate();
    files
        .map(|(index, _)| {
            let mut file = units(matching, pairs, ids, born, index as u32);
            parts(matching, pairs, &old_parts, born, index as u32, &mut file);
            nodes(matching, ids, index as u32, &mut file);
            file
        })
        .collect()
}

/// Files, modules, functions.
fn units(
    matching: &Matching<'_>,
    pairs: &Pairs,
    ids: &[Identities],
    born: &mut Born,
    index: u32,
) -> Identities {
    let mut file = Identities::default();
    let Some(source) = matching.new.files.get(index as usize) else {
        return file;
    };
    let names = pairs.new_names.get(index as usize);
    let mut id = |owner: Owner, kind: EntityKind, name: &str| {
        let unit = matching.new.unit(index, owner);
        let old = pairs
            .old_of(unit)
            .and_then(|old| matching.old.units.get(old as usize));
        old.and_then(|old| owned(ids, *old)).unwrap_or_else(|| Owned {
            entity: born.mint(kind, name),
            next: 0,
        })
    };
    file.file = id(Owner::File, EntityKind::File, source.path);
    for (module, name) in names
        .into_iter()
        .flat_map(|names| names.modules.iter().enumerate())
    {
        file.modules
            .push(id(Owner::Module(module as u32), EntityKind::Module, name));
    }
    for (function, name) in names
        .into_iter()
        .flat_map(|names| names.functions.iter().enumerate())
    {
        file.functions
            .push(id(Owner::Function(function as u32), EntityKind::Function, name));
    }
    file
}

/// The ids of an old unit.
pub(super) fn owned(ids: &[Identities], unit: Unit) -> Option<Owned> {
    let file = ids.get(unit.file as usize)?;
    match unit.owner {
        Owner::File => Some(file.file),
        Owner::Module(index) => file.modules.get(index as usize).copied(),
        Owner::Function(index) => file.functions.get(index as usize).copied(),
    }
}

/// Clauses and attributes: the same if their topmost node is.
fn parts(
    matching: &Matching<'_>,
    pairs: &Pairs,
    old_parts: &HashMap<u32, EntityId>,
    born: &mut Born,
    index: u32,
    file: &mut Identities,
) {
    let (Some(source), Some(names)) = (
        matching.new.files.get(index as usize),
        pairs.new_names.get(index as usize),
    ) else {
        return;
    };
    let clauses = source.outline.clauses.iter().zip(&names.clauses);
    for (clause, name) in clauses {
        let number = matching.new.number(index, clause.node);
        let old = matching
            .new
            .partner(number)
            .and_then(|old| old_parts.get(&old).copied());
        file.clauses
            .push(old.unwrap_or_else(|| born.mint(EntityKind::Clause, name)));
    }
    let attributes = source.outline.attributes.iter().zip(&names.attributes);
    for (attribute, (kind, name)) in attributes {
        let number = matching.new.number(index, attribute.node);
        let old = matching
            .new
            .partner(number)
            .and_then(|old| old_parts.get(&old).copied());
        file.attributes
            .push(old.unwrap_or_else(|| born.mint(*kind, name)));
    }
}

/// The ids of the old clauses and attributes, by the number of their topmost node.
fn old_parts(matching: &Matching<'_>, ids: &[Identities]) -> HashMap<u32, EntityId> {
    let mut parts = HashMap::new();
    for (index, (source, ids)) in matching.old.files.iter().zip(ids).enumerate() {
        let number = |node| matching.old.number(index as u32, node);
        let clauses = source.outline.clauses.iter().zip(&ids.clauses);
        parts.extend(clauses.map(|(clause, id)| (number(clause.node), *id)));
        let attributes = source.outline.attributes.iter().zip(&ids.attributes);
        parts.extend(attributes.map(|(attribute, id)| (number(attribute.node), *id)));
    }
    parts
}

fn nodes(matching: &Matching<'_>, ids: &[Identities], index: u32, file: &mut Identities) {
    let Some(source) = matching.new.files.get(index as usize) else {
        return;
    };
    let mut nids: Vec<Nid> = Vec::with_capacity(source.tree.nodes().len());
    for (node, owner) in owners(source.tree, source.outline).into_iter().enumerate() {
        let number = matching.new.number(index, crate::quoted::NodeId::new(node));
        let old = matching
            .new
            .partner(number)
            .and_then(|old| matching.old.local(old));
        let old = old.and_then(|(file, node)| ids.get(file as usize)?.nids.get(node.index()));
        nids.push(old.unwrap_or_else(|| file.owner(owner).bear()));
    }
    file.nids = nids.into_iter().collect();
}
