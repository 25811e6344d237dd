//! What other files can read of a file: the functions and macros that its modules export, what `use` of them brings, and
//! which functions hand messages on. The rest of a file can change without any other file's links changing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::exports::{Export, generated};
use super::otp::forward::{self, Forward};
use super::using::{self, Using};
use crate::DefinitionKind;
use crate::definitions::Outline;
use crate::quoted::{Quoted, Symbol};

/// What is known of one name with so many arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) export: Option<Export>,
    pub(super) forward: Option<Forward>,
}

/// What other files can read of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ModuleInterface {
    // By name, then by arguments, ascending.
    pub(super) items: BTreeMap<String, Vec<(u8, Item)>>,
    pub(super) using: Option<Using>,
}

impl ModuleInterface {
    pub(super) fn item(&self, name: &str, arity: u8) -> Option<&Item> {
        let list = self.items.get(name)?;
        let place = list.binary_search_by_key(&arity, |(known, _)| *known).ok()?;
        list.get(place).map(|(_, item)| item)
    }

    pub(super) fn item_mut(&mut self, name: &str, arity: u8) -> &mut Item {
        if !self.items.contains_key(name) {
            self.items.insert(name.to_owned(), Vec::new());
        }
        // The key was put there just now.
        let list = self.items.entry(name.to_owned()).or_default();
        let place = match list.binary_search_by_key(&arity, |(known, _)| *known) {
            Ok(place) => place,
            Err(place) => {
                list.insert(place, (arity, Item::default()));
                place
            }
        };
        &mut list[place].1
    }

    pub(super) fn export(&mut self, name: &str, (arity, defined_arity): (u8, u8), is_macro: bool) {
        self.item_mut(name, arity).export = Some(Export {
            arity,
            defined_arity,
            is_macro,
        });
    }
}

/// What other files can read of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    // By name, as the VM has it.
    pub(super) modules: BTreeMap<String, Arc<ModuleInterface>>,
}

impl Interface {
    /// Reads it off a file's tree.
    #[must_use]
    pub fn of(tree: &Quoted, outline: &Outline) -> Self {
        let mut modules: BTreeMap<String, ModuleInterface> = BTreeMap::new();
        for module in &outline.modules {
            for name in &module.names {
                modules.entry(name.clone()).or_default();
            }
        }
        for function in &outline.functions {
            let is_macro = match function.kind {
                DefinitionKind::Def | DefinitionKind::Defdelegate => false,
                DefinitionKind::Defmacro | DefinitionKind::Defguard => true,
                _ => continue,
            };
            if function.name == Symbol::NONE {
                continue;
            }
            let name = tree.symbols().text(function.name);
            for module in names(outline, function.module) {
                let into = modules.entry(module.clone()).or_default();
                for arity in function.arity.saturating_sub(function.defaults)..=function.arity {
                    into.export(name, (arity, function.arity), is_macro);
                }
            }
        }
        for (module, made) in generated(tree, outline) {
            for module in names(outline, Some(module)) {
                let into = modules.entry(module.clone()).or_default();
                into.export(&made.name, (made.arity, made.arity), made.is_macro);
            }
        }
        for (module, using) in using::learn(tree, outline) {
            modules.entry(module).or_default().using = Some(using);
        }
        for ((module, name, arity), forward) in forward::find(tree, outline) {
            let item = modules.entry(module).or_default().item_mut(&name, arity);
            item.forward.get_or_insert(forward);
        }
        let shared = modules.into_iter().map(|(name, module)| (name, Arc::new(module)));
        Self {
            modules: shared.collect(),
        }
    }
}

/// A function or macro of a compiled module: its name, its parameters, whether it is a macro.
pub type CompiledExport<'a> = (&'a str, u8, bool);

impl Interface {
    /// Modules whose sources are not read, by what they export when they are compiled.
    pub fn of_exports<'a>(modules: impl Iterator<Item = (&'a str, Vec<CompiledExport<'a>>)>) -> Self {
        let shared = modules.map(|(module, exports)| {
            let mut into = ModuleInterface::default();
            for (name, arity, is_macro) in exports {
                into.export(name, (arity, arity), is_macro);
            }
            (module.to_owned(), Arc::new(into))
        });
        Self {
            modules: shared.collect(),
        }
    }
}

fn names(outline: &Outline, module: Option<u32>) -> &[String] {
    module
        .and_then(|index| outline.modules.get(index as usize))
        .map_or(&[], |module| module.names.as_slice())
}
