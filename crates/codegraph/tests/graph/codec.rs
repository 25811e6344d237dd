//! Bytes of graphs and of deltas.

use std::sync::Arc;

use codegraph::graph::{Delta, Edge, EdgeKind, Graph, Overlay, View};
use proptest::prelude::*;

use crate::common::{edges, graph};

proptest! {
    /// Scenario: random graphs, dense and sparse. Guarantee: read back equal, reverse rows included.
    #[test]
    fn what_is_written_is_read((nodes, list) in edges(40), apart in 1..50u32) {
        let spread: Vec<Edge> = list.iter().map(|e| Edge { from: e.from * apart, to: e.to * apart, ..*e }).collect();
        let graph = graph(nodes * apart, &spread);
        prop_assert_eq!(&Graph::decode(&graph.encode(), nodes * apart).unwrap(), &graph);
        prop_assert!(Graph::decode(&graph.encode(), nodes * apart - 1).is_err());
    }

    /// Scenario: bytes cut, changed, or made up. Guarantee: refused, or read as a graph that has exactly these bytes.
    #[test]
    fn other_bytes_are_never_a_panic(
        (nodes, list) in edges(20), at in any::<prop::sample::Index>(), value in any::<u8>(),
        cut in any::<prop::sample::Index>(), noise in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut bytes = graph(nodes, &list).encode();
        let len = bytes.len();
        prop_assert!(Graph::decode(&bytes[..cut.index(len)], 100).is_err());
        bytes[at.index(len)] = value;
        for bytes in [bytes, [&[1][..], &noise].concat()] {
            if let Ok(read) = Graph::decode(&bytes, 100) {
                prop_assert_eq!(&read.encode(), &bytes);
            }
            if let Ok(read) = Delta::decode(&bytes, 100) {
                prop_assert_eq!(&read.encode(), &bytes);
            }
        }
    }

    /// Scenario: one graph turned into another by adding, removing and re-marking, then removing nodes. Guarantee: the
    /// delta, written, read and applied to the base, gives the same overlay.
    #[test]
    fn a_delta_makes_the_overlay_again(
        (nodes, list) in edges(20), (others, other) in edges(24), gone in proptest::collection::vec(0..24u32, 0..3),
    ) {
        let base = Arc::new(graph(nodes, &list));
        let mut overlay = Overlay::new(Arc::clone(&base));
        for _ in nodes..others {
            overlay.add_node().unwrap();
        }
        for edge in list.iter().step_by(2) {
            overlay.remove_edge(edge.from, edge.to, edge.kind);
        }
        for edge in &other {
            let _ = overlay.add_edge(*edge);
        }
        for node in gone {
            overlay.remove_node(node);
        }
        let delta = overlay.delta();
        let read = Delta::decode(&delta.encode(), 24).unwrap();
        prop_assert_eq!(&read, &delta);
        let mut again = Overlay::new(base);
        again.apply(&read).unwrap();
        prop_assert_eq!(again.node_count(), overlay.node_count());
        prop_assert_eq!(again.edges().collect::<Vec<_>>(), overlay.edges().collect::<Vec<_>>());
        prop_assert_eq!(again.removed_nodes().collect::<Vec<_>>(), overlay.removed_nodes().collect::<Vec<_>>());
        prop_assert_eq!(again.delta(), delta);
    }
}

/// Scenario: a few bytes that speak of four thousand million nodes or edges. Guarantee: refused before memory is taken.
#[test]
fn great_claims_are_refused() {
    let claim = [0xff, 0xff, 0xff, 0xff, 0x0e];
    let kind = EdgeKind::CALLS.number();
    let nodes = [&[1][..], &claim, &[1, kind, 1, 0, 0, 1, 63, 1]].concat();
    assert!(Graph::decode(&nodes, 1000).is_err());
    let edges = [&[1, 1, 1, kind, 1][..], &claim, &[0; 20]].concat();
    assert!(Graph::decode(&edges, 1000).is_err());
    assert!(Delta::decode(&[&[1][..], &claim, &[0, 0, 0]].concat(), 1000).is_err());
}
