//! Equal parts across units: what was extracted, inlined or moved to elsewhere.

use std::collections::BTreeMap;

use super::entities::Pairs;
use super::nodes::{By, Matching};

/// Smallest subtree that is followed from one unit to another.
const NODES_MIN: u32 = 3;
/// The same if its locals have other names.
const BLIND_NODES_MIN: u32 = 5;
/// Most old units that are looked at for what one new unit took from them.
const DONORS_MAX: usize = 8;

impl Matching<'_> {
    /// Matches what is left, across units.
    pub(super) fn across(&mut self, pairs: &Pairs) {
        let olds: Vec<u32> = (0..self.old.len())
            .filter(|node| self.old.is_free(*node))
            .collect();
        let news: Vec<u32> = (0..self.new.len())
            .filter(|node| self.new.is_free(*node))
            .collect();
        if olds.is_empty() || news.is_empty() {
            return;
        }
        self.unique(&olds, &news, By::Exact, NODES_MIN);
        self.unique(&olds, &news, By::Blind, BLIND_NODES_MIN);
        for unit in 0..self.new.units.len() as u32 {
            let members = self.new.members(unit).to_vec();
            if !members.iter().any(|node| self.new.is_free(*node)) {
                continue;
            }
            for donor in self.donors(unit, pairs) {
                let olds = self.old.members(donor).to_vec();
                self.unique(&olds, &members, By::Exact, 2);
                self.containers(&members, Some(donor));
                self.in_turn(&olds, &members, By::Exact);
                self.in_turn(&olds, &members, By::Blind);
                self.containers(&members, Some(donor));
            }
        }
    }

    /// The old units that a new unit has nodes of, most first; the one that it is paired with is not among them.
    pub(super) fn donors(&self, unit: u32, pairs: &Pairs) -> Vec<u32> {
        let mut mass: BTreeMap<u32, u32> = BTreeMap::new();
        for node in self.new.members(unit) {
            if let Some(partner) = self.new.partner(*node) {
                *mass.entry(self.old.unit_at(partner)).or_default() += 1;
            }
        }
        if let Some(own) = pairs.old_of(unit) {
            mass.remove(&own);
        }
        let mut donors: Vec<(u32, u32)> = mass.into_iter().collect();
        donors.sort_by_key(|(donor, mass)| (std::cmp::Reverse(*mass), *donor));
        donors
            .into_iter()
            .take(DONORS_MAX)
            .map(|(donor, _)| donor)
            .collect()
    }
}
