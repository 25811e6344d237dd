//! What names mean at a place: imports, aliases that `use` brings, local definitions, attributes with a module for value.

use std::collections::HashMap;

use super::Asking;
use super::exports::generated;
use super::using::{Filter, Using};
use crate::DefinitionKind;
use crate::definitions::{DirectiveKind, Outline};
use crate::fact::Confidence;
use crate::quoted::{Kind, NodeId, Quoted, Symbol};

/// `use` inside `use` is followed so deep.
const USES_MAX: usize = 8;

/// A definition of the same module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) arity: u8,
    pub(super) defined_arity: u8,
    pub(super) is_macro: bool,
}

/// What an imported name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Imported<'a> {
    pub(super) module: &'a str,
    pub(super) defined_arity: u8,
    pub(super) is_macro: bool,
    pub(super) confidence: Confidence,
}

#[derive(Debug)]
struct Import {
    // Holds for nodes of the arena from here to there.
    from: usize,
    to: usize,
    module: String,
    filter: Filter,
}

/// An alias that `use` brings.
#[derive(Debug)]
struct Brought {
    from: usize,
    to: usize,
    short: String,
    full: String,
}

/// Values of attributes that name modules: where they are set, and what to.
type Values = HashMap<(Option<u32>, Symbol), Vec<(NodeId, String)>>;

/// The environments of a file.
#[derive(Debug)]
pub(super) struct Environment<'a> {
    tree: &'a Quoted,
    outline: &'a Outline,
    asking: &'a Asking<'a>,
    imports: Vec<Import>,
    shorts: Vec<Brought>,
    locals: HashMap<(u32, String), Vec<Local>>,
    // Modules whose `use` is not known: anything may be defined or imported.
    opaque: Vec<(usize, usize)>,
    attributes: Values,
}

impl<'a> Environment<'a> {
    pub(super) fn new(tree: &'a Quoted, outline: &'a Outline, asking: &'a Asking<'a>) -> Self {
        let mut made = Self {
            tree,
            outline,
            asking,
            imports: Vec::new(),
            shorts: Vec::new(),
            locals: HashMap::new(),
            opaque: Vec::new(),
            attributes: HashMap::new(),
        };
        made.read_locals();
        for directive in &outline.directives {
            let (from, to) = (directive.node.index() + 1, directive.scope.index());
            match directive.kind {
                DirectiveKind::Import => {
                    for target in &directive.targets {
                        let filter = Filter::read(tree, directive.options);
                        made.import(from, to, target, filter);
                    }
                }
                DirectiveKind::Use => {
                    for target in &directive.targets {
                        made.used(from, to, directive.module, target, 0);
                    }
                    if directive.targets.is_empty() {
                        made.opaque.push((from, to));
                    }
                }
                DirectiveKind::Alias | DirectiveKind::Require => {}
            }
        }
        for attribute in &outline.attributes {
            if let Some(value) = made.expand(attribute.value) {
                made.attributes
                    .entry((attribute.module, attribute.name))
                    .or_default()
                    .push((attribute.node, value));
            }
        }
        made
    }

    fn read_locals(&mut self) {
        let symbols = self.tree.symbols();
        for function in &self.outline.functions {
            let Some(module) = function.module else {
                continue;
            };
            let is_macro = matches!(
                function.kind,
                DefinitionKind::Defmacro
                    | DefinitionKind::Defmacrop
                    | DefinitionKind::Defguard
                    | DefinitionKind::Defguardp
            );
            let list = self
                .locals
                .entry((module, symbols.text(function.name).to_owned()))
                .or_default();
            for arity in function.arity.saturating_sub(function.defaults)..=function.arity {
                list.push(Local {
                    arity,
                    defined_arity: function.arity,
                    is_macro,
                });
            }
        }
        for (module, made) in generated(self.tree, self.outline) {
            self.locals.entry((module, made.name)).or_default().push(Local {
                arity: made.arity,
                defined_arity: made.arity,
                is_macro: made.is_macro,
            });
        }
    }

    fn import(&mut self, from: usize, to: usize, module: &str, filter: Filter) {
        self.imports.push(Import {
            from,
            to,
            module: module.to_owned(),
            filter,
        });
    }

