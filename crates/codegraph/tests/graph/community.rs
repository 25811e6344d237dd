//! Communities.

use codegraph::fact::Mark;
use codegraph::graph::{Builder, Communities, Edge, EdgeKind, Graph, Grouping, KindSet, Selection};
use proptest::prelude::*;

use crate::common::{calls, edges, graph, matrix};

fn all() -> Selection {
    Selection::of(KindSet::ALL)
}

/// Weights between nodes without direction.
fn weights(matrix: &[Vec<bool>]) -> Vec<Vec<f64>> {
    let weight = |a: usize, b: usize| {
        if a == b {
            0.0
        } else {
            f64::from(u8::from(matrix[a][b]) + u8::from(matrix[b][a]))
        }
    };
    (0..matrix.len())
        .map(|a| (0..matrix.len()).map(|b| weight(a, b)).collect())
        .collect()
}

/// Modularity by its definition, over all pairs.
fn modularity(weights: &[Vec<f64>], group: &[u32], resolution: f64) -> f64 {
    let strength: Vec<f64> = weights.iter().map(|row| row.iter().sum()).collect();
    let total: f64 = strength.iter().sum();
    let mut sum = 0.0;
    for a in 0..group.len() {
        for b in 0..group.len() {
            if group[a] == group[b] && total > 0.0 {
                sum += weights[a][b] / total - resolution * strength[a] * strength[b] / (total * total);
            }
        }
    }
    sum
}

fn groups(found: &Communities, nodes: u32) -> Vec<u32> {
    (0..nodes).map(|node| found.community(node).unwrap()).collect()
}

proptest! {
    /// Scenario: random graphs and resolutions. Guarantee: the modularity stated is that of the definition, no move of
    /// one node to another or to a new community raises it, every community is connected, and numbers go by first node.
    #[test]
    fn communities_are_locally_best((nodes, list) in edges(16), resolution in 0.3..2.0f64) {
        let found = Grouping { resolution, passes_max: 100, ..Grouping::default() }.of(&graph(nodes, &list), all());
        prop_assert!(found.extent.is_complete());
        let weights = weights(&matrix(nodes, &list, all()));
        let group = groups(&found, nodes);
        let stated = modularity(&weights, &group, resolution);
        prop_assert!((found.modularity - stated).abs() < 1e-9, "{} {}", found.modularity, stated);
        for node in 0..group.len() {
            for other in 0..=nodes {
                let mut moved = group.clone();
                moved[node] = other;
                prop_assert!(modularity(&weights, &moved, resolution) <= stated + 1e-8);
            }
        }
        let members = found.members();
        prop_assert!(members.windows(2).all(|two| two[0][0] < two[1][0]));
        for community in &members {
            let mut met = vec![community[0]];
            let mut at = 0;
            while at < met.len() {
                for node in community {
                    if weights[met[at] as usize][*node as usize] > 0.0 && !met.contains(node) {
                        met.push(*node);
                    }
                }
                at += 1;
            }
            prop_assert_eq!(met.len(), community.len());
        }
    }
}

/// Scenario: 300 graphs of seven nodes from a fixed seed. Guarantee: never better than the best of all partitions, and
/// over all graphs at least 97 % as good.
#[test]
fn little_graphs_are_grouped_almost_best() {
    let mut state = 7u64;
    let mut below = |end: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % end) as u32
    };
    let mut sums = (0.0, 0.0);
    for _ in 0..300 {
        let pairs: Vec<_> = (0..4 + below(14)).map(|_| (below(7), below(7))).collect();
        let graph = calls(7, &pairs);
        let edges: Vec<_> = graph.edges().collect();
        let weights = weights(&matrix(7, &edges, all()));
        let found = Grouping::default().of(&graph, all());
        let best = best_of_all(&weights);
        assert!(found.modularity <= best + 1e-9);
        sums = (sums.0 + found.modularity, sums.1 + best);
    }
    assert!(sums.0 >= 0.97 * sums.1, "{sums:?}");
}

/// The greatest modularity of all partitions.
fn best_of_all(weights: &[Vec<f64>]) -> f64 {
    let mut best = f64::NEG_INFINITY;
    let mut open = vec![vec![0u32]];
    while let Some(group) = open.pop() {
        if group.len() == weights.len() {
            best = best.max(modularity(weights, &group, 1.0));
            continue;
        }
        let next = group.iter().max().unwrap() + 1;
        open.extend((0..=next).map(|other| [&group[..], &[other]].concat()));
    }
    best
}

/// A ring of cliques: the answer that everyone expects.
fn ring(cliques: u32, size: u32) -> Graph {
    let mut builder = Builder::new(cliques * size);
    let mut add = |from, to| {
        builder.add(Edge {
            from,
            to,
            kind: EdgeKind::CALLS,
            mark: Mark::default(),
        });
    };
    for clique in 0..cliques {
        let first = clique * size;
        for a in 0..size {
            (0..a).for_each(|b| add(first + a, first + b));
        }
        add(first, (first + size) % (cliques * size) + 1);
    }
    builder.build().unwrap()
}

/// Scenario: twenty cliques of six in a ring. Guarantee: each clique is a community.
#[test]
fn cliques_are_communities() {
    let found = Grouping::default().of(&ring(20, 6), all());
    assert_eq!(found.count, 20);
    assert!(
        found
            .members()
            .iter()
            .enumerate()
            .all(|(at, m)| *m == (at as u32 * 6..at as u32 * 6 + 6).collect::<Vec<_>>())
    );
}

/// Scenario: Zachary's karate club (1977). Guarantee: a modularity close to the greatest possible one, 0.4198.
#[test]
fn the_karate_club_falls_apart() {
    let text = "1-2 1-3 2-3 1-4 2-4 3-4 1-5 1-6 1-7 5-7 6-7 1-8 2-8 3-8 4-8 1-9 3-9 3-10 1-11 5-11 6-11 1-12 1-13 4-13 \
        1-14 2-14 3-14 4-14 6-17 7-17 1-18 2-18 1-20 2-20 1-22 2-22 24-26 25-26 3-28 24-28 25-28 3-29 24-30 27-30 2-31 \
        9-31 1-32 25-32 26-32 29-32 3-33 9-33 15-33 16-33 19-33 21-33 23-33 24-33 30-33 31-33 32-33 9-34 10-34 14-34 \
        15-34 16-34 19-34 20-34 21-34 23-34 24-34 27-34 28-34 29-34 30-34 31-34 32-34 33-34";
    let pairs: Vec<(u32, u32)> = text
        .split_whitespace()
        .map(|pair| pair.split_once('-').unwrap())
        .map(|(a, b)| (a.parse::<u32>().unwrap() - 1, b.parse::<u32>().unwrap() - 1))
        .collect();
    assert_eq!(pairs.len(), 78);
    let found = Grouping::default().of(&calls(34, &pairs), all());
    assert!(
        found.modularity > 0.415 && found.modularity < 0.42,
        "{}",
        found.modularity
    );
}

/// Scenario: a budget of ten steps, resolutions that are no number. Guarantee: cut and said so; an answer, no panic.
#[test]
fn budgets_hold_and_hostile_settings_are_survived() {
    let cut = Grouping {
        steps_max: 10,
        ..Grouping::default()
    }
    .of(&ring(20, 6), all());
    assert!(!cut.extent.is_complete());
    for resolution in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        let found = Grouping {
            resolution,
            passes_max: 100,
            ..Grouping::default()
        }
        .of(&ring(4, 4), all());
        assert!(found.count >= 1 && found.modularity.is_finite());
    }
    assert_eq!(Grouping::default().of(&calls(0, &[]), all()).count, 0);
}
