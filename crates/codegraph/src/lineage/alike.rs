//! Pairs of what has neither name nor content in common: functions by likeness, modules and files by their members.

use std::collections::HashMap;

use super::Evidence;
use super::entities::{Pairs, name, scope};
use super::forest::{Forest, get};
use crate::clones::minhash::{Buckets, dice, signature};
use crate::identity::Owner;

/// Least likeness, in thousandths.
const DICE_MIN: u32 = 500;
/// Functions of fewer nodes are alike by chance: they need more.
const SMALL_NODES: usize = 16;
/// What they need.
const SMALL_DICE_MIN: u32 = 800;
/// Most nodes of a function that its likeness is measured by.
const FEATURES_MAX: usize = 4096;

/// How alike, whether in paired modules, whether of one name; the old function, the new.
type Candidate = (std::cmp::Reverse<(u32, bool, bool)>, u32, u32);

impl Pairs {
    /// Functions that are alike.
    pub(super) fn by_likeness(&mut self, old: &Forest<'_>, new: &Forest<'_>) {
        let (olds, news) = (self.free_functions(old, true), self.free_functions(new, false));
        let old_features: Vec<Vec<u64>> = olds.iter().map(|unit| features(old, *unit)).collect();
        let mut buckets = Buckets::default();
        for (index, features) in old_features.iter().enumerate() {
            buckets.add(index as u32, &signature(features));
        }
        let mut found: Vec<Candidate> = Vec::new();
        for unit in news {
            let features = features(new, unit);
            for (index, _) in buckets.near(&signature(&features)) {
                let (Some(other), Some(others)) =
                    (olds.get(index as usize), old_features.get(index as usize))
                else {
                    continue;
                };
                let alike = dice(&features, others);
                let small = features.len().min(others.len()) < SMALL_NODES;
                if alike < if small { SMALL_DICE_MIN } else { DICE_MIN } {
                    continue;
                }
                let module = scope(old, *other as usize).and_then(|scope| self.new_of(scope));
                let same_module = module.is_some() && module == scope(new, unit as usize);
                let same_name = name(old, *other) == name(new, unit);
                found.push((std::cmp::Reverse((alike, same_module, same_name)), *other, unit));
            }
        }
        found.sort_unstable();
        for (std::cmp::Reverse((alike, ..)), other, unit) in found {
            self.pair(other, unit, Evidence::Similar, alike);
        }
    }

    /// Modules most of whose functions went to one new module, as far as is known, and no less than a quarter of all.
    pub(super) fn modules_by_members(&mut self, old: &Forest<'_>, new: &Forest<'_>) {
        let mut votes: HashMap<(u32, u32), u32> = HashMap::new();
        // By old module: the nodes of its functions, and of those that are paired.
        let mut totals: HashMap<u32, (u32, u32)> = HashMap::new();
        for (unit, what) in old.units.iter().enumerate() {
            if !matches!(what.owner, Owner::Function(_)) {
                continue;
            }
            let weight = old.members(unit as u32).len() as u32;
            let Some(from) = scope(old, unit) else { continue };
            let total = totals.entry(from).or_default();
            total.0 += weight;
            if let Some(to) = self.new_of(unit as u32).and_then(|to| scope(new, to as usize)) {
                total.1 += weight;
                *votes.entry((from, to)).or_default() += weight;
            }
        }
        let mut found: Vec<(std::cmp::Reverse<u32>, u32, u32)> = votes
            .into_iter()
            .filter(|((from, to), votes)| {
                let is_module = |forest: &Forest<'_>, unit: &u32| {
                    let what = forest.units.get(*unit as usize);
                    what.is_some_and(|what| matches!(what.owner, Owner::Module(_)))
                };
                let (total, paired) = totals.get(from).copied().unwrap_or_default();
                is_module(old, from) && is_module(new, to) && 2 * votes > paired && 4 * votes >= total
            })
            .map(|((from, to), votes)| (std::cmp::Reverse(votes), from, to))
            .collect();
        found.sort_unstable();
        for (_, from, to) in found {
            self.pair(from, to, Evidence::Members, 1000);
        }
    }

    /// Files whose modules went to a new file.
    pub(super) fn files_by_members(&mut self, old: &Forest<'_>, new: &Forest<'_>) {
        for (unit, what) in old.units.iter().enumerate() {
            if !matches!(what.owner, Owner::Module(_)) {
                continue;
            }
            if let Some(to) = self.new_of(unit as u32).and_then(|to| new.units.get(to as usize)) {
                let from = old.unit(what.file, Owner::File);
                let to = new.unit(to.file, Owner::File);
                self.pair(from, to, Evidence::Members, 1000);
            }
        }
    }
}

/// What a function's likeness is measured by: the hashes of its subtrees, locals alike; sorted.
fn features(forest: &Forest<'_>, unit: u32) -> Vec<u64> {
    let nodes = forest.members(unit).iter().take(FEATURES_MAX);
    let mut features: Vec<u64> = nodes.map(|node| get(&forest.blind, *node)).collect();
    features.sort_unstable();
    features
}
