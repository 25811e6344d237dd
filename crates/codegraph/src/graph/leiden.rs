//! One pass of the Leiden algorithm (Traag, Waltman, van Eck 2019, algorithm A.2) for modularity.

use std::collections::VecDeque;

use super::weighted::{Members, Weighted, members, renumber};

/// Gains below this are rounding.
const GAIN_MIN: f64 = 1e-9;

/// What a pass needs besides the graph.
pub(super) struct Pass {
    pub(super) resolution: f64,
    /// Nodes that may still be looked at.
    pub(super) steps_left: u64,
}

/// A graph's nodes in groups, with each group's strength and number of nodes.
struct Groups {
    of: Vec<u32>,
    strength: Vec<f64>,
    size: Vec<u32>,
    /// Weight from the node at hand to each group; zero outside of `met`.
    weight: Vec<f64>,
    met: Vec<u32>,
}

impl Groups {
    fn new(graph: &Weighted, of: Vec<u32>) -> Self {
        let mut groups = Self {
            strength: vec![0.0; of.len()],
            size: vec![0; of.len()],
            weight: vec![0.0; of.len()],
            met: Vec::new(),
            of,
        };
        for (node, group) in groups.of.iter().enumerate() {
            groups.strength[*group as usize] += graph.strength[node];
            groups.size[*group as usize] += 1;
        }
        groups
    }

    /// Collects the weights from a node to the groups of its neighbours that count.
    fn look(&mut self, graph: &Weighted, node: usize, counts: impl Fn(usize) -> bool) {
        for group in self.met.drain(..) {
            self.weight[group as usize] = 0.0;
        }
        for (to, weight) in graph.edges(node) {
            if counts(to) {
                let group = self.of[to];
                if self.weight[group as usize] == 0.0 {
                    self.met.push(group);
                }
                self.weight[group as usize] += weight;
            }
        }
    }

    fn put(&mut self, graph: &Weighted, node: usize, group: u32) {
        let old = self.of[node] as usize;
        self.strength[old] -= graph.strength[node];
        self.size[old] -= 1;
        self.strength[group as usize] += graph.strength[node];
        self.size[group as usize] += 1;
        self.of[node] = group;
    }
}

impl Pass {
    /// From a partition to one that is at least as good.
    pub(super) fn run(&mut self, base: &Weighted, group: &[u32]) -> Vec<u32> {
        // For each node of the base the node of the graph at hand that stands for it.
        let mut stands: Vec<u32> = (0..base.len() as u32).collect();
        let mut owned;
        let mut graph = base;
        let mut group = group.to_vec();
        loop {
            group = self.moved(graph, group);
            let count = renumber(&mut group);
            if count == graph.len() || self.steps_left == 0 {
                break;
            }
            let mut fine = self.refined(graph, &group, &members(&group, count));
            let mut fine_count = renumber(&mut fine);
            if fine_count == graph.len() {
                fine.clone_from(&group);
                fine_count = count;
            }
            let next = graph.grouped(&fine, fine_count);
            let mut next_group = vec![0; fine_count];
            for (node, fine) in fine.iter().enumerate() {
                next_group[*fine as usize] = group[node];
            }
            for stands in &mut stands {
                *stands = fine[*stands as usize];
            }
            owned = next;
            graph = &owned;
            group = next_group;
        }
        stands.iter().map(|node| group[*node as usize]).collect()
    }

    /// What joining a group adds to the modularity, times half the total weight.
    fn gain(&self, graph: &Weighted, weight: f64, own: f64, theirs: f64) -> f64 {
        weight - self.resolution * own * theirs / graph.total
    }

