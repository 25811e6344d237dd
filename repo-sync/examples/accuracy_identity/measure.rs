//! How many nids a refactoring keeps.

use codegraph::identity::{Born, Identities, RepositoryId};
use codegraph::lineage::{Succession, succeed};
use codegraph::{ContentHash, VersionId};
use repo_sync::lower::Lowerer;

use crate::edit::Edited;
use crate::mutate::Refactoring;
use crate::source::{Dice, Source};

/// Counts over many refactorings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    /// Files refactored.
    pub(crate) files: usize,
    /// Nodes of the touched functions that still exist.
    pub(crate) nodes: usize,
    /// Of these, that have the nid that they had.
    pub(crate) kept: usize,
    /// Refactored texts that are no Elixir any more, left out.
    pub(crate) unreadable: usize,
    /// The seeds of the worst, with their parts.
    pub(crate) worst: Vec<(f64, String, u64)>,
}

impl Count {
    /// The part that is kept.
    pub(crate) fn part(&self) -> f64 {
        self.kept as f64 / self.nodes.max(1) as f64
    }
}

/// Mints for a version.
pub(crate) fn born(version: u8) -> Born {
    Born::new(RepositoryId([1; 16]), VersionId(ContentHash([version; 32])))
}

/// The ids of a first version, and what becomes of them in the second.
pub(crate) fn versions(old: &[&Source], new: &[&Source]) -> (Vec<Identities>, Succession) {
    let mut first = born(1);
    let ids: Vec<Identities> = old
        .iter()
        .map(|file| Identities::new(&mut first, &file.path, &file.tree, &file.outline))
        .collect();
    let old: Vec<_> = old.iter().map(|file| file.file()).collect();
    let new: Vec<_> = new.iter().map(|file| file.file()).collect();
    let succession = succeed(&old, &ids, &new, &mut born(2));
    (ids, succession)
}

/// Refactors a file once and counts.
pub(crate) fn measure(
    source: &Source,
    kind: Refactoring,
    seed: u64,
    lowerer: &mut Lowerer,
    count: &mut Count,
) {
    let mut dice = Dice(seed);
    let Some(edits) = kind.edits(source, &mut dice) else {
        return;
    };
    let edited = Edited::new(&source.text, edits);
    let path = match kind {
        Refactoring::MoveFile => format!("moved/{}", source.path),
        _ => source.path.clone(),
    };
    let Some(new) = Source::read(lowerer, &path, edited.text.clone()) else {
        count.unreadable += 1;
        return;
    };
    let (ids, succession) = versions(&[source], &[&new]);
    let Some(after) = succession.identities.first() else {
        return;
    };
    // The nodes of functions that were touched; of all if none was (reordered, moved).
    let whole = matches!(
        kind,
        Refactoring::Reformat
            | Refactoring::Comment
            | Refactoring::Reorder
            | Refactoring::MoveFile
            | Refactoring::RenameModule
    );
    let tree = &source.tree;
    let touched: Vec<_> = source
        .outline
        .clauses
        .iter()
        .filter(|clause| {
            let node = tree.node(clause.node);
            let overlaps = |edit: &std::ops::Range<usize>| {
                (node.start as usize) < edit.end && edit.start < node.end as usize
            };
            edited.touched.iter().any(overlaps)
        })
        .map(|clause| tree.subtree(clause.node))
        .collect();
    let (mut nodes, mut kept) = (0, 0);
    for (old, new) in edited.truth(tree, &new.tree) {
        if whole || touched.iter().any(|range| range.contains(&old)) {
            nodes += 1;
            kept += usize::from(ids[0].nids.get(old) == after.nids.get(new));
        }
    }
    count.files += 1;
    count.nodes += nodes;
    count.kept += kept;
    if kept < nodes {
        count
            .worst
            .push((kept as f64 / nodes as f64, source.path.clone(), seed));
        count.worst.sort_by(|a, b| a.0.total_cmp(&b.0));
        count.worst.truncate(5);
    }
}
