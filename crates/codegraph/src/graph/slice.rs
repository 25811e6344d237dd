//! Slices: what a value depends on, and what depends on it, through calls and back into the right caller.

use std::collections::{BTreeMap, BTreeSet};

use super::{Budget, Direction, Edge, EdgeKind, Extent, KindSet, Limit, View, Walk};
use crate::fact::Mark;

/// The nodes of a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Ascending, starting points included.
    pub nodes: Vec<u32>,
    /// Whether these are all.
    pub extent: Extent,
}

/// A slice over these kinds: backward, what may have decided what happens at the starting points; forward, what they
/// may decide.
///
/// Two phases (Horwitz, Reps, Binkley 1990, section 4), so that a way that goes into a function from one call does not
/// come out at another: first without descending into callees, whose effect the [`EdgeKind::SUMMARY`] edges tell (see
/// [`summaries`]), then without ascending to callers. Edges of kinds other than [`EdgeKind::ARGUMENT`] and
/// [`EdgeKind::RESULT`] are followed in both phases. The budget holds for each phase.
#[must_use]
pub fn slice(
    view: &(impl View + ?Sized),
    from: &[u32],
    direction: Direction,
    kinds: KindSet,
    budget: Budget,
) -> Slice {
    let (enters, leaves) = match direction {
        Direction::Back => (EdgeKind::RESULT, EdgeKind::ARGUMENT),
        Direction::Out => (EdgeKind::ARGUMENT, EdgeKind::RESULT),
    };
    let walk = |kinds: KindSet| {
        let walk = match direction {
            Direction::Back => Walk::against(kinds),
            Direction::Out => Walk::along(kinds),
        };
        walk.within(budget)
    };
    let first = walk(kinds.without(enters.into())).reach(view, from);
    let level: Vec<u32> = first.nodes.iter().map(|reached| reached.node).collect();
    let second = walk(kinds.without(leaves.into())).reach(view, &level);
    let mut nodes: Vec<u32> = level.into_iter().chain(second.met()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    Slice {
        nodes,
        extent: if first.extent.is_complete() {
            second.extent
        } else {
            first.extent
        },
    }
}

/// The [`EdgeKind::SUMMARY`] edges that follow from the others: from an argument to a result of the same call, if the
/// callee passes on from that parameter to that result. `site` names the call that an argument or a result belongs to.
///
/// Reps, Horwitz, Sagiv and Rosay 1994, figure 3. Time grows with the number of pairs (node, result that it reaches
/// inside its function); `pairs_max` bounds them.
#[must_use]
pub fn summaries(
    view: &(impl View + ?Sized),
    site: impl Fn(u32) -> Option<u32>,
    pairs_max: usize,
) -> (Vec<Edge>, Extent) {
    let inside = [EdgeKind::DATA, EdgeKind::CONTROL];
    let mut known: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    let mut found: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
    let mut work: Vec<(u32, u32)> = Vec::new();
    let mut pairs = 0;
    let mut extent = Extent::Complete;
    let mut put = |known: &mut BTreeMap<u32, BTreeSet<u32>>, work: &mut Vec<_>, node, result| {
        if pairs >= pairs_max {
            extent = Extent::Cut(Limit::Steps);
        } else if known.entry(node).or_default().insert(result) {
            pairs += 1;
            work.push((node, result));
        }
    };
    for node in 0..view.node_count() {
        if !view
            .row(node, EdgeKind::RESULT, Direction::Out)
            .targets
            .is_empty()
        {
            put(&mut known, &mut work, node, node);
        }
    }
    while let Some((node, result)) = work.pop() {
        for argument in view.row(node, EdgeKind::ARGUMENT, Direction::Back).targets {
            for answer in view.row(result, EdgeKind::RESULT, Direction::Out).targets {
                let call = site(*argument);
                if call.is_none() || call != site(*answer) {
                    continue;
                }
                if found.entry(*answer).or_default().insert(*argument) {
                    let onward: Vec<u32> = known.get(answer).into_iter().flatten().copied().collect();
                    for result in onward {
                        put(&mut known, &mut work, *argument, result);
                    }
                }
            }
        }
        for kind in inside {
            for before in view.row(node, kind, Direction::Back).targets {
                put(&mut known, &mut work, *before, result);
            }
        }
        let through: Vec<u32> = found.get(&node).into_iter().flatten().copied().collect();
        for before in through {
            put(&mut known, &mut work, before, result);
        }
    }
    let edges = found.iter().flat_map(|(to, from)| {
        from.iter().map(|from| Edge {
            from: *from,
            to: *to,
            kind: EdgeKind::SUMMARY,
            mark: Mark::default(),
        })
    });
    (edges.collect(), extent)
}
