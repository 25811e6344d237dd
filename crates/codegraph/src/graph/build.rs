//! A graph from a list of edges.

use std::collections::BTreeMap;

use super::{Edge, EdgeKind, Graph, Rows, rows::Bare};

/// Nodes that a graph can have: their numbers and one more fit 32 bits.
pub const NODES_MAX: u32 = u32::MAX - 1;

/// Why a list of edges is no graph.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// An edge names a node that does not exist.
    #[error("node {node} does not exist: the graph has {nodes} nodes")]
    Node {
        /// The number named.
        node: u32,
        /// Nodes there are.
        nodes: u32,
    },
    /// More nodes, or edges of one kind, than 32 bits can number.
    #[error("{count} nodes or edges of one kind exceed the limit of {NODES_MAX}")]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// Collects edges, then builds the rows of each kind in time linear in nodes and edges.
#[derive(Debug, Default)]
pub struct Builder {
    nodes: u32,
    edges: BTreeMap<EdgeKind, Vec<Bare>>,
    refused: Option<Refused>,
}

impl Builder {
    /// A graph of nodes `0..nodes`, without edges so far.
    #[must_use]
    pub fn new(nodes: u32) -> Self {
        Self {
            nodes,
            edges: BTreeMap::new(),
            refused: (nodes > NODES_MAX).then_some(Refused::TooMany {
                count: nodes as usize,
            }),
        }
    }

    /// One more edge. The same edge twice is one edge, with the greater mark. An edge with an unknown end makes
    /// [`Builder::build`] fail.
    pub fn add(&mut self, edge: Edge) {
        let worst = edge.from.max(edge.to);
        if worst < self.nodes {
            let list = self.edges.entry(edge.kind).or_default();
            list.push((edge.from, edge.to, edge.mark));
        } else if self.refused.is_none() {
            self.refused = Some(Refused::Node {
                node: worst,
                nodes: self.nodes,
            });
        }
    }

    /// The graph.
    pub fn build(self) -> Result<Graph, Refused> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let mut graph = Graph::empty(self.nodes);
        for (kind, edges) in self.edges {
            if edges.len() > NODES_MAX as usize {
                return Err(Refused::TooMany { count: edges.len() });
            }
            graph.put(kind, Rows::build(self.nodes, edges));
        }
        Ok(graph)
    }
}

impl Extend<Edge> for Builder {
    fn extend<T: IntoIterator<Item = Edge>>(&mut self, edges: T) {
        edges.into_iter().for_each(|edge| self.add(edge));
    }
}
