//! Random graphs, and the oracle's view of them.

use codegraph::fact::{Confidence, Mark, Provenance};
use codegraph::graph::{Builder, Edge, EdgeKind, Graph, Selection};
use proptest::prelude::*;

/// Edges over a few kinds and marks between up to `nodes_max` nodes: from none to dense, cycles and loops included.
pub(crate) fn edges(nodes_max: u32) -> impl Strategy<Value = (u32, Vec<Edge>)> {
    (1..=nodes_max, 0..6usize).prop_flat_map(|(nodes, dense)| {
        let edge =
            (0..nodes, 0..nodes, 0..4u8, 0..4usize, 0..4usize).prop_map(|(from, to, kind, p, c)| Edge {
                from,
                to,
                kind: EdgeKind::new(kind * 20).unwrap(),
                mark: Mark::new(Provenance::ALL[p], Confidence::ALL[c]),
            });
        let edges_max = nodes as usize * dense + 1;
        (Just(nodes), proptest::collection::vec(edge, 0..=edges_max))
    })
}

/// The graph of these edges.
pub(crate) fn graph(nodes: u32, edges: &[Edge]) -> Graph {
    let mut builder = Builder::new(nodes);
    builder.extend(edges.iter().copied());
    builder.build().unwrap()
}

/// A graph of one kind from pairs.
pub(crate) fn calls(nodes: u32, pairs: &[(u32, u32)]) -> Graph {
    let edge = |&(from, to): &(u32, u32)| Edge {
        from,
        to,
        kind: EdgeKind::CALLS,
        mark: Mark::default(),
    };
    graph(nodes, &pairs.iter().map(edge).collect::<Vec<_>>())
}

/// Which node has a selected edge to which.
pub(crate) fn matrix(nodes: u32, edges: &[Edge], selection: Selection) -> Vec<Vec<bool>> {
    let mut matrix = vec![vec![false; nodes as usize]; nodes as usize];
    let mut best = std::collections::BTreeMap::new();
    for edge in edges {
        let mark = best.entry((edge.from, edge.to, edge.kind)).or_insert(edge.mark);
        *mark = (*mark).max(edge.mark);
    }
    for ((from, to, kind), mark) in best {
        if selection.kinds.has(kind) && mark.confidence() >= selection.confidence {
            matrix[from as usize][to as usize] = true;
        }
    }
    matrix
}

/// Least numbers of steps between all nodes (Floyd and Warshall); `u32::MAX` where there is no way.
pub(crate) fn distances(matrix: &[Vec<bool>]) -> Vec<Vec<u32>> {
    let nodes = matrix.len();
    let mut least = vec![vec![u32::MAX; nodes]; nodes];
    for (from, row) in matrix.iter().enumerate() {
        for (to, edge) in row.iter().enumerate() {
            if *edge {
                least[from][to] = 1;
            }
        }
        least[from][from] = 0;
    }
    for via in 0..nodes {
        for from in 0..nodes {
            for to in 0..nodes {
                let through = least[from][via].saturating_add(least[via][to]);
                least[from][to] = least[from][to].min(through);
            }
        }
    }
    least
}
