//! Which file, module and function of the old version is which of the new.

use std::collections::BTreeMap;

use super::Evidence;
use super::forest::{Forest, NONE, Unit};
use super::nodes::Matching;
use crate::identity::{BothIds, Owner, QualifiedNames, qualified_names};
use crate::quoted::Symbol;

/// Pairs of units, by their numbers in the forests.
#[derive(Debug)]
pub(super) struct Pairs {
    /// By old unit: the new one.
    pub(super) new_of: Vec<u32>,
    /// By new unit: the old one.
    pub(super) old_of: Vec<u32>,
    /// By new unit: why, and how alike, in thousandths.
    pub(super) why: Vec<(Evidence, u16)>,
    /// Names, by file.
    pub(super) old_names: Vec<QualifiedNames>,
    /// Names, by file.
    pub(super) new_names: Vec<QualifiedNames>,
}

impl Pairs {
    pub(super) fn find(matching: &Matching<'_>) -> Self {
        let (old, new) = (&matching.old, &matching.new);
        let names = |forest: &Forest<'_>| -> Vec<QualifiedNames> {
            let files = forest.files.iter();
            files
                .map(|file| qualified_names(file.path, file.tree, file.outline))
                .collect()
        };
        let mut pairs = Self {
            new_of: vec![NONE; old.units.len()],
            old_of: vec![NONE; new.units.len()],
            why: vec![(Evidence::Name, 0); new.units.len()],
            old_names: names(old),
            new_names: names(new),
        };
        pairs.files_and_modules(old, new);
        pairs.by_name(old, new, false);
        for only in [true, false] {
            pairs.by_content(old, new, |ids| ids.exact, Evidence::Content, only);
            pairs.by_content(old, new, |ids| ids.alpha, Evidence::Alpha, only);
            pairs.modules_by_members(old, new);
            pairs.by_name(old, new, false);
        }
        pairs.by_likeness(old, new);
        pairs.by_name(old, new, true);
        pairs.modules_by_members(old, new);
        pairs.files_by_members(old, new);
        pairs
    }

    pub(super) fn pair(&mut self, old: u32, new: u32, why: Evidence, alike: u32) {
        let (Some(new_of), Some(old_of)) = (
            self.new_of.get_mut(old as usize).filter(|slot| **slot == NONE),
            self.old_of.get_mut(new as usize).filter(|slot| **slot == NONE),
        ) else {
            return;
        };
        *new_of = new;
        *old_of = old;
        if let Some(slot) = self.why.get_mut(new as usize) {
            *slot = (why, alike.min(1000) as u16);
        }
    }

    pub(super) fn new_of(&self, old: u32) -> Option<u32> {
        self.new_of.get(old as usize).copied().filter(|new| *new != NONE)
    }

    pub(super) fn old_of(&self, new: u32) -> Option<u32> {
        self.old_of.get(new as usize).copied().filter(|old| *old != NONE)
    }

    /// Pairs the first old with the first new of equal keys, the second with the second, ...
    fn by_keys<K: Ord>(
        &mut self,
        old: impl Iterator<Item = (K, u32)>,
        new: impl Iterator<Item = (K, u32)>,
        why: Evidence,
        alike: u32,
    ) {
        let mut known: BTreeMap<K, (Vec<u32>, usize)> = BTreeMap::new();
        for (key, unit) in old {
            known.entry(key).or_default().0.push(unit);
        }
        for (key, unit) in new {
            if let Some((units, next)) = known.get_mut(&key)
                && let Some(other) = units.get(*next).copied()
            {
                *next += 1;
                self.pair(other, unit, why, alike);
            }
        }
    }

    fn files_and_modules(&mut self, old: &Forest<'_>, new: &Forest<'_>) {
        let paths = |forest: &Forest<'_>| -> Vec<(String, u32)> {
            let all = forest.files.iter().enumerate();
            all.map(|(index, file)| (file.path.to_owned(), forest.unit(index as u32, Owner::File)))
                .collect()
        };
        self.by_keys(
            paths(old).into_iter(),
            paths(new).into_iter(),
            Evidence::Name,
            1000,
        );
        let free = |forest: &Forest<'_>, taken: &[u32]| -> Vec<_> {
            let all = forest.files.iter().enumerate();
            all.map(|(index, file)| (file.contents.file.exact, forest.unit(index as u32, Owner::File)))
                .filter(|(_, unit)| taken.get(*unit as usize) == Some(&NONE))
                .collect()
        };
        let (a, b) = (free(old, &self.new_of), free(new, &self.old_of));
        self.by_keys(a.into_iter(), b.into_iter(), Evidence::Content, 1000);
        let modules = |forest: &Forest<'_>, names: &[QualifiedNames]| -> Vec<(String, u32)> {
            let all = names.iter().enumerate();
            all.flat_map(|(file, names)| {
                let units = names.modules.iter().enumerate();
                units.map(move |(index, name)| {
                    (
                        name.clone(),
                        forest.unit(file as u32, Owner::Module(index as u32)),
                    )
                })
            })
            .filter(|(name, _)| name != "?")
            .collect()
        };
        let (a, b) = (modules(old, &self.old_names), modules(new, &self.new_names));
        self.by_keys(a.into_iter(), b.into_iter(), Evidence::Name, 1000);
        for (look, why) in [(false, Evidence::Content), (true, Evidence::Alpha)] {
            let ids = |forest: &Forest<'_>, taken: &[u32]| -> Vec<_> {
                let found = forest.units.iter().enumerate();
                found
                    .filter(|(unit, _)| taken.get(*unit) == Some(&NONE))
                    .filter_map(|(unit, what)| match what.owner {
                        Owner::Module(_) => {
                            let ids = contents(forest, *what)?;
                            Some((if look { ids.alpha } else { ids.exact }, unit as u32))
                        }
                        _ => None,
                    })
                    .collect()
            };
            let (a, b) = (ids(old, &self.new_of), ids(new, &self.old_of));
            self.by_keys(a.into_iter(), b.into_iter(), why, 1000);
        }
    }

    /// Functions of the same name and arity in modules that are pairs (or in files that are). Computed names are all the
    /// same, so these come last, and then in order.
    fn by_name(&mut self, old: &Forest<'_>, new: &Forest<'_>, computed: bool) {
        let key = |forest: &Forest<'_>, unit: usize, scope: u32| {
            let function = function(forest, *forest.units.get(unit)?)?;
            let file = forest.files.get(forest.units.get(unit)?.file as usize)?;
            if !computed && function.name == Symbol::NONE {
                return None;
            }
            Some((
                scope,
                file.tree.symbols().text(function.name).to_owned(),
                function.arity,
            ))
        };
        let mut a = Vec::new();
        for unit in 0..old.units.len() {
            if self.new_of.get(unit) == Some(&NONE)
                && let Some(scope) = scope(old, unit).and_then(|scope| self.new_of(scope))
                && let Some(key) = key(old, unit, scope)
            {
                a.push((key, unit as u32));
            }
        }
        let mut b = Vec::new();
        for unit in 0..new.units.len() {
            if self.old_of.get(unit) == Some(&NONE)
                && let Some(key) = scope(new, unit).and_then(|scope| key(new, unit, scope))
            {
                b.push((key, unit as u32));
            }
        }
        self.by_keys(a.into_iter(), b.into_iter(), Evidence::Name, 1000);
    }

    /// Functions of equal content, preferably in modules that are pairs; `only` those that are the only ones, for which of
    /// several is meant may be clear once more modules are known.
    fn by_content<K: Ord + Copy>(
        &mut self,
        old: &Forest<'_>,
        new: &Forest<'_>,
        id: impl Fn(BothIds) -> K,
        why: Evidence,
        only: bool,
    ) {
        for same_module in [true, false] {
            let mut a = Vec::new();
            for unit in self.free_functions(old, true) {
                if let Some(ids) = old.units.get(unit as usize).and_then(|what| contents(old, *what)) {
                    let scope = scope(old, unit as usize).and_then(|scope| self.new_of(scope));
                    a.push(((id(ids), scope.filter(|_| same_module)), unit));
                }
            }
            let mut b = Vec::new();
            for unit in self.free_functions(new, false) {
                if let Some(ids) = new.units.get(unit as usize).and_then(|what| contents(new, *what)) {
                    let scope = scope(new, unit as usize);
                    b.push(((id(ids), scope.filter(|_| same_module)), unit));
                }
            }
            if same_module {
                a.retain(|((_, scope), _)| scope.is_some());
            }
            if only {
                let count = |list: &[((K, Option<u32>), u32)]| {
                    let mut counts: BTreeMap<(K, Option<u32>), u32> = BTreeMap::new();
                    for (key, _) in list {
                        *counts.entry(*key).or_default() += 1;
                    }
                    counts
                };
                let (in_old, in_new) = (count(&a), count(&b));
                a.retain(|(key, _)| in_old.get(key) == Some(&1) && in_new.get(key) == Some(&1));
            }
            self.by_keys(a.into_iter(), b.into_iter(), why, 1000);
        }
    }

    pub(super) fn free_functions(&self, forest: &Forest<'_>, is_old: bool) -> Vec<u32> {
        let taken = if is_old { &self.new_of } else { &self.old_of };
        let all = forest.units.iter().zip(taken).enumerate();
        all.filter(|(_, (unit, taken))| matches!(unit.owner, Owner::Function(_)) && **taken == NONE)
            .map(|(unit, _)| unit as u32)
            .collect()
    }
}

