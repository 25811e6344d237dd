//! Templates: files of EEx, HEEx and LEEx, the Elixir in them located, and the module that each becomes part of.
//!
//! A template is recorded, not lowered: its expressions are pieces that only make sense together (`<%= if x do %>` ...
//! `<% end %>`). Read [`template_files`], then [`holes()`], then [`links()`].

mod holes;
mod links;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::{fs, io};

pub use holes::{Hole, HoleKind, holes};
pub use links::{Link, Reason, links};

/// Most directories inside one another.
const DEPTH_MAX: usize = 64;
const SKIPPED: &[&str] = &["_build", "deps", "node_modules"];

/// A template's language, by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TemplateFormat {
    /// `.eex`.
    Eex,
    /// `.heex`: HTML-aware, with `{...}`.
    Heex,
    /// `.leex`: LiveView's former EEx.
    Leex,
}

impl TemplateFormat {
    /// The language of a file; `None` of what is no template.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1 {
            "eex" => Some(Self::Eex),
            "heex" => Some(Self::Heex),
            "leex" => Some(Self::Leex),
            _ => None,
        }
    }
}

/// The templates of a project by path relative to its root, with `/`, ascending: those under `lib`, `priv/templates` and
/// `apps/*/lib`. Symbolic links and hidden folders are not followed.
pub fn template_files(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open: Vec<(PathBuf, String, usize)> = vec![
        (root.join("lib"), "lib".to_owned(), 0),
        (root.join("priv/templates"), "priv/templates".to_owned(), 0),
    ];
    for (name, path) in entries(&root.join("apps"))? {
        open.push((path.join("lib"), format!("apps/{name}/lib"), 0));
    }
    while let Some((folder, relative, depth)) = open.pop() {
        for (name, path) in entries(&folder)? {
            let relative = format!("{relative}/{name}");
            let kind = fs::symlink_metadata(&path)?.file_type();
            if kind.is_dir() && depth < DEPTH_MAX && !SKIPPED.contains(&name.as_str()) {
                open.push((path, relative, depth + 1));
            } else if kind.is_file() && TemplateFormat::of(&name).is_some() {
                found.push(relative);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What a folder holds and is not hidden; nothing if there is no such folder.
fn entries(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(fault)
            if matches!(
                fault.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        Err(fault) => return Err(fault),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            found.push((name, entry.path()));
        }
    }
    Ok(found)
}
