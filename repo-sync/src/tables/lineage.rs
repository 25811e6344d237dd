//! Rows of lineage: what became of the entities of the version before.

use std::collections::BTreeSet;

use codegraph::identity::{EntityId, EntityKind};
use codegraph::lineage::{Evidence, LineageKind};
use tables::rows::Lineage;
use tables::{Folder, TablesFault, Word};

use super::file::OneFile;
use crate::history::KeptIds;

/// Files, modules and functions of the tables: what lineage speaks of.
#[derive(Debug, Default)]
pub(super) struct Named(BTreeSet<EntityId>);

impl Named {
    /// Those of a file.
    pub(super) fn add(&mut self, file: &OneFile<'_>) {
        let owned = file.ids.modules.iter().chain(&file.ids.functions);
        self.0.extend(owned.map(|owned| owned.entity));
        self.0.insert(file.ids.file.entity);
    }
}

/// The rows of a project that is a version: of the step that led to it. What went to where the tables do not look
/// (tests, if they are not in them) is left out.
pub(super) fn write(
    kept: &KeptIds,
    version: &str,
    named: &Named,
    to: &mut Folder,
) -> Result<(), TablesFault> {
    let Some(parent) = kept.record.parent.filter(|_| kept.is_exact) else {
        return Ok(());
    };
    let parent = parent.to_string();
    let mut edges: Vec<_> = kept
        .record
        .edges
        .iter()
        .filter(|edge| named.0.contains(&edge.to))
        .collect();
    // Of one thing that two reasons speak for, the surer one.
    edges.sort_by_key(|edge| (edge.from, edge.to, edge.kind, std::cmp::Reverse(edge.confidence)));
    edges.dedup_by_key(|edge| (edge.from, edge.to, edge.kind));
    for edge in edges {
        to.add(&Lineage {
            version: Word(version),
            from_version: Word(&parent),
            from_entity: &edge.from.to_string(),
            to_entity: &edge.to.to_string(),
            entity_kind: Word(match edge.entity {
                EntityKind::File => "file",
                EntityKind::Module => "module",
                _ => "function",
            }),
            kind: Word(kind(edge.kind)),
            evidence: Word(evidence(edge.evidence)),
            confidence: f64::from(edge.confidence) / 1000.0,
        })?;
    }
    Ok(())
}

fn kind(kind: LineageKind) -> &'static str {
    match kind {
        LineageKind::Same => "same",
        LineageKind::Edited => "edited",
        LineageKind::Renamed => "renamed",
        LineageKind::Moved => "moved",
        LineageKind::Copied => "copied",
        LineageKind::Extracted => "extracted",
        LineageKind::Inlined => "inlined",
        LineageKind::Split => "split",
        LineageKind::Merged => "merged",
    }
}

fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Name => "name",
        Evidence::Content => "content",
        Evidence::Alpha => "alpha",
        Evidence::Similar => "similar",
        Evidence::Members => "members",
        Evidence::Nodes => "nodes",
    }
}
