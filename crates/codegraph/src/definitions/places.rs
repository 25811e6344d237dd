//! Where the definitions of a file lie, as tables: asked for every node and every alias, so no answer may walk the
//! definitions.

use super::cover::Cover;
use super::{Alias, Outline};
use crate::quoted::Quoted;

/// Tables that follow from an outline and its tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    modules: Cover,
    clauses: Cover,
    // By short name, ascending: the indices of its aliases, and where each holds.
    aliases: Vec<(Vec<u32>, Cover)>,
}

/// An outline is what the file defines; these tables only follow from that.
impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Places {}

impl Places {
    pub(super) fn of(tree: &Quoted, outline: &Outline) -> Self {
        // What stands beside a module's body (its name, its options) is part of the module around it.
        let bodies = outline.modules.iter().map(|module| {
            let body = module.body.filter(|body| tree.contains(module.node, *body));
            body.map_or(0..0, |body| tree.subtree(body))
        });
        let mut named: Vec<u32> = (0..outline.aliases.len() as u32).collect();
        let alias = |index: u32| outline.aliases.get(index as usize);
        let short = |index: u32| alias(index).map_or("", |alias| alias.short.as_str());
        named.sort_by(|a, b| short(*a).cmp(short(*b)));
        let groups = named.chunk_by(|a, b| short(*a) == short(*b));
        Self {
            modules: Cover::of(bodies),
            clauses: Cover::of(outline.clauses.iter().map(|clause| tree.subtree(clause.node))),
            aliases: groups
                .map(|group| {
                    let held = group.iter().filter_map(|index| alias(*index)).map(|alias| {
                        let scope = tree.subtree(alias.scope);
                        scope.start.max(alias.from as usize)..scope.end
                    });
                    (group.to_vec(), Cover::of(held))
                })
                .collect(),
        }
    }

    /// The innermost module around a node.
    pub(super) fn module(&self, node: usize) -> Option<u32> {
        self.modules.last_at(node)
    }

    /// The innermost clause around a node, modules between them or not.
    pub(super) fn clause(&self, node: usize) -> Option<u32> {
        self.clauses.last_at(node)
    }

    /// The latest alias of a short name that holds at a node.
    pub(super) fn alias<'a>(&self, aliases: &'a [Alias], short: &str, node: usize) -> Option<&'a Alias> {
        let name = |group: &(Vec<u32>, Cover)| {
            let first = group.0.first().and_then(|first| aliases.get(*first as usize));
            first.map_or("", |alias| alias.short.as_str())
        };
        let at = self
            .aliases
            .binary_search_by(|group| name(group).cmp(short))
            .ok()?;
        let (indices, cover) = self.aliases.get(at)?;
        let index = *indices.get(cover.last_at(node)? as usize)?;
        aliases.get(index as usize)
    }
}