    /// Moves single nodes to the best group, until none wants to.
    fn moved(&mut self, graph: &Weighted, group: Vec<u32>) -> Vec<u32> {
        let nodes = graph.len();
        let mut groups = Groups::new(graph, group);
        let mut queue: VecDeque<u32> = (0..nodes as u32).collect();
        let mut queued = vec![true; nodes];
        let mut free: Vec<u32> = (0..nodes as u32)
            .rev()
            .filter(|group| groups.size[*group as usize] == 0)
            .collect();
        while let Some(node) = queue.pop_front() {
            if self.steps_left == 0 {
                break;
            }
            self.steps_left -= 1;
            let node = node as usize;
            queued[node] = false;
            groups.look(graph, node, |_| true);
            let old = groups.of[node];
            let own = graph.strength[node];
            let stay = groups.strength[old as usize] - own;
            let stay = self.gain(graph, groups.weight[old as usize], own, stay);
            let mut best = (stay + GAIN_MIN, old);
            for other in groups.met.iter().filter(|other| **other != old) {
                let gain = self.gain(
                    graph,
                    groups.weight[*other as usize],
                    own,
                    groups.strength[*other as usize],
                );
                if gain > best.0 || (gain >= best.0 && best.1 != old && *other < best.1) {
                    best = (gain, *other);
                }
            }
            if best.0 < 0.0
                && groups.size[old as usize] > 1
                && let Some(alone) = free.pop()
            {
                best = (0.0, alone);
            }
            if best.1 == old {
                continue;
            }
            groups.put(graph, node, best.1);
            if groups.size[old as usize] == 0 {
                free.push(old);
            }
            for (to, _) in graph.edges(node) {
                if groups.of[to] != best.1 && !queued[to] {
                    queued[to] = true;
                    queue.push_back(to as u32);
                }
            }
        }
        groups.of
    }

    /// Within each group, joins single nodes to well connected parts of it, so that what is grouped is connected.
    fn refined(&mut self, graph: &Weighted, group: &[u32], members: &Members) -> Vec<u32> {
        let nodes = graph.len();
        let mut fine = Groups::new(graph, (0..nodes as u32).collect());
        // Weight from each part to the rest of its group.
        let mut cut: Vec<f64> = (0..nodes)
            .map(|node| {
                let within = graph.edges(node).filter(|(to, _)| group[*to] == group[node]);
                within.map(|(_, weight)| weight).sum()
            })
            .collect();
        let groups = group.iter().max().map_or(0, |last| *last as usize + 1);
        for own in 0..groups {
            let all: f64 = members
                .of(own)
                .iter()
                .map(|node| graph.strength[*node as usize])
                .sum();
            let well = |cut: f64, strength: f64| {
                cut + GAIN_MIN >= self.resolution * strength * (all - strength) / graph.total
            };
            for node in members.of(own) {
                let at = *node as usize;
                self.steps_left = self.steps_left.saturating_sub(1);
                let strength = graph.strength[at];
                if fine.size[fine.of[at] as usize] != 1 || !well(cut[fine.of[at] as usize], strength) {
                    continue;
                }
                fine.look(graph, at, |to| group[to] as usize == own);
                let mut best = (0.0, fine.of[at]);
                for part in fine.met.iter().filter(|part| **part != fine.of[at]) {
                    let theirs = fine.strength[*part as usize];
                    let gain = self.gain(graph, fine.weight[*part as usize], strength, theirs);
                    let first = best.1 == fine.of[at];
                    let better = gain > best.0 || (gain >= best.0 && (first || *part < best.1));
                    if better && well(cut[*part as usize], theirs) {
                        best = (gain, *part);
                    }
                }
                if best.1 != fine.of[at] {
                    let between = fine.weight[best.1 as usize];
                    let joined = cut[best.1 as usize] + cut[fine.of[at] as usize] - 2.0 * between;
                    cut[best.1 as usize] = joined;
                    fine.put(graph, at, best.1);
                }
            }
        }
        fine.of
    }
}

/// Makes each connected part of a group a group of its own; groups are then numbered by their first node.
pub(super) fn split(graph: &Weighted, group: &mut [u32]) {
    let mut part = vec![u32::MAX; group.len()];
    let mut open = Vec::new();
    let mut count = 0;
    for first in 0..group.len() {
        if part[first] != u32::MAX {
            continue;
        }
        part[first] = count;
        open.push(first);
        while let Some(node) = open.pop() {
            for (to, _) in graph.edges(node) {
                if part[to] == u32::MAX && group[to] == group[node] {
                    part[to] = count;
                    open.push(to);
                }
            }
        }
        count += 1;
    }
    group.copy_from_slice(&part);
}
