//! What a version's entities are called, and where they stand.

use codegraph::VersionId;
use codegraph::identity::{BothIds, EntityId, EntityKind, Identities, qualified_names};
use codegraph::lineage::LineageKind;
use codegraph::quoted::NodeId;
use codegraph::version::{FileRecord, VersionRecord};

use super::{HistoryFault, Parsed, Shelf, differences, files};

/// A file, module or function of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its id.
    pub entity: EntityId,
    /// What it is.
    pub kind: EntityKind,
    /// `Shop.Stock.take/2`, `Shop.Stock`, `lib/shop/stock.ex`.
    pub name: String,
    /// Its file.
    pub path: String,
    /// Its first line, from 1.
    pub line: u32,
    /// What it says.
    pub content: BothIds,
    /// The module or file that it is in; of a file itself.
    pub scope: EntityId,
    /// Its name in that.
    pub own: String,
}

impl Named {
    /// What became of it, as it is called in an older and in this version.
    #[must_use]
    pub fn since(&self, old: &Self) -> Vec<LineageKind> {
        let mut kinds = Vec::new();
        let renamed = self.kind != EntityKind::File && self.own != old.own;
        let moved = match self.kind {
            EntityKind::File => self.path != old.path,
            _ => self.scope != old.scope,
        };
        if moved {
            kinds.push(LineageKind::Moved);
        }
        if renamed {
            kinds.push(LineageKind::Renamed);
        }
        let same = if renamed {
            self.content.alpha == old.content.alpha
        } else {
            self.content.exact == old.content.exact
        };
        if !same {
            kinds.push(LineageKind::Edited);
        }
        kinds
    }
}

/// The file, modules and functions of a file, in this order.
pub(super) fn named(path: &str, parsed: &Parsed, ids: &Identities) -> Vec<Named> {
    let (tree, outline) = (&parsed.tree, &parsed.outline);
    let names = qualified_names(path, tree, outline);
    let line = |node: NodeId| tree.node(node).line.max(1);
    let mut found = vec![Named {
        entity: ids.file.entity,
        kind: EntityKind::File,
        name: path.to_owned(),
        path: path.to_owned(),
        line: 1,
        content: parsed.contents.file,
        scope: ids.file.entity,
        own: path.to_owned(),
    }];
    let scope = |module: Option<u32>| {
        let module = module.and_then(|module| ids.modules.get(module as usize));
        module.map_or(ids.file.entity, |module| module.entity)
    };
    let modules = outline.modules.iter().zip(&ids.modules);
    for ((module, owned), (name, content)) in modules.zip(names.modules.iter().zip(&parsed.contents.modules))
    {
        let shown = shown(name);
        found.push(Named {
            entity: owned.entity,
            kind: EntityKind::Module,
            name: shown.to_owned(),
            path: path.to_owned(),
            line: line(module.node),
            content: *content,
            scope: ids.file.entity,
            own: shown.to_owned(),
        });
    }
    let functions = outline.functions.iter().zip(&ids.functions);
    let about = names.functions.iter().zip(&parsed.contents.functions);
    for ((function, owned), (name, content)) in functions.zip(about) {
        let first = function
            .clauses
            .first()
            .and_then(|clause| outline.clauses.get(*clause as usize));
        found.push(Named {
            entity: owned.entity,
            kind: EntityKind::Function,
            name: shown(name).to_owned(),
            path: path.to_owned(),
            line: first.map_or(1, |clause| line(clause.node)),
            content: *content,
            scope: scope(function.module),
            own: format!("{}/{}", tree.symbols().text(function.name), function.arity),
        });
    }
    found
}

/// As people write it.
fn shown(name: &str) -> &str {
    name.strip_prefix("Elixir.").unwrap_or(name)
}

