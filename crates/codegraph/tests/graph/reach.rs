//! Reach, impact, dead code.

use codegraph::fact::Confidence;
use codegraph::graph::{Budget, EdgeKind, Extent, KindSet, Limit, Selection, Walk, dead};
use proptest::prelude::*;

use crate::common::{calls, distances, edges, graph, matrix};

proptest! {
    /// Scenario: random graphs, starting points, depths, confidences and directions. Guarantee: exactly the nodes that
    /// the matrix of distances has, with those distances; chains are as long as the distance, over edges that exist.
    #[test]
    fn reach_is_distance(
        (nodes, list) in edges(20), from in proptest::collection::vec(0..25u32, 0..3),
        depth in 0..6u32, sure in 0..4usize, back in any::<bool>(),
    ) {
        let confidence = Confidence::ALL[sure];
        let selection = Selection { kinds: KindSet::ALL, confidence };
        let walk = Walk::along(KindSet::ALL).depth(depth).sure(confidence);
        let walk = if back { walk.flipped() } else { walk };
        let graph = graph(nodes, &list);
        let reach = walk.reach(&graph, &from);
        prop_assert!(reach.extent.is_complete());
        let matrix = matrix(nodes, &list, selection);
        let least = distances(&matrix);
        let way = |a: u32, b: u32| if back { least[b as usize][a as usize] } else { least[a as usize][b as usize] };
        for node in 0..nodes {
            let expected = from.iter().filter(|f| **f < nodes).map(|f| way(*f, node)).min().filter(|d| *d <= depth);
            let place = reach.nodes.iter().position(|reached| reached.node == node);
            prop_assert_eq!(place.map(|at| reach.nodes[at].depth), expected);
            if let Some(place) = place {
                let chain = reach.chain(place);
                prop_assert_eq!(chain.len() as u32, reach.nodes[place].depth + 1);
                prop_assert!(from.contains(&chain[0]));
                prop_assert!(chain.windows(2).all(|pair| way(pair[0], pair[1]) == 1));
            }
        }
        let impact = walk.ranked(&graph, &from);
        let mut ranked: Vec<_> = impact.nodes.iter().map(|n| (n.node, n.depth)).collect();
        let mut reached: Vec<_> = reach.nodes.iter().map(|n| (n.node, n.depth)).filter(|n| n.1 > 0).collect();
        ranked.sort_unstable();
        reached.sort_unstable();
        prop_assert_eq!(ranked, reached);
        prop_assert!(impact.nodes.iter().all(|n| n.strength > 0.0));
        let (unused, _) = dead(&graph, &from, &walk);
        let met = |node: u32| reach.nodes.iter().any(|n| n.node == node);
        prop_assert_eq!(unused, (0..nodes).filter(|n| !met(*n)).collect::<Vec<_>>());
    }

    /// Scenario: budgets too small for the graph. Guarantee: never more nodes than allowed, a complete answer equals
    /// the unlimited one, and an incomplete one says so and is a beginning of it.
    #[test]
    fn budgets_hold((nodes, list) in edges(20), nodes_max in 0..20usize, edges_max in 0..60u64) {
        let graph = graph(nodes, &list);
        let all = Walk::along(KindSet::ALL).reach(&graph, &[0]);
        let budget = Budget { nodes_max, edges_max };
        let some = Walk::along(KindSet::ALL).within(budget).reach(&graph, &[0]);
        prop_assert!(some.nodes.len() <= nodes_max);
        prop_assert_eq!(&all.nodes[..some.nodes.len()], &some.nodes[..]);
        if some.extent.is_complete() {
            prop_assert_eq!(&some, &all);
        }
        if some.nodes.len() < all.nodes.len() {
            prop_assert!(!some.extent.is_complete());
        }
    }
}

/// Scenario: 3 is called by 1 and 2, these by 0; 4 calls 3 through 2 only. Guarantee: nearest first, then by the
/// number of shortest chains.
#[test]
fn impact_is_ranked() {
    let graph = calls(5, &[(0, 1), (0, 2), (1, 3), (2, 3), (4, 2)]);
    let impact = Walk::impact().ranked(&graph, &[3]);
    let rows: Vec<_> = impact
        .nodes
        .iter()
        .map(|n| (n.node, n.depth, n.strength))
        .collect();
    assert_eq!(rows, [(1, 1, 1.0), (2, 1, 1.0), (0, 2, 2.0), (4, 2, 1.0)]);
    assert_eq!(
        Walk::callers()
            .step(&graph, 2)
            .iter()
            .map(|s| s.node)
            .collect::<Vec<_>>(),
        [0, 4]
    );
}

/// Scenario: a function that calls itself. Guarantee: a step shows it as its own caller; a closure starts with it.
#[test]
fn recursion_is_a_step() {
    let graph = calls(1, &[(0, 0)]);
    assert_eq!(Walk::callers().step(&graph, 0)[0].node, 0);
    assert_eq!(Walk::callers().reach(&graph, &[0]).met().count(), 0);
}

/// Scenario: a star of 200,000 callers under a budget of 1,000 edges, and kinds that no edge has. Guarantee: cut and
/// said so; nothing found.
#[test]
fn a_hub_does_not_exceed_the_budget() {
    let pairs: Vec<_> = (1..200_000).map(|node| (node, 0)).collect();
    let graph = calls(200_000, &pairs);
    let budget = Budget {
        nodes_max: 1_000_000,
        edges_max: 1_000,
    };
    let reach = Walk::callers().within(budget).reach(&graph, &[0]);
    assert_eq!(reach.extent, Extent::Cut(Limit::Edges));
    let none = Walk::against(EdgeKind::SENDS).reach(&graph, &[0, 0, u32::MAX]);
    assert_eq!((none.nodes.len(), none.extent), (1, Extent::Complete));
}
