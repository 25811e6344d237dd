//! Shortest ways, and several of them, between sets of nodes.

use std::collections::BTreeSet;

use super::seen::Seen;
use super::view::Purse;
use super::{Direction, EdgeKind, Extent, Limit, View, Walk};

/// Ways between two sets, the shortest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Each as its nodes, both ends included.
    pub paths: Vec<Vec<u32>>,
    /// Complete if these are the shortest ones that there are (as many as were asked for, or all).
    pub extent: Extent,
}

impl Walk {
    /// Up to `count` ways along the walk's edges from a node of one set to a node of the other, the shortest first, of
    /// equally long ones those with the smaller numbers among those found. No way meets a node twice, after its start
    /// none meets another start, before its end none meets another end. A node in both sets is a way of its own. Not
    /// longer than [`Walk::depth_max`] steps.
    ///
    /// Yen 1971: each next way leaves one that is known at some node for the first time. Searches are confined to nodes
    /// from which the goal can still be reached in time.
    #[must_use]
    pub fn paths(&self, view: &(impl View + ?Sized), from: &[u32], to: &[u32], count: usize) -> Paths {
        let mut search = Search {
            view,
            ways: self.ways(view),
            walk: self,
            left: vec![u32::MAX; view.node_count() as usize],
            sources: Seen::of(view.node_count(), from),
            purse: Purse::new(self.budget),
            extent: Extent::Complete,
        };
        search.measure(to);
        let from: BTreeSet<u32> = from.iter().copied().filter(|node| view.has_node(*node)).collect();
        let mut paths: Vec<Vec<u32>> = Vec::new();
        let mut waiting: BTreeSet<(usize, Vec<u32>)> = BTreeSet::new();
        if count > 0 {
            let starts: Vec<u32> = from.iter().copied().collect();
            waiting.extend(search.shortest(&[], &starts).map(|path| (path.len(), path)));
        }
        while paths.len() < count
            && search.extent.is_complete()
            && let Some((_, path)) = waiting.pop_first()
        {
            paths.push(path);
            if paths.len() == count {
                break;
            }
            let known = paths.last().map_or(0, Vec::len);
            for kept in 0..known {
                let Some(last) = paths.last() else { break };
                let stem = last[..kept].to_vec();
                let taken: BTreeSet<u32> = paths
                    .iter()
                    .filter(|path| path.len() > kept && path[..kept] == stem)
                    .map(|path| path[kept])
                    .collect();
                let next = match stem.last() {
                    Some(node) => search.next(*node),
                    None => from.iter().copied().collect(),
                };
                let next: Vec<u32> = next.into_iter().filter(|node| !taken.contains(node)).collect();
                waiting.extend(search.shortest(&stem, &next).map(|path| (path.len(), path)));
            }
        }
        Paths {
            paths,
            extent: search.extent,
        }
    }
}

struct Search<'a, V: ?Sized> {
    view: &'a V,
    walk: &'a Walk,
    ways: Vec<(EdgeKind, Direction)>,
    /// Steps from each node to the goal; `u32::MAX` of nodes without a way to it.
    left: Vec<u32>,
    sources: Seen,
    purse: Purse,
    extent: Extent,
}

impl<V: View + ?Sized> Search<'_, V> {
    /// Fills `left`.
    fn measure(&mut self, to: &[u32]) {
        let reach = self.walk.flipped().reach(self.view, to);
        self.extent = reach.extent;
        for reached in reach.nodes {
            self.left[reached.node as usize] = reached.depth;
        }
    }

    /// Where edges lead from here, ascending, each once.
    fn next(&mut self, node: u32) -> Vec<u32> {
        let mut next = Vec::new();
        for (kind, direction) in &self.ways {
            let row = self.view.row(node, *kind, *direction);
            if !self.purse.pay(row.targets.len()) {
                self.extent = Extent::Cut(Limit::Edges);
            }
            let sure = row
                .iter()
                .filter(|(_, mark)| mark.confidence() >= self.walk.confidence);
            next.extend(sure.map(|(to, _)| to));
        }
        next.sort_unstable();
        next.dedup();
        next
    }

    /// The shortest way that begins with `stem` and goes on with one of `starts`.
    fn shortest(&mut self, stem: &[u32], starts: &[u32]) -> Option<Vec<u32>> {
        let mut seen = Seen::of(self.view.node_count(), stem);
        let mut met: Vec<(u32, usize, usize)> = Vec::new();
        let mut found = None;
        let steps = stem.len();
        for node in starts {
            self.meet(*node, (steps, usize::MAX), stem.is_empty(), &mut seen, &mut met);
        }
        let mut at = 0;
        while let Some(&(node, steps, _)) = met.get(at) {
            if self.left[node as usize] == 0 {
                found = Some(at);
                break;
            }
            if !self.extent.is_complete() {
                return None;
            }
            for next in self.next(node) {
                self.meet(next, (steps + 1, at), false, &mut seen, &mut met);
            }
            at += 1;
        }
        let mut path = Vec::new();
        let mut place = found?;
        while let Some((node, _, before)) = met.get(place) {
            path.push(*node);
            place = *before;
        }
        path.extend(stem.iter().rev());
        path.reverse();
        Some(path)
    }

    fn meet(
        &self,
        node: u32,
        (steps, before): (usize, usize),
        first: bool,
        seen: &mut Seen,
        met: &mut Vec<(u32, usize, usize)>,
    ) {
        let left = self.left.get(node as usize).copied().unwrap_or(u32::MAX);
        let in_time = left < u32::MAX && steps.saturating_add(left as usize) <= self.walk.depth_max as usize;
        // Beyond its first node a way meets a source only where that is a goal, too: and that is a way of its own.
        if in_time && (first || !self.sources.has(node)) && seen.insert(node) {
            met.push((node, steps, before));
        }
    }
}
