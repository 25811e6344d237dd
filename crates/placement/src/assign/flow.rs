//! The cheapest greatest flow through a network with whole capacities: successive shortest paths with potentials
//! (Edmonds and Karp 1972; Ahuja, Magnanti, Orlin, "Network Flows", section 9.7), all costs at least 0.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A network. Nodes are numbers below what [`Network::new`] was given.
#[derive(Clone, Debug)]
pub(super) struct Network {
    edges: Vec<Edge>,
    from: Vec<Vec<usize>>,
}

/// Edges come in pairs: `2k` and its opposite `2k + 1`.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: usize,
    room: u32,
    cost: i64,
}

impl Network {
    /// Without edges.
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            edges: Vec::new(),
            from: vec![Vec::new(); nodes],
        }
    }

    /// Adds an edge and gives its number. `cost` is at least 0.
    pub(super) fn edge(&mut self, from: usize, to: usize, room: u32, cost: i64) -> usize {
        let number = self.edges.len();
        self.edges.push(Edge { to, room, cost });
        self.edges.push(Edge {
            to: from,
            room: 0,
            cost: -cost,
        });
        self.from[from].push(number);
        self.from[to].push(number + 1);
        number
    }

    /// How much flows through an edge.
    pub(super) fn flow(&self, edge: usize) -> u32 {
        self.edges[edge | 1].room
    }

    /// Sends as much as possible from `source` to `sink`, at the least cost of all ways to send that much; gives the amount.
    pub(super) fn send(&mut self, source: usize, sink: usize) -> u32 {
        let mut potential = vec![0i64; self.from.len()];
        let mut sent = 0;
        while let Some((distance, by)) = self.shortest(source, sink, &potential) {
            let reach = distance[sink];
            for (p, d) in potential.iter_mut().zip(&distance) {
                *p += (*d).min(reach);
            }
            sent += self.augment(source, sink, &by);
        }
        sent
    }

    /// Distances by reduced cost and the edge by which each node is reached, if the sink is (Dijkstra 1959).
    fn shortest(&self, source: usize, sink: usize, potential: &[i64]) -> Option<(Vec<i64>, Vec<usize>)> {
        let mut distance = vec![i64::MAX; self.from.len()];
        let mut by = vec![usize::MAX; self.from.len()];
        let mut waiting = BinaryHeap::from([Reverse((0i64, source))]);
        distance[source] = 0;
        while let Some(Reverse((so_far, node))) = waiting.pop() {
            if so_far > distance[node] {
                continue;
            }
            if node == sink {
                break;
            }
            for number in &self.from[node] {
                let edge = self.edges[*number];
                let next = so_far + edge.cost + potential[node] - potential[edge.to];
                if edge.room > 0 && next < distance[edge.to] {
                    distance[edge.to] = next;
                    by[edge.to] = *number;
                    waiting.push(Reverse((next, edge.to)));
                }
            }
        }
        (distance[sink] < i64::MAX).then_some((distance, by))
    }

    /// Sends what fits along the path.
    fn augment(&mut self, source: usize, sink: usize, by: &[usize]) -> u32 {
        let mut room = u32::MAX;
        let mut node = sink;
        while node != source {
            room = room.min(self.edges[by[node]].room);
            node = self.edges[by[node] ^ 1].to;
        }
        node = sink;
        while node != source {
            self.edges[by[node]].room -= room;
            self.edges[by[node] ^ 1].room += room;
            node = self.edges[by[node] ^ 1].to;
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Scenario: a cheap way that must be given up in part for all to flow. Guarantee: all flows, at the least cost.
    #[test]
    fn gives_a_cheap_way_up_for_the_whole() {
        let mut n = Network::new(4);
        let ways = [(0, 1, 1), (0, 2, 4), (1, 2, 1), (1, 3, 5), (2, 3, 1)];
        let edges = ways.map(|(from, to, cost)| n.edge(from, to, 1, cost));
        assert_eq!(n.send(0, 3), 2);
        assert_eq!(edges.map(|e| n.flow(e)), [1, 1, 0, 1, 1]);
    }

    proptest! {
        /// Scenario: small random assignments of jobs to workers, all ways tried one by one. Guarantee: the same number
        /// of jobs done, at the same cost.
        #[test]
        fn as_cheap_as_the_best_of_all(costs in proptest::collection::vec(proptest::option::of(0i64..9), 16)) {
            let mut n = Network::new(10);
            for job in 0..4 { n.edge(0, 1 + job, 1, 0); }
            for worker in 0..4 { n.edge(5 + worker, 9, 1, 0); }
            let ways: Vec<_> = costs.iter().enumerate()
                .filter_map(|(i, c)| c.map(|c| (n.edge(1 + i / 4, 5 + i % 4, 1, c), c)))
                .collect();
            let sent = n.send(0, 9);
            let cost: i64 = ways.iter().map(|(e, c)| i64::from(n.flow(*e)) * c).sum();
            prop_assert_eq!((sent, cost), best(&costs, 0, 0));
        }
    }

    /// Most jobs done from `job` on, then least cost.
    fn best(costs: &[Option<i64>], job: usize, busy: u32) -> (u32, i64) {
        if job == 4 {
            return (0, 0);
        }
        let mut found = best(costs, job + 1, busy);
        for worker in (0..4).filter(|w| busy & (1 << w) == 0) {
            if let Some(cost) = costs[job * 4 + worker] {
                let (n, c) = best(costs, job + 1, busy | 1 << worker);
                if (n + 1, -(c + cost)) > (found.0, -found.1) {
                    found = (n + 1, c + cost);
                }
            }
        }
        found
    }
}
