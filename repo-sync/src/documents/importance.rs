//! How much leads to a definition, from 0 to 1.

use std::collections::BTreeMap;

use crate::project::CodeProject;

/// `PageRank` of modules and functions by their id, as a place between the least and the greatest on a logarithmic scale.
#[must_use]
pub fn importance(project: &CodeProject) -> BTreeMap<String, f32> {
    let ranks = project.ranks();
    let own = ranks
        .iter()
        .zip(0u32..)
        .filter(|(_, node)| project.place(*node).is_some());
    let own: Vec<(f64, u32)> = own
        .map(|(rank, node)| (rank.max(f64::MIN_POSITIVE).ln(), node))
        .collect();
    let least = own.iter().map(|(rank, _)| *rank).fold(f64::INFINITY, f64::min);
    let most = own
        .iter()
        .map(|(rank, _)| *rank)
        .fold(f64::NEG_INFINITY, f64::max);
    let span = most - least;
    let place = |rank: f64| if span > 0.0 { (rank - least) / span } else { 0.0 };
    own.into_iter()
        .map(|(rank, node)| (project.text(node), place(rank) as f32))
        .collect()
}
