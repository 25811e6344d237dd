//! Which functions differ between two states of a project: by name and by what they say. It needs no history: any two
//! projects can be compared, what lies in a folder as well as versions that were indexed apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use codegraph::identity::ContentId;

use super::CodeProject;

/// How a function differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// It says something else.
    Edited,
    /// It is new under this name.
    Added,
    /// It was called otherwise, or was in another module, and says the same but for its name.
    Renamed,
    /// It is gone.
    Removed,
}

impl Changed {
    /// As a person reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::Added => "added",
            Self::Renamed => "renamed",
            Self::Removed => "removed",
        }
    }
}

/// A function that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFunction {
    /// How.
    pub changed: Changed,
    /// Its node now; of one that is gone: under which it is called still, if it is.
    pub node: Option<u32>,
    /// Its node before.
    pub old: Option<u32>,
}

/// Module, name and parameters.
type Key = (Arc<str>, Arc<str>, u8);
/// Functions of one name that differ, in the order of the files.
type Left = Vec<(u32, ContentId)>;

impl CodeProject {
    /// The functions of the sources that differ from an older state, by place; then those that are gone. Functions are
    /// equal that have one name and one content id; a function that is gone and one that is new are one that was renamed
    /// if both have an alpha id that no other of them has.
    #[must_use]
    pub fn changed_since(&self, old: &Self) -> Vec<ChangedFunction> {
        let (mut were, are) = (old.by_key(), self.by_key());
        let mut found = Vec::new();
        let mut added = Vec::new();
        for (key, list) in are {
            let known = were.remove(&key).unwrap_or_default();
            let (new, gone) = unequal(list, known);
            let both = new.len().min(gone.len());
            let edited = new.iter().zip(&gone);
            found.extend(edited.map(|((node, _), (old, _))| ChangedFunction {
                changed: Changed::Edited,
                node: Some(*node),
                old: Some(*old),
            }));
            added.extend(new.into_iter().skip(both).map(|(node, _)| node));
            if gone.len() > both {
                were.insert(key, gone.into_iter().skip(both).collect());
            }
        }
        let gone: Vec<u32> = were.into_values().flatten().map(|(node, _)| node).collect();
        let (new, mut left) = (self.by_alpha(&added), old.by_alpha(&gone));
        for (alpha, nodes) in new {
            let before = left
                .get(&alpha)
                .filter(|gone| gone.len() == 1 && nodes.len() == 1);
            let old = before.and_then(|gone| gone.first().copied());
            if old.is_some() {
                left.remove(&alpha);
            }
            found.extend(nodes.into_iter().map(|node| ChangedFunction {
                changed: if old.is_some() {
                    Changed::Renamed
                } else {
                    Changed::Added
                },
                node: Some(node),
                old,
            }));
        }
        found.sort_by_key(|one| one.node);
        let mut gone: Vec<u32> = left.into_values().flatten().collect();
        gone.sort_unstable();
        found.extend(gone.into_iter().map(|node| ChangedFunction {
            changed: Changed::Removed,
            node: self.same_name(old, node),
            old: Some(node),
        }));
        found
    }

    /// Functions of the sources by name, with what they say.
    fn by_key(&self) -> BTreeMap<Key, Left> {
        let mut keys: BTreeMap<Key, Left> = BTreeMap::new();
        for (index, function) in self.functions.iter().enumerate() {
            if let Some(definition) = &function.definition {
                let key = (function.module.clone(), function.name.clone(), function.arity);
                let one = (self.node_of(index), definition.content.exact);
                keys.entry(key).or_default().push(one);
            }
        }
        keys
    }

    fn by_alpha(&self, nodes: &[u32]) -> BTreeMap<ContentId, Vec<u32>> {
        let mut found: BTreeMap<ContentId, Vec<u32>> = BTreeMap::new();
        for node in nodes {
            let definition = self.function(*node).and_then(|one| one.definition.as_ref());
            if let Some(definition) = definition {
                found.entry(definition.content.alpha).or_default().push(*node);
            }
        }
        found
    }

    /// The function that is called as one of another state is.
    fn same_name(&self, old: &Self, node: u32) -> Option<u32> {
        let wanted = old.function(node)?;
        let index = self.functions.iter().position(|known| {
            (&known.module, &known.name, known.arity) == (&wanted.module, &wanted.name, wanted.arity)
        })?;
        Some(self.node_of(index))
    }
}

/// Without those that say the same on both sides.
fn unequal(new: Left, mut old: Left) -> (Left, Left) {
    let mut left = Vec::new();
    for (node, content) in new {
        match old.iter().position(|(_, known)| *known == content) {
            Some(at) => drop(old.remove(at)),
            None => left.push((node, content)),
        }
    }
    (left, old)
}