/// The module or file around a unit.
pub(super) fn scope(forest: &Forest<'_>, unit: usize) -> Option<u32> {
    let what = forest.units.get(unit)?;
    let outline = forest.files.get(what.file as usize)?.outline;
    let module = match what.owner {
        Owner::File => return None,
        Owner::Module(index) => outline.modules.get(index as usize)?.parent,
        Owner::Function(index) => outline.functions.get(index as usize)?.module,
    };
    Some(forest.unit(what.file, module.map_or(Owner::File, Owner::Module)))
}

pub(super) fn function<'a>(forest: &Forest<'a>, unit: Unit) -> Option<&'a crate::definitions::Function> {
    match unit.owner {
        Owner::Function(index) => {
            let file: &'a super::SourceFile<'a> = forest.files.get(unit.file as usize)?;
            file.outline.functions.get(index as usize)
        }
        _ => None,
    }
}

/// A function's name.
pub(super) fn name<'a>(forest: &Forest<'a>, unit: u32) -> Option<(&'a str, u8)> {
    let what = *forest.units.get(unit as usize)?;
    let function = function(forest, what)?;
    let file: &'a super::SourceFile<'a> = forest.files.get(what.file as usize)?;
    Some((file.tree.symbols().text(function.name), function.arity))
}

/// The content ids of a unit.
pub(super) fn contents(forest: &Forest<'_>, unit: Unit) -> Option<BothIds> {
    let contents = forest.files.get(unit.file as usize)?.contents;
    match unit.owner {
        Owner::File => Some(contents.file),
        Owner::Module(index) => contents.modules.get(index as usize).copied(),
        Owner::Function(index) => contents.functions.get(index as usize).copied(),
    }
}
