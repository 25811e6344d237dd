//! Which node of the old version is which of the new, within pairs of units.

use std::collections::HashMap;

use super::SourceFile;
use super::entities::{Pairs, contents};
use super::forest::{Forest, NONE, get};
use crate::identity::Owner;
use crate::quoted::NodeId;

/// Smallest subtree that is matched for being the only one of its kind.
const UNIQUE_NODES_MIN: u32 = 3;

/// Both sides, and the pairs of nodes found so far.
#[derive(Debug)]
pub(super) struct Matching<'a> {
    pub(super) old: Forest<'a>,
    pub(super) new: Forest<'a>,
}

/// Which hash subtrees are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Exact,
    Blind,
}

impl<'a> Matching<'a> {
    pub(super) fn new(old: &'a [SourceFile<'a>], new: &'a [SourceFile<'a>]) -> Self {
        Self {
            old: Forest::new(old),
            new: Forest::new(new),
        }
    }

    pub(super) fn run(&mut self, pairs: &Pairs) {
        let rank = |owner: Owner| match owner {
            Owner::Function(_) => 0,
            Owner::Module(_) => 1,
            Owner::File => 2,
        };
        let mut order: Vec<(u8, u32, u32)> = Vec::new();
        for (unit, what) in self.new.units.iter().enumerate() {
            if let Some(old) = pairs.old_of(unit as u32) {
                order.push((rank(what.owner), old, unit as u32));
            }
        }
        order.sort_by_key(|(rank, _, unit)| (*rank, *unit));
        // Functions that say the same first, so that nothing takes their nodes.
        let mut left = Vec::new();
        for (rank, old, new) in order {
            if !self.zip(old, new) {
                left.push((rank, old, new));
            }
        }
        for (_, old, new) in &left {
            self.region(*old, *new);
        }
        self.across(pairs);
    }

    pub(super) fn hash(&self, by: By, is_old: bool, node: u32) -> u64 {
        let forest = if is_old { &self.old } else { &self.new };
        get(
            if by == By::Exact {
                &forest.exact
            } else {
                &forest.blind
            },
            node,
        )
    }

    /// Pairs two nodes, if both are free.
    pub(super) fn pair(&mut self, old: u32, new: u32) -> bool {
        let (Some(a), Some(b)) = (
            self.old
                .partner
                .get_mut(old as usize)
                .filter(|slot| **slot == NONE),
            self.new
                .partner
                .get_mut(new as usize)
                .filter(|slot| **slot == NONE),
        ) else {
            return false;
        };
        *a = new;
        *b = old;
        true
    }

    /// Pairs subtrees of one shape, node by node.
    pub(super) fn pair_subtrees(&mut self, old: u32, new: u32) {
        for (old, new) in self.old.subtree(old).zip(self.new.subtree(new)) {
            self.pair(old, new);
        }
    }

    /// Units of equal exact or alpha content have one shape: node by node.
    fn zip(&mut self, old: u32, new: u32) -> bool {
        let ids = |forest: &Forest<'_>, unit: u32| {
            forest.units.get(unit as usize).and_then(|u| contents(forest, *u))
        };
        let (Some(a), Some(b)) = (ids(&self.old, old), ids(&self.new, new)) else {
            return false;
        };
        let is_function = self
            .new
            .units
            .get(new as usize)
            .is_some_and(|unit| matches!(unit.owner, Owner::Function(_)));
        let equal = a.exact == b.exact || is_function && a.alpha == b.alpha;
        let (olds, news) = (self.old.members(old).to_vec(), self.new.members(new).to_vec());
        if !equal || olds.len() != news.len() {
            return false;
        }
        for (old, new) in olds.into_iter().zip(news) {
            self.pair(old, new);
        }
        true
    }

    /// Matches what two units own.
    fn region(&mut self, old: u32, new: u32) {
        let (olds, news) = (self.old.members(old).to_vec(), self.new.members(new).to_vec());
        self.unique(&olds, &news, By::Exact, UNIQUE_NODES_MIN);
        self.align_roots(old, new);
        self.unique(&olds, &news, By::Blind, UNIQUE_NODES_MIN);
        self.containers(&news, Some(old));
        self.in_turn(&olds, &news, By::Exact);
        self.containers(&news, Some(old));
        self.in_turn(&olds, &news, By::Blind);
    }

    /// The top of a unit: a function's clauses, a module's or file's node.
    fn align_roots(&mut self, old: u32, new: u32) {
        let (olds, news) = (roots(&self.old, old), roots(&self.new, new));
        let mut work = Vec::new();
        if let ([old], [new]) = (olds.as_slice(), news.as_slice()) {
            if self.pair(*old, *new) || self.old.partner(*old) == Some(*new) {
                work.push((*old, *new));
            }
        } else {
            self.align_lists(&olds, &news, &mut work);
        }
        self.align(work);
    }

    /// The largest equal subtrees that are the only ones of their kind on both sides.
    pub(super) fn unique(&mut self, olds: &[u32], news: &[u32], by: By, size_min: u32) {
        // By hash: how many there are on each side, and the last.
        let mut known: HashMap<u64, ([u32; 2], u32)> = HashMap::new();
        for node in olds {
            if self.old.is_free(*node) && self.old.size(*node) >= size_min {
                let entry = known.entry(self.hash(by, true, *node)).or_default();
                entry.0[0] += 1;
                entry.1 = *node;
            }
        }
        for node in news {
            if self.new.is_free(*node)
                && self.new.size(*node) >= size_min
                && let Some(entry) = known.get_mut(&self.hash(by, false, *node))
            {
                entry.0[1] += 1;
            }
        }
        // From the end: a node comes before what is below it.
        let mut covered = u32::MAX;
        for node in news.iter().rev() {
            if *node >= covered || !self.new.is_free(*node) || self.new.size(*node) < size_min {
                continue;
            }
            let Some(([1, 1], other)) = known.get(&self.hash(by, false, *node)).copied() else {
                continue;
            };
            if self.old.is_free(other) && self.old.size(other) == self.new.size(*node) {
                self.pair_subtrees(other, *node);
                covered = self.new.subtree(*node).start;
                if covered == 0 {
                    break;
                }
            }
        }
    }

    /// Equal subtrees of which there are several: the first with the first, the second with the second.
    pub(super) fn in_turn(&mut self, olds: &[u32], news: &[u32], by: By) {
        let mut known: HashMap<u64, std::collections::VecDeque<u32>> = HashMap::new();
        for node in olds {
            if self.old.is_free(*node) {
                known
                    .entry(self.hash(by, true, *node))
                    .or_default()
                    .push_back(*node);
            }
        }
        // Large ones first, for a small one may be part of a large one.
        let mut order: Vec<u32> = news
            .iter()
            .copied()
            .filter(|node| self.new.is_free(*node))
            .collect();
        order.sort_by_key(|node| (std::cmp::Reverse(self.new.size(*node)), *node));
        for node in order {
            if !self.new.is_free(node) || self.new.size(node) < 2 {
                continue;
            }
            let Some(others) = known.get_mut(&self.hash(by, false, node)) else {
                continue;
            };
            while let Some(other) = others.pop_front() {
                if self.old.is_free(other) && self.old.size(other) == self.new.size(node) {
                    self.pair_subtrees(other, node);
                    break;
                }
            }
        }
    }
}

/// The topmost nodes of a unit, in the order of the file.
fn roots(forest: &Forest<'_>, unit: u32) -> Vec<u32> {
    let Some(what) = forest.units.get(unit as usize) else {
        return Vec::new();
    };
    let Some(file) = forest.files.get(what.file as usize) else {
        return Vec::new();
    };
    let number = |node: NodeId| forest.number(what.file, node);
    match what.owner {
        Owner::File => file.tree.root().map(number).into_iter().collect(),
        Owner::Module(index) => {
            let module = file.outline.modules.get(index as usize);
            module.map(|module| number(module.node)).into_iter().collect()
        }
        Owner::Function(index) => {
            let clauses = file
                .outline
                .functions
                .get(index as usize)
                .map(|f| f.clauses.as_slice());
            let clauses = clauses.unwrap_or_default().iter();
            clauses
                .filter_map(|clause| file.outline.clauses.get(*clause as usize))
                .map(|clause| number(clause.node))
                .collect()
        }
    }
}