    fn used(&mut self, from: usize, to: usize, inside: Option<u32>, target: &str, depth: usize) {
        let Some(using) = self.asking.using(target) else {
            return self.opaque.push((from, to));
        };
        let Using {
            imports,
            uses,
            aliases,
            defined,
            ..
        } = using.clone();
        for (module, filter) in imports {
            self.import(from, to, &module, filter);
        }
        for (short, full) in aliases {
            self.shorts.push(Brought {
                from,
                to,
                short,
                full,
            });
        }
        if let Some(module) = inside {
            for (name, arity, is_macro) in defined {
                let list = self.locals.entry((module, name)).or_default();
                if !list.iter().any(|known| known.arity == arity) {
                    list.push(Local {
                        arity,
                        defined_arity: arity,
                        is_macro,
                    });
                }
            }
        }
        if depth < USES_MAX {
            for next in uses {
                self.used(from, to, inside, &next, depth + 1);
            }
        }
    }

    /// A definition of the module that is called with so many arguments.
    pub(super) fn local(&self, module: u32, name: &str, arity: u8) -> Option<Local> {
        // A key of borrowed text would need a map of maps; a file has few local calls.
        let list = self.locals.get(&(module, name.to_owned()))?;
        list.iter().find(|local| local.arity == arity).copied()
    }

    /// What an imported name is, at a place.
    pub(super) fn imported(&self, name: &str, arity: u8, at: NodeId) -> Option<Imported<'_>> {
        let index = at.index();
        let mut kernel = &Filter::All;
        let mut unknown = None;
        let mut known = None;
        for import in self.imports.iter().rev() {
            if index < import.from || index > import.to {
                continue;
            }
            if import.module == "Elixir.Kernel" {
                if kernel == &Filter::All {
                    kernel = &import.filter;
                }
                continue;
            }
            match self.asking.find(&import.module, name, arity) {
                Some(export) if import.filter.lets(name, arity, export.is_macro) => {
                    known = known.or(Some(Imported {
                        module: &import.module,
                        defined_arity: export.defined_arity,
                        is_macro: export.is_macro,
                        confidence: Confidence::Certain,
                    }));
                }
                None if !self.asking.knows(&import.module) => {
                    let listed = matches!(&import.filter, Filter::Only(_));
                    if import.filter.lets(name, arity, false) {
                        let confidence = if listed {
                            Confidence::Certain
                        } else {
                            Confidence::Guess
                        };
                        let found = Imported {
                            module: &import.module,
                            defined_arity: arity,
                            is_macro: false,
                            confidence,
                        };
                        if listed {
                            known = known.or(Some(found));
                        } else {
                            unknown = unknown.or(Some(found));
                        }
                    }
                }
                _ => {}
            }
        }
        known.or_else(|| self.kernel(kernel, name, arity)).or(unknown)
    }

    fn kernel(&self, filter: &Filter, name: &str, arity: u8) -> Option<Imported<'static>> {
        let export = self.asking.find("Elixir.Kernel", name, arity)?;
        filter.lets(name, arity, export.is_macro).then_some(Imported {
            module: "Elixir.Kernel",
            defined_arity: arity,
            is_macro: export.is_macro,
            confidence: Confidence::Certain,
        })
    }

    /// Whether a `use` holds here of which nothing is known.
    pub(super) fn is_opaque(&self, at: NodeId) -> bool {
        self.opaque
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&at.index()))
    }

    /// The module that an expression names: an alias, an atom, `__MODULE__`, an attribute with such a value.
    pub(super) fn expand(&self, node: NodeId) -> Option<String> {
        let tree = self.tree;
        if tree.is_call(node, "@", 1) {
            let name = tree.node(tree.kid(node, 0)?).symbol;
            let module = self.outline.module_at(tree, node);
            let values = self.attributes.get(&(module, name))?;
            let before = values.iter().rev().find(|(set, _)| *set < node);
            return Some(before.or_else(|| values.last())?.1.clone());
        }
        let full = self.outline.expand(tree, node)?;
        if self.shorts.is_empty() || !tree.is_call(node, "__aliases__", tree.kids(node).len()) {
            return Some(full);
        }
        // An alias that `use` brought, unless the file has one of its own.
        let first = tree
            .kid(node, 0)
            .map(|first| tree.text(first))
            .unwrap_or_default();
        let own = full.strip_prefix("Elixir.").is_some_and(|rest| {
            rest.strip_prefix(first)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let brought = self
            .shorts
            .iter()
            .rev()
            .find(|short| short.short == first && (short.from..=short.to).contains(&node.index()));
        match brought {
            Some(short) if own => {
                let rest = full
                    .strip_prefix("Elixir.")
                    .and_then(|rest| rest.strip_prefix(first));
                Some(format!("{}{}", short.full, rest.unwrap_or_default()))
            }
            _ => Some(full),
        }
    }

    /// Whether a node is a plain atom that is no module's alias.
    pub(super) fn atom(&self, node: NodeId) -> Option<&'a str> {
        (self.tree.node(node).kind == Kind::Atom).then(|| self.tree.text(node))
    }
}
