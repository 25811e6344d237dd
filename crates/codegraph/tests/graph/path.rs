//! Ways between sets.

use codegraph::graph::{Budget, KindSet, Selection, Walk};
use proptest::prelude::*;

use crate::common::{calls, edges, graph, matrix};

/// All ways by trying everything.
fn all(matrix: &[Vec<bool>], from: &[u32], to: &[u32], steps_max: usize) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    let mut open: Vec<Vec<u32>> = from.iter().map(|node| vec![*node]).collect();
    while let Some(path) = open.pop() {
        let last = path[path.len() - 1];
        if to.contains(&last) {
            found.push(path);
            continue;
        }
        if path.len() > steps_max {
            continue;
        }
        for next in 0..matrix.len() as u32 {
            if matrix[last as usize][next as usize] && !path.contains(&next) && !from.contains(&next) {
                open.push([&path[..], &[next]].concat());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

proptest! {
    /// Scenario: small random graphs, sets, counts and lengths. Guarantee: every way is one that trying everything
    /// finds, none twice, and their lengths are the least there are.
    #[test]
    fn ways_are_the_shortest(
        (nodes, list) in edges(7), from in proptest::collection::btree_set(0..7u32, 1..3),
        to in proptest::collection::btree_set(0..7u32, 1..3), count in 0..12usize, depth in 0..7u32,
    ) {
        let there = |set: std::collections::BTreeSet<u32>| set.into_iter().filter(|n| *n < nodes).collect::<Vec<_>>();
        let (from, to) = (there(from), there(to));
        let graph = graph(nodes, &list);
        let walk = Walk::along(KindSet::ALL).depth(depth);
        let found = walk.paths(&graph, &from, &to, count);
        prop_assert!(found.extent.is_complete());
        let every = all(&matrix(nodes, &list, Selection::of(KindSet::ALL)), &from, &to, depth as usize);
        for (at, path) in found.paths.iter().enumerate() {
            prop_assert!(every.contains(path), "{:?}", path);
            prop_assert!(!found.paths[..at].contains(path));
        }
        let mut least: Vec<_> = every.iter().map(Vec::len).collect();
        least.sort_unstable();
        least.truncate(count);
        prop_assert_eq!(found.paths.iter().map(Vec::len).collect::<Vec<_>>(), least);
        let back = walk.flipped().paths(&graph, &to, &from, 1);
        prop_assert_eq!(back.paths.first().map(Vec::len), every.iter().map(Vec::len).min());
    }
}

/// Scenario: forty diamonds in a row, 2^40 ways; a small budget. Guarantee: as many as asked for, all of the same least
/// length; under the budget the answer says that it is cut.
#[test]
fn countless_ways_do_not_hang() {
    let pairs: Vec<_> = (0..40u32)
        .flat_map(|i| {
            [
                (3 * i, 3 * i + 1),
                (3 * i, 3 * i + 2),
                (3 * i + 1, 3 * i + 3),
                (3 * i + 2, 3 * i + 3),
            ]
        })
        .collect();
    let graph = calls(121, &pairs);
    let found = Walk::callees().paths(&graph, &[0], &[120], 20);
    assert_eq!((found.paths.len(), found.extent.is_complete()), (20, true));
    assert!(found.paths.iter().all(|path| path.len() == 81));
    let budget = Budget {
        nodes_max: 1000,
        edges_max: 500,
    };
    assert!(
        !Walk::callees()
            .within(budget)
            .paths(&graph, &[0], &[120], 20)
            .extent
            .is_complete()
    );
}