/// What is in a file of a version, as far as it can be read.
pub(super) fn named_in(
    shelf: &mut Shelf<'_>,
    path: &str,
    file: Option<FileRecord>,
) -> Result<Vec<Named>, HistoryFault> {
    let Some((source, ids)) = file.and_then(|file| file.readable()) else {
        return Ok(Vec::new());
    };
    let (parsed, ids) = (shelf.parsed(source)?, shelf.ids(ids)?);
    Ok(named(path, &parsed, &ids))
}

/// The functions and modules of a version that are called so: `Shop.Stock.take/2`, `Shop.Stock.take` (all numbers of
/// parameters), `Shop.Stock`.
pub fn find_function(
    shelf: &mut Shelf<'_>,
    version: VersionId,
    name: &str,
) -> Result<Vec<Named>, HistoryFault> {
    let without_arity = match name.rsplit_once('/') {
        Some((start, arity)) if arity.parse::<u8>().is_ok() => start,
        _ => name,
    };
    let own = without_arity.rsplit('.').next().unwrap_or_default();
    if name.is_empty() || own.is_empty() && !without_arity.ends_with("..") {
        return Err(HistoryFault::Name(name.to_owned()));
    }
    let root = shelf.version(version)?.root;
    let mut found = Vec::new();
    for (path, file) in files(shelf, root)? {
        let Some((source, _)) = file.readable() else {
            continue;
        };
        // A name that a text does not hold it does not define.
        let bytes = shelf.bytes(source)?.unwrap_or_default();
        if !own.is_empty() && !holds(&bytes, own.as_bytes()) {
            continue;
        }
        for one in named_in(shelf, &path, Some(file))? {
            let start = one
                .name
                .rsplit_once('/')
                .map_or(one.name.as_str(), |(start, _)| start);
            let called = one.name == name || one.kind == EntityKind::Function && start == name;
            if called && one.kind != EntityKind::File {
                found.push(one);
            }
        }
    }
    if found.is_empty() {
        return Err(HistoryFault::NoFunction {
            name: name.to_owned(),
            version: version.to_string().chars().take(12).collect(),
        });
    }
    Ok(found)
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    let Some((first, rest)) = part.split_first() else {
        return true;
    };
    let mut left = text;
    while let Some(at) = left.iter().position(|byte| byte == first) {
        left = left.get(at + 1..).unwrap_or_default();
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

/// An entity among the files that a version changed: as the version before had it.
pub(super) fn before(
    shelf: &mut Shelf<'_>,
    version: &VersionRecord,
    entity: EntityId,
) -> Result<Option<Named>, HistoryFault> {
    let Some(parent) = version.parent else {
        return Ok(None);
    };
    let old = shelf.version(parent)?.root;
    for change in differences(shelf, old, version.root)? {
        if let Some((_, ids)) = change.old.and_then(|old| old.readable())
            && has(&*shelf.ids(ids)?, entity)
        {
            let all = named_in(shelf, &change.path, change.old)?;
            return Ok(all.into_iter().find(|one| one.entity == entity));
        }
    }
    Ok(None)
}

/// An entity among the files that a version changed: as this version has it.
pub(super) fn after(
    shelf: &mut Shelf<'_>,
    version: &VersionRecord,
    entity: EntityId,
) -> Result<Option<Named>, HistoryFault> {
    let old = match version.parent {
        Some(parent) => shelf.version(parent)?.root,
        None => None,
    };
    for change in differences(shelf, old, version.root)? {
        if let Some((_, ids)) = change.new.and_then(|new| new.readable())
            && has(&*shelf.ids(ids)?, entity)
        {
            let all = named_in(shelf, &change.path, change.new)?;
            return Ok(all.into_iter().find(|one| one.entity == entity));
        }
    }
    Ok(None)
}

/// Whether a file, module or function is in a file.
pub(super) fn has(ids: &Identities, entity: EntityId) -> bool {
    ids.file.entity == entity
        || ids.modules.iter().any(|module| module.entity == entity)
        || ids.functions.iter().any(|function| function.entity == entity)
}
