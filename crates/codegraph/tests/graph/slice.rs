//! Slices.

use codegraph::fact::Mark;
use codegraph::graph::{
    Budget, Direction, Edge, EdgeKind, Graph, KindSet, Selection, View, Walk, slice, summaries,
};
use proptest::prelude::*;

use crate::common::{distances, graph, matrix};

const PROCEDURES: u32 = 3;
const SITES: u32 = 4;
/// Nodes of a procedure: parameter, result, two statements.
const PROCEDURE: u32 = 4;
/// Nodes in all: the procedures', then an argument and an answer for each site.
const NODES: u32 = PROCEDURES * PROCEDURE + SITES * 2;

/// A program: which procedure each site lies in and calls, and data edges within procedures.
#[derive(Clone, Debug)]
struct Program {
    sites: Vec<(u32, u32)>,
    data: Vec<(u32, u32)>,
}

impl Program {
    fn site(node: u32) -> Option<u32> {
        node.checked_sub(PROCEDURES * PROCEDURE).map(|after| after / 2)
    }

    fn procedure(&self, node: u32) -> u32 {
        match Self::site(node) {
            Some(site) => self.sites[site as usize].0,
            None => node / PROCEDURE,
        }
    }

    fn edges(&self) -> Vec<Edge> {
        let edge = |from, to, kind| Edge {
            from,
            to,
            kind,
            mark: Mark::default(),
        };
        let within = self
            .data
            .iter()
            .filter(|(a, b)| self.procedure(*a) == self.procedure(*b));
        let mut edges: Vec<_> = within.map(|(a, b)| edge(*a, *b, EdgeKind::DATA)).collect();
        for (site, (_, callee)) in self.sites.iter().enumerate() {
            let argument = PROCEDURES * PROCEDURE + site as u32 * 2;
            edges.push(edge(argument, callee * PROCEDURE, EdgeKind::ARGUMENT));
            edges.push(edge(callee * PROCEDURE + 1, argument + 1, EdgeKind::RESULT));
        }
        edges
    }

    /// Which nodes reach which within one procedure, calls included that return to where they came from: the least
    /// relation that holds data edges, is closed under chaining, and passes from argument to answer of a site whose
    /// callee's parameter reaches its result.
    fn level(&self) -> Vec<Vec<bool>> {
        let mut edges = self.edges();
        edges.retain(|edge| edge.kind == EdgeKind::DATA);
        loop {
            let least = distances(&matrix(NODES, &edges, Selection::of(KindSet::ALL)));
            let before = edges.len();
            for (site, (_, callee)) in self.sites.iter().enumerate() {
                let (parameter, result) = ((callee * PROCEDURE) as usize, (callee * PROCEDURE + 1) as usize);
                let argument = PROCEDURES * PROCEDURE + site as u32 * 2;
                let known = edges.iter().any(|e| (e.from, e.to) == (argument, argument + 1));
                if least[parameter][result] < u32::MAX && !known {
                    edges.push(Edge {
                        from: argument,
                        to: argument + 1,
                        ..edges.first().copied().unwrap_or(NONE)
                    });
                }
            }
            if edges.len() == before {
                return least
                    .iter()
                    .map(|row| row.iter().map(|d| *d < u32::MAX).collect())
                    .collect();
            }
        }
    }

    /// Backward slice by the definition: ways that go up to callers any number of times, then down into callees.
    fn behind(&self, from: u32) -> Vec<u32> {
        let level = self.level();
        let edges = self.edges();
        let mut states = vec![(from, false)];
        let mut at = 0;
        while at < states.len() {
            let (node, down) = states[at];
            at += 1;
            let mut next: Vec<_> = (0..NODES)
                .filter(|n| level[*n as usize][node as usize])
                .map(|n| (n, down))
                .collect();
            for edge in edges.iter().filter(|edge| edge.to == node) {
                match edge.kind {
                    EdgeKind::ARGUMENT if !down => next.push((edge.from, false)),
                    EdgeKind::RESULT => next.push((edge.from, true)),
                    _ => {}
                }
            }
            for state in next {
                if !states.contains(&state) {
                    states.push(state);
                }
            }
        }
        let mut nodes: Vec<_> = states.iter().map(|state| state.0).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

const NONE: Edge = Edge {
    from: 0,
    to: 0,
    kind: EdgeKind::DATA,
    mark: Mark::new(
        codegraph::fact::Provenance::Source,
        codegraph::fact::Confidence::Certain,
    ),
};

fn programs() -> impl Strategy<Value = Program> {
    let sites = proptest::collection::vec((0..PROCEDURES, 0..PROCEDURES), SITES as usize);
    let data = proptest::collection::vec((0..NODES, 0..NODES), 0..60);
    (sites, data).prop_map(|(sites, data)| Program { sites, data })
}

fn with_summaries(program: &Program) -> Graph {
    let mut edges = program.edges();
    let (found, extent) = summaries(&graph(NODES, &edges), Program::site, usize::MAX);
    assert!(extent.is_complete());
    edges.extend(found);
    graph(NODES, &edges)
}

proptest! {
    /// Scenario: random programs with calls, recursion included. Guarantee: summary edges are those of the definition,
    /// and backward slices are exactly the nodes that a way with matching calls and returns comes from; forward slices
    /// are their inverse.
    #[test]
    fn slices_return_to_the_caller(program in programs(), from in 0..NODES) {
        let graph = with_summaries(&program);
        let level = program.level();
        for site in 0..SITES {
            let argument = PROCEDURES * PROCEDURE + site * 2;
            let there = graph.row(argument, EdgeKind::SUMMARY, Direction::Out).targets == [argument + 1];
            let callee = (program.sites[site as usize].1 * PROCEDURE) as usize;
            prop_assert_eq!(there, level[callee][callee + 1]);
        }
        let backward = slice(&graph, &[from], Direction::Back, KindSet::FLOWS, Budget::UNLIMITED);
        prop_assert_eq!(&backward.nodes, &program.behind(from));
        let forward = slice(&graph, &[from], Direction::Out, KindSet::FLOWS, Budget::UNLIMITED);
        let inverse: Vec<_> = (0..NODES).filter(|node| program.behind(*node).contains(&from)).collect();
        prop_assert_eq!(forward.nodes, inverse);
        let loose = Walk::against(KindSet::FLOWS).reach(&graph, &[from]);
        prop_assert!(backward.nodes.iter().all(|node| loose.nodes.iter().any(|r| r.node == *node)));
    }
}

/// Scenario: a slice and summaries with next to no budget. Guarantee: the answers say that they are cut.
#[test]
fn cut_slices_say_so() {
    let program = Program {
        sites: vec![(0, 1); 4],
        data: vec![(4, 5), (0, 12), (13, 1)],
    };
    let graph = with_summaries(&program);
    let budget = Budget {
        nodes_max: 2,
        edges_max: 100,
    };
    let cut = slice(&graph, &[1], Direction::Back, KindSet::FLOWS, budget);
    assert!(!cut.extent.is_complete());
    assert!(!summaries(&graph, Program::site, 1).1.is_complete());
}
