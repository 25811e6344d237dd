//! Finds what a file defines: one pass over the calls, with a stack of scopes.

use std::collections::HashMap;

use codegraph::{Clause, DefinitionKind, Definitions, Function, Module, NONE};

use super::flat::FlatTree;
use super::head::{self, Head};
use super::modules::{self, Scope};

/// Definitions, in indices of the flat tree.
#[derive(Debug, Default)]
pub(super) struct Found {
    modules: Vec<Module>,
    functions: Vec<Function>,
    by_name: HashMap<(u32, String, u8), u32>,
    /// Clauses counted so far, by function.
    counts: Vec<u32>,
    clauses: Vec<Clause>,
    /// Tokens that name a defined function, and the definition. Those inside `quote` are here too.
    pub(super) heads: HashMap<u32, u32>,
}

/// The definitions of a file.
pub(super) fn find(flat: &FlatTree<'_>) -> Found {
    let mut found = Found::default();
    let mut scopes = vec![Scope {
        end: u32::MAX,
        ..Scope::default()
    }];
    for index in 0..flat.nodes.len() as u32 {
        while scopes.last().is_some_and(|scope| scope.end <= index) {
            scopes.pop();
        }
        if flat.node(index).kind != "call" {
            continue;
        }
        let Some(target) = flat
            .field(index, "target")
            .filter(|target| flat.node(*target).kind == "identifier")
        else {
            continue;
        };
        let word = flat.text_of(target);
        match DefinitionKind::of_word(word) {
            Some(kind) if kind.is_module() => found.module(flat, &mut scopes, index, kind),
            Some(kind) => found.function(flat, &scopes, index, kind),
            None if word == "alias" => modules::take_alias(flat, &mut scopes, index),
            None if word == "quote" => push(&mut scopes, flat, index, None, true),
            None => {}
        }
    }
    found
}

fn push(
    scopes: &mut Vec<Scope>,
    flat: &FlatTree<'_>,
    at: u32,
    module: Option<(u32, Option<String>)>,
    quoted: bool,
) {
    let outer = scopes.last();
    let quoted = quoted || outer.is_some_and(|outer| outer.quoted);
    let module = module.or_else(|| outer.and_then(|outer| outer.module.clone()));
    scopes.push(Scope {
        end: flat.node(at).next,
        module,
        quoted,
        ..Scope::default()
    });
}

fn has_body(flat: &FlatTree<'_>, call: u32) -> bool {
    flat.child(call, "do_block").is_some() || flat.keyword(call, "do").is_some()
}

impl Found {
    fn module(&mut self, flat: &FlatTree<'_>, scopes: &mut Vec<Scope>, call: u32, kind: DefinitionKind) {
        let arguments = flat.arguments(call);
        let (Some(&name), true) = (arguments.first(), has_body(flat, call)) else {
            return;
        };
        if scopes.last().is_some_and(|scope| scope.quoted) {
            return;
        }
        let parent = scopes
            .last()
            .and_then(|scope| scope.module.as_ref())
            .map_or(NONE, |module| module.0);
        let (names, inside) = if kind == DefinitionKind::Defimpl {
            let names = modules::implemented(flat, scopes, call, name);
            let inside = names
                .first()
                .and_then(|name| name.strip_prefix("Elixir."))
                .map(str::to_owned);
            (names, inside)
        } else {
            modules::defined(flat, scopes, name)
                .map_or((Vec::new(), None), |(name, inside)| (vec![name], Some(inside)))
        };
        let index = self.modules.len() as u32;
        self.modules.push(Module {
            names,
            kind,
            node: flat.node(call).named,
            parent,
        });
        push(scopes, flat, call, Some((index, inside)), false);
    }

    fn function(&mut self, flat: &FlatTree<'_>, scopes: &[Scope], call: u32, kind: DefinitionKind) {
        let arguments = flat.arguments(call);
        let Some(head) = arguments.first().and_then(|argument| head::read(flat, *argument)) else {
            return;
        };
        if let Some(token) = head.token {
            self.heads.insert(token, call);
        }
        let Some(scope) = scopes.last().filter(|scope| !scope.quoted) else {
            return;
        };
        let module = scope.module.as_ref().map_or(NONE, |module| module.0);
        let implied = matches!(
            kind,
            DefinitionKind::Defdelegate | DefinitionKind::Defguard | DefinitionKind::Defguardp
        );
        let token = head.token.unwrap_or(NONE);
        let function = self.named(module, head, kind);
        let index = if implied || has_body(flat, call) {
            self.counts[function as usize] += 1;
            self.counts[function as usize] - 1
        } else {
            NONE
        };
        self.clauses.push(Clause {
            function,
            index,
            node: call,
            head: token,
            damaged: false,
        });
    }

    fn named(&mut self, module: u32, head: Head, kind: DefinitionKind) -> u32 {
        let Head {
            name,
            arity,
            defaults,
            ..
        } = head;
        let (functions, counts) = (&mut self.functions, &mut self.counts);
        let index = *self
            .by_name
            .entry((module, name.clone(), arity))
            .or_insert_with(|| {
                functions.push(Function {
                    module,
                    name,
                    kind,
                    arity,
                    defaults,
                });
                counts.push(0);
                functions.len() as u32 - 1
            });
        let known = &mut functions[index as usize];
        known.defaults = known.defaults.max(defaults);
        index
    }

    /// The document's form: named nodes, anchors, and which clauses have errors inside.
    pub(super) fn into_definitions(
        self,
        flat: &FlatTree<'_>,
        errors: &[u32],
        anchor_of_leaf: &HashMap<u32, u32>,
    ) -> Definitions {
        let clauses = self.clauses.into_iter().map(|clause| {
            let (first, after) = (flat.node(clause.node).named, named_after(flat, clause.node));
            let at = errors.partition_point(|error| *error < first);
            Clause {
                node: first,
                head: anchor_of_leaf.get(&clause.head).copied().unwrap_or(NONE),
                damaged: errors.get(at).is_some_and(|error| *error < after),
                ..clause
            }
        });
        Definitions {
            clauses: clauses.collect(),
            modules: self.modules,
            functions: self.functions,
        }
    }
}

/// The number of the first named node after a subtree.
fn named_after(flat: &FlatTree<'_>, index: u32) -> u32 {
    let rest = flat
        .nodes
        .get(flat.node(index).next as usize..)
        .unwrap_or_default();
    rest.iter()
        .map(|node| node.named)
        .find(|named| *named != NONE)
        .unwrap_or(NONE)
}
