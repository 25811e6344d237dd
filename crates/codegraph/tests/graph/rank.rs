//! PageRank.

use codegraph::graph::{EdgeKind, Extent, KindSet, Limit, Rank, Selection};
use proptest::prelude::*;

use crate::common::{calls, edges, graph, matrix};

/// PageRank by its definition: a full matrix, power iteration, dead ends to the starts.
fn dense(matrix: &[Vec<bool>], damping: f64, starts: &[f64]) -> Vec<f64> {
    let mut score = starts.to_vec();
    for _ in 0..2000 {
        let mut next: Vec<f64> = starts.iter().map(|start| (1.0 - damping) * start).collect();
        for (from, row) in matrix.iter().enumerate() {
            let ends = row.iter().filter(|edge| **edge).count();
            for (to, edge) in row.iter().enumerate() {
                let part = match ends {
                    0 => starts[to],
                    _ => f64::from(u8::from(*edge)) / ends as f64,
                };
                next[to] += damping * score[from] * part;
            }
        }
        score = next;
    }
    score
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Scenario: random graphs, dampings and starting points. Guarantee: the scores are those of the definition, and
    /// differ from them in all by no more than the error that is stated.
    #[test]
    fn scores_are_those_of_the_definition(
        (nodes, list) in edges(20), damping in 0.0..0.95f64,
        starts in proptest::collection::vec((0..20u32, 0.1..5.0f64), 0..4),
    ) {
        let all = Selection::of(KindSet::ALL);
        let rank = Rank { damping, starts: starts.clone(), ..Rank::default() };
        let ranks = rank.of(&graph(nodes, &list), all);
        let mut from = vec![0.0; nodes as usize];
        for (node, weight) in starts.iter().filter(|(node, _)| *node < nodes) {
            from[*node as usize] += weight;
        }
        let sum: f64 = from.iter().sum();
        for value in &mut from {
            *value = if sum > 0.0 { *value / sum } else { 1.0 / f64::from(nodes) };
        }
        let expected = dense(&matrix(nodes, &list, all), damping, &from);
        let apart: f64 = ranks.scores.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum();
        prop_assert!(apart <= ranks.error + 1e-13, "{} {}", apart, ranks.error);
        prop_assert!(ranks.error <= 1e-9);
        prop_assert!(ranks.extent.is_complete());
        prop_assert!((ranks.scores.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

/// Scenario: a long ring entered at one place, one round allowed. Guarantee: the answer says that it is not complete,
/// and its error is a true bound.
#[test]
fn too_few_rounds_are_said() {
    let pairs: Vec<_> = (0..50).rev().map(|node| (node, (node + 1) % 50)).collect();
    let graph = calls(50, &pairs);
    let calls = Selection::of(EdgeKind::CALLS);
    let starts = vec![(7, 1.0)];
    let right = Rank {
        starts: starts.clone(),
        ..Rank::default()
    }
    .of(&graph, calls);
    let rough = Rank {
        starts,
        rounds_max: 1,
        error_max: 1e-15,
        ..Rank::default()
    }
    .of(&graph, calls);
    assert_eq!(rough.extent, Extent::Cut(Limit::Steps));
    let apart: f64 = right
        .scores
        .iter()
        .zip(&rough.scores)
        .map(|(a, b)| (a - b).abs())
        .sum();
    assert!(apart <= rough.error + 1e-9, "{apart} {}", rough.error);
}

/// Scenario: dampings and weights that are no numbers or out of range, an empty graph. Guarantee: an answer, no panic.
#[test]
fn hostile_settings_are_survived() {
    let graph = calls(2, &[(0, 1), (1, 0)]);
    for damping in [f64::NAN, f64::INFINITY, -1.0, 1.0, 2.0] {
        let rank = Rank {
            damping,
            starts: vec![(9, 1.0), (0, f64::NAN), (1, f64::MAX), (0, f64::MAX)],
            ..Rank::default()
        };
        let ranks = rank.of(&graph, Selection::of(EdgeKind::CALLS));
        assert!(ranks.scores.iter().all(|score| score.is_finite()), "{damping}");
    }
    assert!(
        Rank::default()
            .of(&calls(0, &[]), Selection::of(KindSet::ALL))
            .scores
            .is_empty()
    );
}
