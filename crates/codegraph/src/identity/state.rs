//! The ids of one file in one version.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::entity::{EntityId, EntityKind, RepositoryId, mint};
use super::nid::{Nid, Nids, Owned};
use crate::bytes::{Reader, Writer};
use crate::definitions::Outline;
use crate::quoted::{NodeId, Quoted};
use crate::{Malformed, VersionId};

/// The ids of a file and of all in it. The lists run beside those of the file's [`Outline`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// The file.
    pub file: Owned,
    /// Its modules.
    pub modules: Vec<Owned>,
    /// Its functions.
    pub functions: Vec<Owned>,
    /// Its clauses: they own no nodes, their function does.
    pub clauses: Vec<EntityId>,
    /// Its attributes: their module owns their nodes.
    pub attributes: Vec<EntityId>,
    /// Its nodes.
    pub nids: Nids,
}

/// The format of [`Identities::encode`].
const FORMAT: u8 = 1;
/// Most bytes of a file's ids.
const BYTES_MAX: usize = 1 << 28;

impl Identities {
    /// The ids of a file that is new with all in it.
    pub fn new(born: &mut Born, path: &str, tree: &Quoted, outline: &Outline) -> Self {
        let names = qualified_names(path, tree, outline);
        let owned = |entity| Owned { entity, next: 0 };
        let mut identities = Self {
            file: owned(born.mint(EntityKind::File, path)),
            ..Self::default()
        };
        for name in &names.modules {
            identities
                .modules
                .push(owned(born.mint(EntityKind::Module, name)));
        }
        for name in &names.functions {
            identities
                .functions
                .push(owned(born.mint(EntityKind::Function, name)));
        }
        for name in &names.clauses {
            identities.clauses.push(born.mint(EntityKind::Clause, name));
        }
        for (kind, name) in &names.attributes {
            identities.attributes.push(born.mint(*kind, name));
        }
        let ids: Vec<Nid> = owners(tree, outline)
            .into_iter()
            .map(|owner| identities.owner(owner).bear())
            .collect();
        identities.nids = ids.into_iter().collect();
        identities
    }

    pub(crate) fn owner(&mut self, owner: Owner) -> &mut Owned {
        let found = match owner {
            Owner::File => None,
            Owner::Module(index) => self.modules.get_mut(index as usize),
            Owner::Function(index) => self.functions.get_mut(index as usize),
        };
        found.unwrap_or(&mut self.file)
    }

    /// The bytes of these ids.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(FORMAT);
        for owned in [std::slice::from_ref(&self.file), &self.modules, &self.functions] {
            to.count(owned.len());
            for owned in owned {
                to.raw(&owned.entity.0);
                to.number(owned.next);
            }
        }
        for entities in [&self.clauses, &self.attributes] {
            to.count(entities.len());
            for entity in entities {
                to.raw(&entity.0);
            }
        }
        self.nids.encode(&mut to);
        to.bytes
    }

    /// Reads what [`Identities::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Reader::new(bytes, BYTES_MAX)?;
        let found = from.byte("the format")?;
        if found != FORMAT {
            return Err(Malformed::Version { found, known: FORMAT });
        }
        let files = owned(&mut from)?;
        let [file] = files.as_slice() else {
            return Err(from.invalid("the file's entity"));
        };
        let identities = Self {
            file: *file,
            modules: owned(&mut from)?,
            functions: owned(&mut from)?,
            clauses: entities(&mut from)?,
            attributes: entities(&mut from)?,
            nids: Nids::decode(&mut from)?,
        };
        from.finish()?;
        Ok(identities)
    }
}

fn owned(from: &mut Reader<'_>) -> Result<Vec<Owned>, Malformed> {
    let count = from.count(17, "an owner")?;
    (0..count)
        .map(|_| {
            Ok(Owned {
                entity: entity(from)?,
                next: from.number("an owner's next number")?,
            })
        })
        .collect()
}

fn entities(from: &mut Reader<'_>) -> Result<Vec<EntityId>, Malformed> {
    let count = from.count(16, "an entity")?;
    (0..count).map(|_| entity(from)).collect()
}

pub(super) fn entity(from: &mut Reader<'_>) -> Result<EntityId, Malformed> {
    let bytes = from.raw(16, "an entity")?;
    Ok(EntityId(bytes.first_chunk::<16>().copied().unwrap_or_default()))
}

