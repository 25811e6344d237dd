//! What a path below a project's root means for its code, told by its name alone: the rules of `walk`, for one path.

use std::path::{Component, Path};

use crate::walk::{DEPTH_MAX, SKIPPED};

/// Which paths count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Also `test` folders.
    pub tests: bool,
}

/// What a path can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing of it counts, nor of what is below.
    Nothing,
    /// A folder that sources can be in or below.
    Folder,
    /// A source if it is a file; sources can be below if it is a folder.
    SourceOrFolder,
    /// A source if it is a file; as a folder it would be too deep, or have a name that is not entered.
    Source,
}

impl Meaning {
    /// Whether it can be a source.
    #[must_use]
    pub fn can_be_source(self) -> bool {
        matches!(self, Self::Source | Self::SourceOrFolder)
    }

    /// Whether it can be a folder with sources in or below it.
    #[must_use]
    pub fn can_be_folder(self) -> bool {
        matches!(self, Self::Folder | Self::SourceOrFolder)
    }
}

impl Scope {
    /// What a path relative to the root can be.
    #[must_use]
    pub fn meaning(self, relative: &str) -> Meaning {
        let mut names = relative.split('/').filter(|name| !name.is_empty());
        let Some(mut name) = names.next() else {
            return Meaning::Folder;
        };
        if name == "apps" {
            match (names.next(), names.next()) {
                (_, None) => return Meaning::Folder,
                (_, Some(inside)) => name = inside,
            }
        }
        if name != "lib" && !(self.tests && name == "test") {
            return Meaning::Nothing;
        }
        let inside: Vec<&str> = names.collect();
        let Some((last, folders)) = inside.split_last() else {
            return Meaning::Folder;
        };
        // The folder `lib` is at depth 0; `folders.len()` is that of the folder that `last` is in.
        if folders.len() > DEPTH_MAX || folders.iter().any(|name| is_skipped(name)) {
            return Meaning::Nothing;
        }
        let is_source = Path::new(last)
            .extension()
            .is_some_and(|end| end == "ex" || end == "exs")
            && !last.chars().any(char::is_control);
        let is_folder = folders.len() < DEPTH_MAX && !is_skipped(last);
        match (is_source, is_folder) {
            (true, true) => Meaning::SourceOrFolder,
            (true, false) => Meaning::Source,
            (false, true) => Meaning::Folder,
            (false, false) => Meaning::Nothing,
        }
    }
}

fn is_skipped(name: &str) -> bool {
    SKIPPED.contains(&name) || name.starts_with('.')
}

/// A path relative to `root`, with `/`; `None` if it is not below it, or its name is not UTF-8.
pub(super) fn relative(root: &Path, path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.strip_prefix(root).ok()?.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::source_files;
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "lib",
            "test",
            "apps",
            "deps",
            "_build",
            ".git",
            ".hidden.ex",
            ".ex",
            "a",
            "b.ex",
            "c.exs",
            "d.txt",
            "e\u{7}.ex",
            "f.ex.swp",
            "node_modules",
            "shop",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Scenario: any files in any folders of telling names. Guarantee: a file is a source by its path alone exactly
        /// if walking the project finds it, and all folders above a source can have sources.
        #[test]
        fn paths_count_as_the_walk_says(
            paths in prop::collection::btree_set(prop::collection::vec(name(), 1..6), 1..20),
            tests in any::<bool>(),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut made = Vec::new();
            for names in &paths {
                let path = dir.path().join(names.join("/"));
                let folder = path.parent().unwrap();
                if std::fs::create_dir_all(folder).is_ok() && !path.exists() && std::fs::write(&path, "").is_ok() {
                    made.push(names.join("/"));
                }
            }
            let (found, _) = source_files(dir.path(), tests).unwrap();
            let found: Vec<String> = found.into_iter().map(|file| file.relative).collect();
            let scope = Scope { tests };
            let mut counted: Vec<String> = made
                .into_iter()
                .filter(|path| scope.meaning(path).can_be_source() && dir.path().join(path).is_file())
                .collect();
            counted.sort();
            prop_assert_eq!(&counted, &found);
            for path in found {
                for (at, _) in path.match_indices('/') {
                    prop_assert!(scope.meaning(&path[..at]).can_be_folder(), "{}", &path[..at]);
                }
            }
        }
    }

    /// Scenario: folders as deep as the walk goes, and one deeper. Guarantee: the same end for both.
    #[test]
    fn too_deep_is_too_deep() {
        let dir = tempfile::tempdir().unwrap();
        let deep = |folders: usize| format!("lib{}/x.ex", "/d".repeat(folders));
        for folders in [DEPTH_MAX, DEPTH_MAX + 1] {
            let path = dir.path().join(deep(folders));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let (found, _) = source_files(dir.path(), false).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].relative, deep(DEPTH_MAX));
        let scope = Scope { tests: false };
        assert_eq!(scope.meaning(&deep(DEPTH_MAX)), Meaning::Source);
        assert_eq!(scope.meaning(&deep(DEPTH_MAX + 1)), Meaning::Nothing);
    }
}
