//! Rows, and versions over a graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use codegraph::fact::Mark;
use codegraph::graph::{
    Builder, Direction, Edge, EdgeKind, Graph, KindSet, Overlay, Rank, Refused, Selection, View, Walk,
};
use proptest::prelude::*;

use crate::common::{edges, graph};

/// One change of a version.
#[derive(Clone, Debug)]
enum Change {
    AddNode,
    RemoveNode(u32),
    AddEdge(u32, u32, u8),
    RemoveEdge(u32, u32, u8),
    RemoveSome(prop::sample::Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        Just(Change::AddNode),
        (0..30u32).prop_map(Change::RemoveNode),
        (0..30u32, 0..30u32, 0..5u8).prop_map(|(a, b, k)| Change::AddEdge(a, b, k * 15)),
        (0..30u32, 0..30u32, 0..5u8).prop_map(|(a, b, k)| Change::AddEdge(a, b, k * 15)),
        (0..30u32, 0..30u32, 0..4u8).prop_map(|(a, b, k)| Change::RemoveEdge(a, b, k * 20)),
        any::<prop::sample::Index>().prop_map(Change::RemoveSome),
    ];
    proptest::collection::vec(change, 0..40)
}

/// A graph as sets: what an overlay must agree with.
#[derive(Default)]
struct Model {
    nodes: u32,
    removed: BTreeSet<u32>,
    edges: BTreeMap<(u32, u32, EdgeKind), Mark>,
}

impl Model {
    fn has(&self, node: u32) -> bool {
        node < self.nodes && !self.removed.contains(&node)
    }

    fn apply(&mut self, change: &Change, overlay: &mut Overlay) {
        let kind = |number: u8| EdgeKind::new(number).unwrap();
        match *change {
            Change::AddNode => {
                assert_eq!(overlay.add_node(), Ok(self.nodes));
                self.nodes += 1;
            }
            Change::RemoveNode(node) => {
                assert_eq!(overlay.remove_node(node), self.has(node));
                if node < self.nodes {
                    self.removed.insert(node);
                }
                self.edges.retain(|(from, to, _), _| *from != node && *to != node);
            }
            Change::AddEdge(from, to, number) => {
                let mark = Mark::from_byte(number % 4).unwrap();
                let added = overlay.add_edge(Edge {
                    from,
                    to,
                    kind: kind(number),
                    mark,
                });
                if self.has(from) && self.has(to) {
                    assert_eq!(
                        added,
                        Ok(self.edges.insert((from, to, kind(number)), mark).is_none())
                    );
                } else {
                    assert!(added.is_err());
                }
            }
            Change::RemoveEdge(from, to, number) => {
                let there = self.edges.remove(&(from, to, kind(number))).is_some();
                assert_eq!(overlay.remove_edge(from, to, kind(number)), there);
            }
            Change::RemoveSome(index) => {
                if !self.edges.is_empty() {
                    let (from, to, kind) = *self.edges.keys().nth(index.index(self.edges.len())).unwrap();
                    self.edges.remove(&(from, to, kind));
                    assert!(overlay.remove_edge(from, to, kind));
                }
            }
        }
    }

    fn list(&self) -> Vec<Edge> {
        self.edges
            .iter()
            .map(|(&(from, to, kind), &mark)| Edge { from, to, kind, mark })
            .collect()
    }
}

proptest! {
    /// Scenario: random edges with repetitions. Guarantee: rows hold each edge once with its greatest mark, in order,
    /// in both directions.
    #[test]
    fn a_graph_holds_its_edges((nodes, list) in edges(40)) {
        let graph = graph(nodes, &list);
        let mut expected = BTreeMap::new();
        for edge in &list {
            let mark = expected.entry((edge.kind, edge.from, edge.to)).or_insert(edge.mark);
            *mark = (*mark).max(edge.mark);
        }
        let held: Vec<_> = graph.edges().map(|e| ((e.kind, e.from, e.to), e.mark)).collect();
        prop_assert_eq!(held, expected.clone().into_iter().collect::<Vec<_>>());
        prop_assert_eq!(graph.edge_count(), expected.len());
        for kind in graph.kinds().iter() {
            for node in 0..nodes {
                let back: Vec<_> = graph.row(node, kind, Direction::Back).iter().collect();
                let mut into: Vec<_> = expected.iter().filter(|(key, _)| (key.0, key.2) == (kind, node))
                    .map(|(key, mark)| (key.1, *mark)).collect();
                into.sort_unstable();
                prop_assert_eq!(back, into);
            }
        }
    }

    /// Scenario: a graph and a random row of changes. Guarantee: the overlay answers as a graph built anew with the same
    /// edges does, rows, reach and ranks; compacted, it is that graph with the removed nodes closed up.
    #[test]
    fn an_overlay_is_the_graph_built_anew((nodes, list) in edges(24), changes in changes()) {
        let base = Arc::new(graph(nodes, &list));
        let mut overlay = Overlay::new(Arc::clone(&base));
        let mut model = Model { nodes, ..Model::default() };
        model.edges = base.edges().map(|e| ((e.from, e.to, e.kind), e.mark)).collect();
        for change in &changes {
            model.apply(change, &mut overlay);
        }
        let anew = graph(model.nodes, &model.list());
        prop_assert_eq!(overlay.edges().collect::<Vec<_>>(), anew.edges().collect::<Vec<_>>());
        let all = Selection::of(KindSet::ALL);
        for direction in [Direction::Out, Direction::Back] {
            for node in 0..model.nodes {
                for kind in KindSet::ALL.iter() {
                    prop_assert_eq!(overlay.row(node, kind, direction), anew.row(node, kind, direction));
                }
            }
            prop_assert_eq!(overlay.flat(all, direction), anew.flat(all, direction));
        }
        let compacted = overlay.compact().unwrap();
        let number = |node: u32| compacted.number[node as usize].unwrap();
        let closed: Vec<_> = model.list().iter()
            .map(|e| Edge { from: number(e.from), to: number(e.to), ..*e }).collect();
        let left = model.nodes - model.removed.len() as u32;
        prop_assert_eq!(&compacted.graph, &graph(left, &closed));
        let ranks = Rank::default().of(&overlay, all).scores;
        let closed_ranks = Rank::default().of(&compacted.graph, all).scores;
        for node in 0..model.nodes {
            match compacted.number[node as usize] {
                Some(new) => prop_assert!((ranks[node as usize] - closed_ranks[new as usize]).abs() < 2e-9),
                None => prop_assert!(ranks[node as usize] == 0.0 && model.removed.contains(&node)),
            }
        }
        let reach = Walk::along(KindSet::ALL).reach(&overlay, &[0]);
        let again = Walk::along(KindSet::ALL).reach(&anew, &[0]);
        if model.has(0) {
            prop_assert_eq!(reach, again);
        } else {
            prop_assert!(reach.nodes.is_empty());
        }
    }
}

/// Scenario: an edge to a node that does not exist, and more nodes than there can be. Guarantee: refused with the number.
#[test]
fn unknown_ends_are_refused() {
    let mut builder = Builder::new(2);
    let edge = Edge {
        from: 0,
        to: 7,
        kind: EdgeKind::CALLS,
        mark: Mark::default(),
    };
    builder.add(edge);
    assert_eq!(builder.build(), Err(Refused::Node { node: 7, nodes: 2 }));
    assert!(matches!(
        Builder::new(u32::MAX).build(),
        Err(Refused::TooMany { .. })
    ));
    let none = Graph::default();
    assert_eq!(
        none.row(u32::MAX, EdgeKind::CALLS, Direction::Out).targets,
        [0u32; 0]
    );
}
