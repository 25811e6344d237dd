//! References: calls, modules, attributes, types.

use std::collections::{HashMap, HashSet};

use codegraph::definitions::DirectiveKind;
use codegraph::quoted::{Kind, NodeId, Symbol};
use scip::types::SymbolRole;
use scip::types::symbol_information::Kind as SymbolKind;

use super::file::FileIndex;
use crate::project::CallSite;

impl FileIndex<'_> {
    pub(super) fn references(&mut self) {
        self.directives();
        self.aliases();
        self.attributes();
        self.types();
        self.calls();
    }

    /// The modules of `alias A.{B, C}`, which no node names whole.
    fn directives(&mut self) {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        for directive in &outline.directives {
            let Some(what) = tree.kid(directive.node, 0) else {
                continue;
            };
            let role = match directive.kind {
                DirectiveKind::Alias | DirectiveKind::Import => SymbolRole::Import,
                DirectiveKind::Require | DirectiveKind::Use => SymbolRole::UnspecifiedSymbolRole,
            };
            let parts = match tree.remote_call(what) {
                Some((_, "{}", parts)) => parts,
                _ => std::slice::from_ref(&what),
            };
            if parts.len() != directive.targets.len() {
                continue;
            }
            for (part, target) in parts.iter().zip(&directive.targets) {
                if tree.is_call(*part, "__aliases__", tree.kids(*part).len()) {
                    let symbol = self.module_symbol(target);
                    self.refer(symbol, self.span(*part), role);
                }
            }
        }
    }

    /// Modules by their names.
    fn aliases(&mut self) {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        // Parts of `A.{B}` have other names, and so have the names of nested modules.
        let mut others: HashSet<NodeId> = outline.modules.iter().map(|module| module.name).collect();
        for module in outline
            .modules
            .iter()
            .filter(|module| module.kind == codegraph::DefinitionKind::Defimpl)
        {
            others.remove(&module.name);
        }
        let nodes = || (0..tree.nodes().len()).map(NodeId::new);
        for node in nodes() {
            if let Some((_, "{}", parts)) = tree.remote_call(node) {
                others.extend(parts);
            }
            // `alias A, as: B`: B is no module.
            if let (Kind::Pair, [key, value]) = (tree.node(node).kind, tree.kids(node))
                && tree.text(*key) == "as"
            {
                others.insert(*value);
            }
        }
        let mut inner = HashSet::new();
        for node in
            nodes().filter(|node| tree.node(*node).kind == Kind::Call && tree.text(*node) == "__aliases__")
        {
            // `__MODULE__.A.B` is one name, whatever it is made of.
            inner.extend(tree.kids(node).iter().copied());
        }
        for node in
            nodes().filter(|node| tree.node(*node).kind == Kind::Call && tree.text(*node) == "__aliases__")
        {
            if others.contains(&node) || inner.contains(&node) {
                continue;
            }
            if let Some(module) = outline.expand(tree, node) {
                let symbol = self.module_symbol(&module);
                self.refer(symbol, self.span(node), SymbolRole::UnspecifiedSymbolRole);
            }
        }
    }

    /// `@name`, read or set again.
    fn attributes(&mut self) {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        for node in (0..tree.nodes().len()).map(NodeId::new) {
            if !tree.is_call(node, "@", 1) {
                continue;
            }
            let Some(inner) = tree
                .kid(node, 0)
                .filter(|inner| tree.node(*inner).kind == Kind::Variable)
            else {
                continue;
            };
            let Some(module) = outline.module_at(tree, node) else {
                continue;
            };
            let set = self.about.modules.get(module as usize).is_some_and(|about| {
                about
                    .attributes
                    .iter()
                    .any(|known| known.name == tree.text(inner))
            });
            if let (true, Some(name), Some(at)) = (set, self.module_name(Some(module)), self.name_span(inner))
            {
                let symbol = self.symbols.attribute(name, tree.text(inner));
                self.refer(symbol, at, SymbolRole::ReadAccess);
            }
        }
    }

    /// Types in specifications, types and callbacks.
    fn types(&mut self) {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        for attribute in outline
            .attributes
            .iter()
            .filter(|attribute| attribute.about.is_some())
        {
            let head = self.head(attribute.node);
            let own = self.module_name(attribute.module).map(str::to_owned);
            for node in tree.subtree(attribute.value).map(NodeId::new) {
                if Some(node) == head {
                    continue;
                }
                let Some(at) = self.name_span(node) else {
                    continue;
                };
                if let Some((module, name, arguments)) = tree.remote_call(node) {
                    let Some(module) = outline.expand(tree, module) else {
                        continue;
                    };
                    let arity = arguments.len().min(255) as u8;
                    let symbol = self.symbols.type_of(&module, name, arity);
                    if !self.symbols.is_own(&module) {
                        self.outside(&symbol, SymbolKind::Type, name);
                    }
                    self.refer(symbol, at, SymbolRole::UnspecifiedSymbolRole);
                } else if let (Kind::Call | Kind::Variable, Some(own)) = (tree.node(node).kind, &own) {
                    let (name, arity) = (tree.text(node), tree.kids(node).len().min(255) as u8);
                    let known = attribute
                        .module
                        .and_then(|module| self.about.modules.get(module as usize));
                    let is_own = known.is_some_and(|about| {
                        about
                            .types
                            .iter()
                            .any(|one| (one.name.as_str(), one.arity) == (name, arity))
                    });
                    if is_own {
                        let symbol = self.symbols.type_of(own, name, arity);
                        self.refer(symbol, at, SymbolRole::UnspecifiedSymbolRole);
                    }
                }
            }
        }
    }

    /// Calls and captures. The project knows their lines: on a line, name and number of arguments say which is which.
    fn calls(&mut self) {
        let tree = &self.source.tree;
        let mut by_line: HashMap<(u32, &str), Vec<CallSite>> = HashMap::new();
        let mut callers: Vec<u32> = self
            .functions
            .values()
            .map(|index| self.project.node_of(*index))
            .collect();
        callers.extend(self.modules.iter().flatten().map(|(_, node)| *node));
        callers.sort_unstable();
        let sites = self.project.sites();
        for caller in callers {
            let first = sites.partition_point(|site| site.from < caller);
            for site in sites
                .iter()
                .skip(first)
                .take_while(|site| site.from == caller && site.clause_line == 0)
            {
                if let Some(function) = self.project.function(site.to) {
                    by_line
                        .entry((site.line, &*function.name))
                        .or_default()
                        .push(*site);
                }
            }
        }
        for index in 0..tree.nodes().len() {
            let node = NodeId::new(index);
            let found = tree.node(node);
            let (name, arguments) = match found.kind {
                Kind::Call | Kind::Variable => (tree.text(node), tree.kids(node).len()),
                Kind::Apply => match tree.remote_call(node) {
                    Some((_, name, arguments)) => (name, arguments.len()),
                    None => continue,
                },
                _ => continue,
            };
            if name.is_empty() || found.symbol == Symbol::NONE && found.kind != Kind::Apply {
                continue;
            }
            let line = found.line;
            let Some(candidates) = by_line.get(&(line, name)) else {
                continue;
            };
            if let Some(to) = self.called(node, candidates, arguments)
                && let Some(at) = self.name_span(node)
                && let Some(function) = self.project.function(to)
            {
                let symbol = self
                    .symbols
                    .function(&function.module, &function.name, function.arity);
                if function.definition.is_none() {
                    let name = format!("{}/{}", function.name, function.arity);
                    self.outside(&symbol, SymbolKind::Function, &name);
                }
                self.refer(symbol, at, SymbolRole::UnspecifiedSymbolRole);
            }
        }
    }

    /// Which of the functions of one name that are called on a line this call calls.
    fn called(&self, node: NodeId, candidates: &[CallSite], arguments: usize) -> Option<u32> {
        let (tree, outline) = (&self.source.tree, &self.source.outline);
        let module = tree
            .remote_call(node)
            .and_then(|(module, _, _)| outline.expand(tree, module));
        let is_remote = tree.node(node).kind == Kind::Apply;
        let fits = |site: &&CallSite| {
            let Some(function) = self.project.function(site.to) else {
                return 0;
            };
            let same_module = match &module {
                Some(module) => *module == *function.module,
                None => {
                    is_remote || matches!(site.how, "local" | "imported" | "captured" | "delegated" | "used")
                }
            };
            let defaults = function
                .definition
                .as_ref()
                .map_or(0, |definition| definition.defaults);
            let (most, least) = (
                usize::from(function.arity),
                usize::from(function.arity.saturating_sub(defaults)),
            );
            // A pipe brings one more; a capture says its number elsewhere.
            let counts = (least..=most).contains(&arguments) || (least..=most).contains(&(arguments + 1));
            let exact = arguments == most;
            u8::from(same_module) * 4 + u8::from(counts) * 2 + u8::from(exact)
        };
        let best = candidates
            .iter()
            .max_by_key(|site| (fits(site), std::cmp::Reverse(site.to)))?;
        (fits(&best) >= 4).then_some(best.to)
    }
}
