//! Which paths of a repository are source files of the project: the same that the walk over its folder finds.

/// Most folders inside one another below `lib`, as the walk has it.
const DEPTH_MAX: usize = 64;
const SKIPPED: &[&str] = &["_build", "deps", "node_modules"];

/// The path inside the project of a source file, if it is one: `.ex` and `.exs` under `lib`, `test`, `apps/*/lib` and
/// `apps/*/test`, but not in `_build`, `deps`, `node_modules` or folders that begin with a dot.
pub(crate) fn source_path<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    let path = path.strip_prefix(prefix)?;
    let parts: Vec<&str> = path.split('/').collect();
    let (["lib" | "test", inside @ ..] | ["apps", _, "lib" | "test", inside @ ..]) = parts.as_slice() else {
        return None;
    };
    let (name, folders) = inside.split_last()?;
    let skipped = |folder: &&str| SKIPPED.contains(folder) || folder.starts_with('.');
    let (_, end) = name.rsplit_once('.').filter(|(start, _)| !start.is_empty())?;
    let is_source = matches!(end, "ex" | "exs") && !path.chars().any(char::is_control);
    (is_source && folders.len() <= DEPTH_MAX && !folders.iter().any(skipped)).then_some(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::source_path;
    use crate::walk::source_files;

    /// Scenario: a folder with files that count and such that do not. Guarantee: the paths that are taken from git are
    /// those that the walk finds in the same folder.
    #[test]
    fn git_and_the_walk_take_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [
            "lib/a.ex",
            "lib/a/b.exs",
            "lib/.hidden/a.ex",
            "lib/.ex",
            "lib/.a.ex",
            "lib/_build/a.ex",
            "lib/deps/a.ex",
            "lib/a.eex",
            "lib/ex",
            "test/a_test.exs",
            "tests/a.ex",
            "apps/one/lib/a.ex",
            "apps/one/test/x/a.exs",
            "apps/one/src/a.ex",
            "apps/lib/a.ex",
            "mix.exs",
            "config/config.exs",
        ];
        for path in paths {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "1").unwrap();
        }
        let (walked, _) = source_files(folder.path(), true).unwrap();
        let walked: Vec<String> = walked.into_iter().map(|file| file.relative).collect();
        let mut taken: Vec<&str> = paths.iter().filter_map(|path| source_path("", path)).collect();
        taken.sort_unstable();
        assert_eq!(taken, walked);
        assert_eq!(source_path("shop/", "shop/lib/a.ex"), Some("lib/a.ex"));
        assert_eq!(source_path("shop/", "lib/a.ex"), None);
    }
}