/// What is born in one version: mints ids, and counts equal names.
#[derive(Debug)]
pub struct Born {
    repository: RepositoryId,
    version: VersionId,
    names: HashMap<(EntityKind, String), u32>,
}

impl Born {
    /// Nothing is born yet in this version.
    #[must_use]
    pub fn new(repository: RepositoryId, version: VersionId) -> Self {
        Self {
            repository,
            version,
            names: HashMap::new(),
        }
    }

    /// A new thing's id. The order of calls decides among equal names: files by path, then places in the file.
    pub fn mint(&mut self, kind: EntityKind, name: &str) -> EntityId {
        let count = self.names.entry((kind, name.to_owned())).or_default();
        let ordinal = *count;
        *count += 1;
        mint(self.repository, self.version, kind, name, ordinal)
    }
}

/// Names that are told apart across the repository; the lists run beside the outline's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QualifiedNames {
    /// `Elixir.Shop.Stock`.
    pub modules: Vec<String>,
    /// `Elixir.Shop.Stock.take/2`.
    pub functions: Vec<String>,
    /// `Elixir.Shop.Stock.take/2`: clauses are told apart by ordinals.
    pub clauses: Vec<String>,
    /// `Elixir.Shop.Stock@doc take/2`.
    pub attributes: Vec<(EntityKind, String)>,
}

/// The names of what a file defines. A computed name is `?`; what stands outside of modules is qualified by the path.
#[must_use]
pub fn qualified_names(path: &str, tree: &Quoted, outline: &Outline) -> QualifiedNames {
    let mut names = QualifiedNames::default();
    for module in &outline.modules {
        let name = module.names.first().map_or("?", String::as_str);
        names.modules.push(name.to_owned());
    }
    let within = |module: Option<u32>| {
        let module = module.and_then(|module| names.modules.get(module as usize));
        module.map_or(path, String::as_str)
    };
    for function in &outline.functions {
        let name = match tree.symbols().text(function.name) {
            "" => "?",
            name => name,
        };
        names
            .functions
            .push(format!("{}.{name}/{}", within(function.module), function.arity));
    }
    for clause in &outline.clauses {
        let function = names.functions.get(clause.function as usize);
        names.clauses.push(function.cloned().unwrap_or_default());
    }
    for attribute in &outline.attributes {
        let name = tree.symbols().text(attribute.name);
        let kind = match name {
            "type" | "typep" | "opaque" => EntityKind::Type,
            "callback" | "macrocallback" => EntityKind::Callback,
            _ => EntityKind::Attribute,
        };
        let function = attribute
            .function
            .and_then(|function| outline.functions.get(function as usize));
        let about = attribute
            .about
            .or_else(|| function.map(|function| (function.name, function.arity)));
        let about = about.map_or_else(String::new, |(name, arity)| {
            format!(" {}/{arity}", tree.symbols().text(name))
        });
        names
            .attributes
            .push((kind, format!("{}@{name}{about}", within(attribute.module))));
    }
    names
}

/// In what a node is born.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    File,
    Module(u32),
    Function(u32),
}

/// The innermost function, module or file around each node.
pub(crate) fn owners(tree: &Quoted, outline: &Outline) -> Vec<Owner> {
    let mut ranges: Vec<(usize, Reverse<usize>, Owner)> = Vec::new();
    let mut add = |node: NodeId, owner: Owner| {
        let range = tree.subtree(node);
        ranges.push((range.start, Reverse(range.end), owner));
    };
    for (index, module) in outline.modules.iter().enumerate() {
        add(module.node, Owner::Module(index as u32));
    }
    for clause in &outline.clauses {
        add(clause.node, Owner::Function(clause.function));
    }
    ranges.sort_by_key(|(start, end, _)| (*start, *end));
    let mut owners = Vec::with_capacity(tree.nodes().len());
    let mut around: Vec<(usize, Owner)> = Vec::new();
    let mut ranges = ranges.into_iter().peekable();
    for index in 0..tree.nodes().len() {
        while around.last().is_some_and(|(end, _)| *end <= index) {
            around.pop();
        }
        while let Some((_, Reverse(end), owner)) = ranges.next_if(|(start, ..)| *start <= index) {
            around.push((end, owner));
        }
        owners.push(around.last().map_or(Owner::File, |(_, owner)| *owner));
    }
    owners
}
