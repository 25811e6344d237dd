//! Files of a version by path: one, all, those that differ between two versions, and the folders of a new version.

use codegraph::records::{Change, Family};
use codegraph::version::{Entry, FileRecord, Folder, RecordId};

use super::{HistoryFault, Shelf};

/// A file that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// Inside the project, with `/`.
    pub path: String,
    /// What it was.
    pub old: Option<FileRecord>,
    /// What it is.
    pub new: Option<FileRecord>,
}

/// The file at a path, if there is one.
pub fn file_at(
    shelf: &mut Shelf<'_>,
    root: Option<RecordId>,
    path: &str,
) -> Result<Option<FileRecord>, HistoryFault> {
    let mut at = root.map(Entry::Folder);
    for part in path.split('/') {
        let Some(Entry::Folder(folder)) = at else {
            return Ok(None);
        };
        at = shelf.folder(Some(folder))?.get(part);
    }
    Ok(match at {
        Some(Entry::File(file)) => Some(file),
        _ => None,
    })
}

/// All files of a version, by path.
pub fn files(
    shelf: &mut Shelf<'_>,
    root: Option<RecordId>,
) -> Result<Vec<(String, FileRecord)>, HistoryFault> {
    let found = differences(shelf, None, root)?;
    let files = found.into_iter();
    Ok(files
        .filter_map(|change| change.new.map(|file| (change.path, file)))
        .collect())
}

/// The files that differ between two versions, by path. Folders of equal ids are equal, so they are not looked into.
pub fn differences(
    shelf: &mut Shelf<'_>,
    old: Option<RecordId>,
    new: Option<RecordId>,
) -> Result<Vec<TreeChange>, HistoryFault> {
    let mut changes = Vec::new();
    let mut todo = vec![(String::new(), old, new)];
    while let Some((prefix, old, new)) = todo.pop() {
        if old == new {
            continue;
        }
        let (old, new) = (shelf.folder(old)?, shelf.folder(new)?);
        let mut names: Vec<&str> = old
            .entries()
            .iter()
            .chain(new.entries())
            .map(|(name, _)| name.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let (was, is) = (old.get(name), new.get(name));
            if was == is {
                continue;
            }
            let path = format!("{prefix}{name}");
            let (was_file, was_folder) = split(was);
            let (is_file, is_folder) = split(is);
            if was_folder.is_some() || is_folder.is_some() {
                todo.push((format!("{path}/"), was_folder, is_folder));
            }
            if was_file.is_some() || is_file.is_some() {
                changes.push(TreeChange {
                    path,
                    old: was_file,
                    new: is_file,
                });
            }
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

fn split(entry: Option<Entry>) -> (Option<FileRecord>, Option<RecordId>) {
    match entry {
        Some(Entry::File(file)) => (Some(file), None),
        Some(Entry::Folder(folder)) => (None, Some(folder)),
        None => (None, None),
    }
}

/// The folder that a folder becomes with some files set or taken away (sorted by path, relative to it); the records of
/// those that are new are added to `changes`. Folders are no deeper than a walk goes, so this may recurse.
pub(super) fn updated(
    shelf: &mut Shelf<'_>,
    id: Option<RecordId>,
    files: &[(&str, Option<FileRecord>)],
    changes: &mut Vec<Change>,
) -> Result<Option<RecordId>, HistoryFault> {
    let mut folder = Folder::clone(&*shelf.folder(id)?);
    let mut rest = files;
    while let Some((path, file)) = rest.first() {
        let Some((name, _)) = path.split_once('/') else {
            // A folder of this name, if there is one, is emptied by later paths.
            if file.is_some() || matches!(folder.get(path), Some(Entry::File(_))) {
                folder.set(path, file.map(Entry::File));
            }
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        let inside = |path: &str| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        let count = rest.iter().take_while(|(path, _)| inside(path)).count();
        let (these, others) = rest.split_at(count);
        rest = others;
        let deeper: Vec<(&str, Option<FileRecord>)> = these
            .iter()
            .filter_map(|(path, file)| Some((path.get(name.len() + 1..)?, *file)))
            .collect();
        let (_, inner) = split(folder.get(name));
        match updated(shelf, inner, &deeper, changes)? {
            Some(inner) => folder.set(name, Some(Entry::Folder(inner))),
            // A file may have taken the emptied folder's name before.
            None if inner.is_some() => folder.set(name, None),
            None => {}
        }
    }
    if folder.entries().is_empty() {
        return Ok(None);
    }
    let bytes = folder.encode();
    let new = RecordId::of(&bytes);
    if Some(new) != id {
        shelf.keep_folder(new, folder, bytes.len());
        changes.push(Change::Put(Family::Tree, new.0.to_vec(), bytes));
    }
    Ok(Some(new))
}
