//! Which module exports what: Elixir's own modules from a table, others as they are read from source or compiled files.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::using::{self, Using};
use crate::DefinitionKind;
use crate::definitions::Outline;
use crate::quoted::{Kind, NodeId, Quoted, Symbol};

/// A function or macro that another module can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Export {
    /// Parameters that it is called with.
    pub arity: u8,
    /// Parameters of the definition, those with defaults included.
    pub defined_arity: u8,
    /// A macro.
    pub is_macro: bool,
}

type Module = HashMap<String, Vec<Export>>;

/// The modules that are known, by the VM's names.
#[derive(Clone, Debug, Default)]
pub struct Exports {
    modules: HashMap<String, Module>,
    usings: HashMap<String, Using>,
}

static STDLIB: LazyLock<Exports> = LazyLock::new(|| {
    let mut exports = Exports::default();
    for line in include_str!("stdlib.txt").lines() {
        let mut fields = line.split('\t');
        let (Some(module), Some(functions), Some(macros)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        for (list, is_macro) in [(functions, false), (macros, true)] {
            for (name, arity) in list.split(' ').filter_map(|one| one.rsplit_once('/')) {
                if let Ok(arity) = arity.parse() {
                    exports.add(module, name, arity, is_macro);
                }
            }
        }
    }
    exports
});

impl Exports {
    /// None but those of Elixir's own modules (of version 1.14), which are always known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, as a compiled module's export table has it (a macro by its name and number of parameters).
    pub fn add(&mut self, module: &str, name: &str, arity: u8, is_macro: bool) {
        self.add_defined(module, name, (arity, arity), is_macro);
    }

    fn add_defined(&mut self, module: &str, name: &str, (arity, defined_arity): (u8, u8), is_macro: bool) {
        let list = self
            .modules
            .entry(module.to_owned())
            .or_default()
            .entry(name.to_owned())
            .or_default();
        match list.iter_mut().find(|known| known.arity == arity) {
            // Source knows more than a compiled module: which definition a default belongs to.
            Some(known) => {
                *known = Export {
                    arity,
                    defined_arity,
                    is_macro,
                }
            }
            None => list.push(Export {
                arity,
                defined_arity,
                is_macro,
            }),
        }
    }

    /// Adds what a source file's modules export, and what `use` of them brings.
    pub fn learn(&mut self, tree: &Quoted, outline: &Outline) {
        for module in &outline.modules {
            for name in &module.names {
                self.modules.entry(name.clone()).or_default();
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
                for arity in function.arity.saturating_sub(function.defaults)..=function.arity {
                    self.add_defined(module, name, (arity, function.arity), is_macro);
                }
            }
        }
        for (module, made) in generated(tree, outline) {
            for module in names(outline, Some(module)) {
                self.add(module, &made.name, made.arity, made.is_macro);
            }
        }
        for (module, using) in using::learn(tree, outline) {
            self.usings.insert(module, using);
        }
    }

    /// Whether the module's exports are known.
    #[must_use]
    pub fn knows(&self, module: &str) -> bool {
        self.modules.contains_key(module) || STDLIB.modules.contains_key(module)
    }

    /// A module's function or macro that is called with so many arguments.
    #[must_use]
    pub fn find(&self, module: &str, name: &str, arity: u8) -> Option<Export> {
        let own = self.modules.get(module);
        let module = own.or_else(|| STDLIB.modules.get(module))?;
        module
            .get(name)?
            .iter()
            .find(|export| export.arity == arity)
            .copied()
    }

    /// What `use` of a module brings; `None` if that is not known.
    pub(super) fn using(&self, module: &str) -> Option<&Using> {
        self.usings.get(module).or_else(|| using::known(module))
    }
}

fn names(outline: &Outline, module: Option<u32>) -> &[String] {
    module
        .and_then(|index| outline.modules.get(index as usize))
        .map_or(&[], |module| module.names.as_slice())
}

/// What well-known macros define.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Generated {
    pub(super) name: String,
    pub(super) arity: u8,
    pub(super) is_macro: bool,
}

/// Functions and macros that `defstruct`, `defexception`, `defrecord` and delegates of lists define, by module.
pub(super) fn generated(tree: &Quoted, outline: &Outline) -> Vec<(u32, Generated)> {
    let mut found = Vec::new();
    for (index, module) in outline.modules.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let mut add = |name: &str, arity: u8, is_macro: bool| {
            let name = name.to_owned();
            found.push((
                index,
                Generated {
                    name,
                    arity,
                    is_macro,
                },
            ));
        };
        if let Some((node, _)) = module.fields {
            add("__struct__", 0, false);
            add("__struct__", 1, false);
            if tree.text(node) == "defexception" {
                add("exception", 1, false);
                add("message", 1, false);
            }
        }
        let Some(body) = module.body else {
            continue;
        };
        for node in statements(tree, body) {
            let (word, args) = match tree.remote_call(node) {
                Some((_, word, args)) => (word, args),
                None => (tree.text(node), tree.kids(node)),
            };
            if let ("defrecord" | "defrecordp", [name, ..]) = (word, args)
                && tree.node(*name).kind == Kind::Atom
            {
                for arity in 0..=2 {
                    add(tree.text(*name), arity, true);
                }
            }
        }
    }
    found
}

/// A body's expressions.
pub(super) fn statements(tree: &Quoted, body: NodeId) -> Vec<NodeId> {
    let node = tree.node(body);
    if node.kind == Kind::Call && tree.text(body) == "__block__" {
        tree.kids(body).to_vec()
    } else {
        vec![body]
    }
}
