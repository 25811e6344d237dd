//! What a module's body says beside its functions: attributes, directives, the fields of its struct.

use super::aliases::{self, Alias};
use super::outline::Walk;
use super::{Attribute, Directive, DirectiveKind, NAME_CHARS_MAX, attributes};
use crate::quoted::{Kind, NodeId};

/// Most fields of a struct that are named.
const FIELDS_MAX: usize = 4096;

impl Walk<'_> {
    /// The innermost block, arrow or clause that a directive holds in.
    pub(super) fn scope(&self, node: NodeId) -> NodeId {
        let mut at = node;
        while let Some(parent) = self.parents.get(at.index()).copied().flatten() {
            let parent_node = self.tree.node(parent);
            let block = match parent_node.kind {
                Kind::Pair => self.tree.kid(parent, 1) == Some(at),
                Kind::Call => self.tree.text(parent) == "->",
                _ => false,
            };
            if block {
                return at;
            }
            at = parent;
        }
        at
    }

    pub(super) fn alias(&mut self, short: &str, full: &str, from: usize, scope: NodeId) {
        let index = u32::try_from(self.out.aliases.len()).unwrap_or(u32::MAX);
        self.shorts.entry(short.to_owned()).or_default().push(index);
        self.out.aliases.push(Alias {
            short: short.to_owned(),
            full: full.to_owned(),
            from: u32::try_from(from).unwrap_or(u32::MAX),
            scope,
        });
    }

    pub(super) fn attribute(&mut self, node: NodeId) {
        if self.clause_around().is_some() {
            return;
        }
        let Some((name, value)) = attributes::read(self.tree, node) else {
            return;
        };
        let text = self.tree.symbols().text(name);
        if attributes::describes_next(text) {
            self.waiting
                .push(u32::try_from(self.out.attributes.len()).unwrap_or(u32::MAX));
        }
        self.out.attributes.push(Attribute {
            module: self.module_around(),
            name,
            node,
            value,
            about: attributes::about(self.tree, text, value),
            function: None,
        });
    }

    pub(super) fn directive(&mut self, kind: DirectiveKind, node: NodeId) {
        let tree = self.tree;
        let arguments = tree.kids(node);
        let Some(what) = arguments.first().filter(|_| arguments.len() <= 2) else {
            return;
        };
        let options = arguments.get(1).copied();
        let targets = self.targets(*what);
        let scope = self.scope(node);
        let renamed = options
            .and_then(|options| tree.keyword(options, "as"))
            .and_then(|short| {
                let only = tree
                    .kid(short, 0)
                    .filter(|_| tree.is_call(short, "__aliases__", 1))?;
                Some(tree.text(only).to_owned())
            });
        for full in &targets {
            match (&renamed, kind) {
                (Some(short), DirectiveKind::Alias | DirectiveKind::Require) => {
                    self.alias(short, full, node.index(), scope);
                }
                (None, DirectiveKind::Alias) => self.alias(aliases::last(full), full, node.index(), scope),
                _ => {}
            }
        }
        self.out.directives.push(Directive {
            kind,
            module: self.module_around(),
            clause: self.clause_around(),
            node,
            scope,
            targets,
            options,
        });
    }

    /// The modules of `alias A`, or of `alias A.{B, C.D}`.
    pub(super) fn targets(&self, what: NodeId) -> Vec<String> {
        let tree = self.tree;
        let Some((base, "{}", parts)) = tree.remote_call(what) else {
            return self.expand(what).into_iter().collect();
        };
        let Some(base) = self.expand(base) else {
            return Vec::new();
        };
        let part = |part: &NodeId| {
            let mut full = base.clone();
            for segment in tree.kids(*part) {
                full.push('.');
                full.push_str(tree.text(*segment));
            }
            (tree.node(*part).kind == Kind::Call && full.chars().count() <= NAME_CHARS_MAX).then_some(full)
        };
        parts.iter().filter_map(part).collect()
    }

    pub(super) fn fields(&mut self, node: NodeId) {
        let tree = self.tree;
        let Some(module) = self.module_around().filter(|_| self.clause_around().is_none()) else {
            return;
        };
        let list = tree
            .kid(node, 0)
            .filter(|list| tree.node(*list).kind == Kind::List);
        let name = |item: &NodeId| {
            let item = match tree.node(*item).kind {
                Kind::Pair => tree.kid(*item, 0)?,
                _ => *item,
            };
            (tree.node(item).kind == Kind::Atom).then(|| tree.node(item).symbol)
        };
        let names = list.map(|list| tree.kids(list).iter().take(FIELDS_MAX).filter_map(name).collect());
        if let Some(module) = self.out.modules.get_mut(module as usize) {
            module
                .fields
                .get_or_insert_with(|| (node, names.unwrap_or_default()));
        }
    }
}
