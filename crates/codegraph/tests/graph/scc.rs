//! Strongly connected components.

use codegraph::graph::{Components, Direction, EdgeKind, KindSet, Selection, View};
use proptest::prelude::*;

use crate::common::{calls, distances, edges, graph, matrix};

proptest! {
    /// Scenario: random graphs. Guarantee: two nodes share a component exactly if each reaches the other, component
    /// numbers are a topological order, and the condensed graph has exactly the edges between components.
    #[test]
    fn components_are_mutual_reach((nodes, list) in edges(24)) {
        let graph = graph(nodes, &list);
        let all = Selection::of(KindSet::ALL);
        let components = Components::of(&graph, all);
        let matrix = matrix(nodes, &list, all);
        let least = distances(&matrix);
        let flat = graph.flat(all, Direction::Out);
        let condensed = components.condensed(&flat);
        for a in 0..nodes as usize {
            for b in 0..nodes as usize {
                let (of_a, of_b) = (components.component(a as u32).unwrap(), components.component(b as u32).unwrap());
                let mutual = least[a][b] < u32::MAX && least[b][a] < u32::MAX;
                prop_assert_eq!(of_a == of_b, mutual);
                if matrix[a][b] && !mutual {
                    prop_assert!(of_a < of_b);
                    prop_assert!(condensed.row(of_a).contains(&of_b));
                }
            }
        }
        for component in 0..components.count() {
            for end in condensed.row(component) {
                let between = components.members(component).iter().any(|a| {
                    components.members(*end).iter().any(|b| matrix[*a as usize][*b as usize])
                });
                prop_assert!(between && *end != component);
            }
        }
        let mut listed = components.topological().to_vec();
        listed.sort_unstable();
        prop_assert_eq!(listed, (0..nodes).collect::<Vec<_>>());
    }
}

/// Scenario: one chain of 300,000 calls, open and closed to a ring. Guarantee: no recursion that could overflow.
#[test]
fn a_long_chain_does_not_overflow() {
    let nodes = 300_000;
    let mut pairs: Vec<_> = (1..nodes).map(|node| (node - 1, node)).collect();
    let open = Components::of(&calls(nodes, &pairs), Selection::of(EdgeKind::CALLS));
    assert_eq!(open.count(), nodes);
    assert_eq!(open.cycles(), Vec::<u32>::new());
    pairs.push((nodes - 1, 0));
    let ring = Components::of(&calls(nodes, &pairs), Selection::of(EdgeKind::CALLS));
    assert_eq!((ring.count(), ring.cycles()), (1, vec![0]));
}
