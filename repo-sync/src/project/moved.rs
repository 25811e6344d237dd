//! Where modules and functions went when all were numbered anew.

use super::join::FileCalls;
use super::numbers::{FileNumbers, Key, Numbers};

/// From the numbers of one join to those of the next.
#[derive(Debug)]
pub(super) struct Moved {
    // By function of the old join, those outside included.
    functions: Vec<To>,
    old_modules: u32,
    new_modules: u32,
    // By file: how far its modules and its functions went.
    steps: Vec<(u32, u32)>,
}

/// Where a function is now.
#[derive(Clone, Copy, Debug)]
enum To {
    Function(u32),
    Outside(Key),
    Gone,
}

impl Moved {
    /// `None` if that cannot be told file by file: there are other files, or a name is defined in two of them.
    pub(super) fn new(
        old: &Numbers,
        outside: &[Key],
        new: &Numbers,
        is_changed: &dyn Fn(usize) -> bool,
    ) -> Option<Self> {
        if old.files.len() != new.files.len() || old.functions.len() != old.defined as usize + outside.len() {
            return None;
        }
        let mut moved = Self {
            functions: Vec::with_capacity(old.functions.len()),
            old_modules: old.modules.len() as u32,
            new_modules: new.modules.len() as u32,
            steps: Vec::with_capacity(new.files.len()),
        };
        for (file, (was, is)) in old.files.iter().zip(&new.files).enumerate() {
            let ((old_module, old_function), (new_module, new_function)) = (was.starts(), is.starts());
            moved.steps.push((
                new_module.wrapping_sub(old_module),
                new_function.wrapping_sub(old_function),
            ));
            if is_changed(file) {
                moved.by_key(old, was, new)?;
                if is.keys_in(new).any(|key| is_elsewhere(old, was, key)) {
                    return None;
                }
            } else {
                let functions = was.all_functions();
                let step = new_function.wrapping_sub(old_function);
                moved
                    .functions
                    .extend(functions.map(|index| To::Function(index.wrapping_add(step))));
            }
        }
        moved.functions.extend(outside.iter().map(|key| {
            let now = new.by_key.get(key);
            now.map_or(To::Outside(*key), |index| To::Function(*index))
        }));
        Some(moved)
    }

    fn by_key(&mut self, old: &Numbers, was: &FileNumbers, new: &Numbers) -> Option<()> {
        for key in was.keys_in(old) {
            let is_first = old
                .by_key
                .get(&key)
                .is_some_and(|index| was.all_functions().contains(index));
            if !is_first {
                return None;
            }
            let now = new.by_key.get(&key);
            self.functions
                .push(now.map_or(To::Gone, |index| To::Function(*index)));
        }
        Some(())
    }

    /// What a file that did not change calls, under the new numbers; `None` if it calls something that is gone.
    pub(super) fn calls(
        &self,
        file: usize,
        mut calls: FileCalls,
        outside: &mut dyn FnMut(Key) -> u32,
    ) -> Option<FileCalls> {
        let (module_step, function_step) = self.steps.get(file).copied()?;
        let change = self.new_modules.wrapping_sub(self.old_modules);
        for site in &mut calls.sites {
            let step = if site.from < self.old_modules {
                module_step
            } else {
                function_step.wrapping_add(change)
            };
            site.from = site.from.wrapping_add(step);
            let function = site.to.checked_sub(self.old_modules)?;
            site.to = match self.functions.get(function as usize)? {
                To::Function(index) => self.new_modules + index,
                To::Outside(key) => outside(*key),
                To::Gone => return None,
            };
        }
        Some(calls)
    }
}

/// Whether another file defined this before.
fn is_elsewhere(old: &Numbers, was: &FileNumbers, key: Key) -> bool {
    old.by_key
        .get(&key)
        .is_some_and(|index| *index < old.defined && !was.all_functions().contains(index))
}
