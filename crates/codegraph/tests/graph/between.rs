//! Betweenness.

use codegraph::graph::{Between, EdgeKind, KindSet, Method, Selection};
use proptest::prelude::*;

use crate::common::{calls, distances, edges, graph, matrix};

/// By the definition: for each pair of ends, the part of the shortest ways that lead through each node; ways are
/// counted over the matrix of distances.
fn naive(matrix: &[Vec<bool>]) -> Vec<f64> {
    let nodes = matrix.len();
    let least = distances(matrix);
    let mut ways = vec![vec![0.0; nodes]; nodes];
    for from in 0..nodes {
        let mut order: Vec<_> = (0..nodes).filter(|to| least[from][*to] < u32::MAX).collect();
        order.sort_by_key(|to| least[from][*to]);
        for to in order {
            let before =
                |via: &usize| matrix[*via][to] && least[from][*via].saturating_add(1) == least[from][to];
            ways[from][to] = if from == to {
                1.0
            } else {
                (0..nodes).filter(before).map(|via| ways[from][via]).sum()
            };
        }
    }
    let mut scores = vec![0.0; nodes];
    for from in 0..nodes {
        for to in (0..nodes).filter(|to| *to != from && least[from][*to] < u32::MAX) {
            for via in (0..nodes).filter(|via| *via != from && *via != to) {
                if least[from][via].saturating_add(least[via][to]) == least[from][to] {
                    scores[via] += ways[from][via] * ways[via][to] / ways[from][to];
                }
            }
        }
    }
    let pairs = (nodes * nodes.saturating_sub(1)).max(1) as f64;
    scores.iter().map(|score| score / pairs).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Scenario: random graphs. Guarantee: exact scores are those of the definition; sampled ones lie within the error
    /// that is stated (its risk is one in a thousand million, so a failure is a fault), and are the same again.
    #[test]
    fn scores_are_those_of_the_definition((nodes, list) in edges(16), seed in any::<u64>()) {
        let graph = graph(nodes, &list);
        let all = Selection::of(KindSet::ALL);
        let expected = naive(&matrix(nodes, &list, all));
        let exact = Between::default().of(&graph, all);
        prop_assert_eq!(exact.method, Method::Exact);
        for (a, b) in exact.scores.iter().zip(&expected) {
            prop_assert!((a - b).abs() < 1e-12);
        }
        let sampling = Between { exact_max: 0, risk: 1e-9, samples_max: 4000, seed, ..Between::default() };
        let sampled = sampling.of(&graph, all);
        if let Method::Sampled { error, samples, .. } = sampled.method {
            prop_assert!(samples <= 4000 && error < 0.1);
            for (a, b) in sampled.scores.iter().zip(&expected) {
                prop_assert!((a - b).abs() <= error, "{} {} {}", a, b, error);
            }
            prop_assert_eq!(sampling.of(&graph, all), sampled);
        }
    }
}

/// Scenario: five nodes that reach five others only through one, or through one of two, 100,000 samples. Guarantee: the
/// sampled scores come as close as the statistics say, so ways are drawn evenly.
#[test]
fn ways_are_drawn_evenly() {
    let mut pairs = Vec::new();
    for node in 0..5 {
        // 5..10 lie behind 10; to 11 there are three ways of length 2 through 10, 12 and 13.
        pairs.extend([(node, 10), (node, 12), (node, 13), (10, 5 + node)]);
    }
    pairs.extend([(10, 11), (12, 11), (13, 11)]);
    let graph = calls(14, &pairs);
    let all = Selection::of(EdgeKind::CALLS);
    let exact = Between::default().of(&graph, all);
    let sampling = Between {
        exact_max: 0,
        error: 1e-4,
        samples_max: 100_000,
        ..Between::default()
    };
    let sampled = sampling.of(&graph, all);
    assert!((exact.scores[10] - (25.0 + 5.0 / 3.0) / 182.0).abs() < 1e-12);
    for node in [10, 12, 13] {
        let apart = (exact.scores[node] - sampled.scores[node]).abs();
        assert!(apart < 0.003, "{node}: {apart}");
    }
}

/// Scenario: settings out of range, graphs of no or one node. Guarantee: an answer, no panic.
#[test]
fn hostile_settings_are_survived() {
    let hostile = Between {
        exact_max: 0,
        error: f64::NAN,
        risk: -1.0,
        samples_max: 0,
        seed: 0,
    };
    for nodes in 0..5 {
        let scores = hostile
            .of(&calls(nodes, &[]), Selection::of(EdgeKind::CALLS))
            .scores;
        assert_eq!(scores, vec![0.0; nodes as usize]);
    }
}
