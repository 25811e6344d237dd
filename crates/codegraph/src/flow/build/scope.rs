//! Which version of a variable a name means now.

use crate::quoted::Symbol;

/// The current version of each name, with what to undo when a scope is left. One is used for all functions of a tree, so
/// that nothing is allocated for a function.
#[derive(Clone, Debug, Default)]
pub(in crate::flow) struct Scope {
    // By symbol: the index of the binding and one; 0: none.
    current: Vec<u32>,
    undo: Vec<(Symbol, u32)>,
    // By symbol: versions so far.
    versions: Vec<u32>,
}

impl Scope {
    /// Of a tree with so many names.
    pub(in crate::flow) fn new(names: usize) -> Self {
        Self {
            current: vec![0; names],
            undo: Vec::new(),
            versions: vec![0; names],
        }
    }

    /// Opens a scope; [`Scope::leave`] takes the mark.
    pub(super) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Forgets what was bound since the mark.
    pub(super) fn leave(&mut self, mark: usize) {
        self.shelve(mark, |_, _| ());
    }

    /// [`Scope::leave`], telling what was bound, the last first.
    pub(super) fn shelve(&mut self, mark: usize, mut bound: impl FnMut(Symbol, u32)) {
        while self.undo.len() > mark {
            let Some((name, before)) = self.undo.pop() else {
                return;
            };
            if let Some(slot) = self.current.get_mut(name.index()) {
                if *slot > 0 {
                    bound(name, *slot - 1);
                }
                *slot = before;
            }
        }
    }

    /// The binding that a name means.
    pub(super) fn get(&self, name: Symbol) -> Option<u32> {
        self.current.get(name.index())?.checked_sub(1)
    }

    /// The name means this binding from now on.
    pub(super) fn set(&mut self, name: Symbol, binding: u32) {
        if let Some(slot) = self.current.get_mut(name.index()) {
            self.undo.push((name, *slot));
            *slot = binding.saturating_add(1);
        }
    }

    /// The next version of a name.
    pub(super) fn version(&mut self, name: Symbol) -> u32 {
        self.versions.get_mut(name.index()).map_or(0, |slot| {
            *slot += 1;
            *slot - 1
        })
    }

    /// Versions of these names start again.
    pub(super) fn finish(&mut self, names: impl Iterator<Item = Symbol>) {
        self.leave(0);
        for name in names {
            if let Some(slot) = self.versions.get_mut(name.index()) {
                *slot = 0;
            }
        }
    }
}
