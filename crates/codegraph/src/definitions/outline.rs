//! The walk over a file: the few nodes that define something, in the order of the source, with what is around them.
//!
//! The arena is in post-order, so a node's subtree is a range that ends with it, and sorting the found nodes by where
//! their ranges begin (longer first) is the order of the source. What is around a node is a stack of ranges.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::aliases;
use super::heads;
use super::places::Places;
use super::{Alias, Clause, DirectiveKind, Function, Module, NAME_CHARS_MAX, Outline};
use crate::DefinitionKind;
use crate::quoted::{Flags, Kind, NodeId, Quoted, Symbol};

/// Most types of one `defimpl`.
const TYPES_MAX: usize = 256;

#[derive(Clone, Copy, Debug)]
enum Word {
    Define(DefinitionKind),
    Direct(DirectiveKind),
    Attribute,
    Struct,
    Quote,
}

#[derive(Clone, Copy, Debug)]
enum Around {
    Module(u32),
    Clause(u32),
    Quote,
}

#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) tree: &'a Quoted,
    pub(super) parents: Vec<Option<NodeId>>,
    pub(super) out: Outline,
    // What is around, with the index after the last node that it is around of.
    around: Vec<(usize, Around)>,
    functions: HashMap<(Option<u32>, Symbol, u8), u32>,
    // By short name: indices of the aliases found so far.
    pub(super) shorts: HashMap<String, Vec<u32>>,
    // Attributes that wait for the definition that they describe.
    pub(super) waiting: Vec<u32>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tree: &'a Quoted) -> Self {
        Self {
            tree,
            parents: tree.parents(),
            out: Outline::default(),
            around: Vec::new(),
            functions: HashMap::new(),
            shorts: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Outline {
        for (node, word) in self.found() {
            while self.around.last().is_some_and(|(end, _)| *end <= node.index()) {
                self.around.pop();
            }
            if matches!(self.around.last(), Some((_, Around::Quote))) {
                continue;
            }
            match word {
                Word::Quote => self.enter(node, Around::Quote),
                Word::Define(kind) if kind.is_module() => self.module(kind, node),
                Word::Define(kind) => self.clause(kind, node),
                Word::Direct(kind) => self.directive(kind, node),
                Word::Attribute => self.attribute(node),
                Word::Struct => self.fields(node),
            }
        }
        self.out.places = Places::of(self.tree, &self.out);
        self.out
    }

    /// The nodes that may define something, in the order of the source.
    fn found(&self) -> Vec<(NodeId, Word)> {
        let mut words: Vec<(Symbol, Word)> = Vec::new();
        let mut word = |text: &str, word: Word| {
            words.extend(
                self.tree
                    .symbols()
                    .find(text.as_bytes())
                    .map(|symbol| (symbol, word)),
            );
        };
        for kind in DefinitionKind::ALL {
            word(kind.word(), Word::Define(*kind));
        }
        word("alias", Word::Direct(DirectiveKind::Alias));
        word("import", Word::Direct(DirectiveKind::Import));
        word("require", Word::Direct(DirectiveKind::Require));
        word("use", Word::Direct(DirectiveKind::Use));
        word("@", Word::Attribute);
        word("defstruct", Word::Struct);
        word("defexception", Word::Struct);
        word("quote", Word::Quote);
        let mut found: Vec<(NodeId, Word)> = Vec::new();
        for (index, node) in self.tree.nodes().iter().enumerate() {
            if node.kind != Kind::Call {
                continue;
            }
            if let Some((_, word)) = words.iter().find(|(symbol, _)| *symbol == node.symbol) {
                found.push((NodeId::new(index), *word));
            }
        }
        found.sort_by_key(|(node, _)| (self.tree.subtree(*node).start, Reverse(*node)));
        found
    }

    fn enter(&mut self, node: NodeId, around: Around) {
        self.around.push((node.index() + 1, around));
    }

    pub(super) fn module_around(&self) -> Option<u32> {
        self.around.iter().rev().find_map(|(_, around)| match around {
            Around::Module(index) => Some(*index),
            _ => None,
        })
    }

    pub(super) fn clause_around(&self) -> Option<u32> {
        match self.around.last() {
            Some((_, Around::Clause(index))) => Some(*index),
            _ => None,
        }
    }

    fn module_name(&self) -> Option<&str> {
        let module = self.out.modules.get(self.module_around()? as usize)?;
        module.names.first().map(String::as_str)
    }

    pub(super) fn expand(&self, node: NodeId) -> Option<String> {
        let holds =
            |alias: &&Alias| alias.from as usize <= node.index() && self.tree.contains(alias.scope, node);
        let known = |short: &str| {
            let indices = self.shorts.get(short)?.iter().rev();
            indices
                .filter_map(|index| self.out.aliases.get(*index as usize))
                .find(holds)
        };
        aliases::expand(self.tree, known, self.module_name(), node)
    }

    fn module(&mut self, kind: DefinitionKind, node: NodeId) {
        let tree = self.tree;
        let Some((name, rest)) = tree.kids(node).split_first() else {
            return;
        };
        let body = heads::section(tree, rest, "do").map(|(_, body)| body);
        if kind != DefinitionKind::Defimpl && body.is_none() {
            return;
        }
        let names = match kind {
            DefinitionKind::Defimpl => self.implemented(*name, rest),
            _ => self.defined(node, *name).into_iter().collect(),
        };
        let index = u32::try_from(self.out.modules.len()).unwrap_or(u32::MAX);
        self.out.modules.push(Module {
            names,
            kind,
            node,
            name: *name,
            body,
            parent: self.module_around(),
            fields: None,
        });
        self.waiting.clear();
        self.enter(node, Around::Module(index));
    }

    /// The name of `defmodule` and `defprotocol`. A nested module with an alias for a name belongs to the one around
    /// it, and its first segment becomes an alias there (`Kernel.defmodule/2`).
    fn defined(&mut self, node: NodeId, name: NodeId) -> Option<String> {
        let tree = self.tree;
        let first = tree
            .kid(name, 0)
            .filter(|first| tree.node(*first).kind == Kind::Atom && tree.node(name).kind == Kind::Call);
        let Some(first) = first else {
            return self.expand(name);
        };
        if self.module_around().is_none() || tree.text(first) == "Elixir" {
            return self.expand(name);
        }
        let outer = self.module_name()?.to_owned();
        let short = tree.text(first);
        let mut full = outer.clone();
        for part in tree.kids(name) {
            full.push('.');
            full.push_str(tree.text(*part));
        }
        if full.chars().count() > NAME_CHARS_MAX {
            return None;
        }
        let scope = self.scope(node);
        self.alias(
            short,
            &format!("{outer}.{short}"),
            tree.subtree(node).start,
            scope,
        );
        Some(full)
    }

    /// The names of `defimpl`: the protocol's followed by each type's.
    fn implemented(&self, protocol: NodeId, rest: &[NodeId]) -> Vec<String> {
        let Some(protocol) = self.expand(protocol) else {
            return Vec::new();
        };
        let types: Vec<Option<String>> = match heads::section(self.tree, rest, "for") {
            None => vec![self.module_name().map(str::to_owned)],
            Some((_, list)) if self.tree.node(list).kind == Kind::List => self
                .tree
                .kids(list)
                .iter()
                .take(TYPES_MAX)
                .map(|one| self.expand(*one))
                .collect(),
            Some((_, one)) => vec![self.expand(one)],
        };
        types
            .into_iter()
            .flatten()
            .map(|name| format!("{protocol}.{}", name.strip_prefix("Elixir.").unwrap_or(&name)))
            .filter(|name| name.chars().count() <= NAME_CHARS_MAX)
            .collect()
    }

    fn clause(&mut self, kind: DefinitionKind, node: NodeId) {
        let tree = self.tree;
        let arguments = tree.kids(node);
        if self.clause_around().is_some() || arguments.is_empty() {
            return;
        }
        let Some(head) = arguments.first().and_then(|head| heads::read(tree, *head)) else {
            return;
        };
        let module = self.module_around();
        let index = u32::try_from(self.out.clauses.len()).unwrap_or(u32::MAX);
        let fresh = u32::try_from(self.out.functions.len()).unwrap_or(u32::MAX);
        let number = if head.name == Symbol::NONE {
            fresh
        } else {
            *self
                .functions
                .entry((module, head.name, head.arity))
                .or_insert(fresh)
        };
        if number == fresh {
            self.out.functions.push(Function {
                module,
                name: head.name,
                kind,
                arity: head.arity,
                defaults: 0,
                clauses: Vec::new(),
            });
        }
        let (sections, body) = heads::body(tree, kind, &head, arguments);
        let is_guard = matches!(kind, DefinitionKind::Defguard | DefinitionKind::Defguardp);
        let has_body = body.is_some() || kind == DefinitionKind::Defdelegate;
        if let Some(function) = self.out.functions.get_mut(number as usize) {
            let before = function.clauses.iter().filter(|clause| {
                let clause = self.out.clauses.get(**clause as usize);
                clause.is_some_and(|clause| clause.index.is_some())
            });
            let before = u32::try_from(before.count()).unwrap_or(u32::MAX);
            function.defaults = function.defaults.max(head.defaults);
            function.clauses.push(index);
            self.out.clauses.push(Clause {
                function: number,
                index: has_body.then_some(before),
                node,
                head: head.node,
                guard: head.guard.filter(|_| !is_guard),
                body,
                sections,
                damaged: tree.node(node).flags.has(Flags::DAMAGED),
            });
        }
        for waiting in self.waiting.drain(..) {
            if let Some(attribute) = self.out.attributes.get_mut(waiting as usize) {
                attribute.function = Some(number);
            }
        }
        self.enter(node, Around::Clause(index));
    }
}
