//! Looking again and again, where the system does not tell what changes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::walk::source_files;

/// What a source looked like: bytes and time of change. `None`: it could not be asked.
type Stamp = Option<(u64, Duration)>;

/// All sources of a project, as they looked at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Looks(BTreeMap<String, Stamp>);

impl Looks {
    /// Looks.
    pub(super) fn of(root: &Path, tests: bool) -> io::Result<Self> {
        let (files, _) = source_files(root, tests)?;
        let stamp = |path: &Path| {
            let found = fs::symlink_metadata(path).ok()?;
            let changed = found.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH);
            Some((found.len(), changed.unwrap_or_default()))
        };
        Ok(Self(
            files
                .into_iter()
                .map(|file| {
                    let stamp = stamp(&file.path);
                    (file.relative, stamp)
                })
                .collect(),
        ))
    }

    /// Sources that look otherwise, are new or gone, ascending.
    pub(super) fn changed_since(&self, before: &Self) -> Vec<String> {
        let mut changed: Vec<String> = self
            .0
            .iter()
            .filter(|(path, stamp)| before.0.get(*path) != Some(*stamp))
            .map(|(path, _)| path.clone())
            .collect();
        changed.extend(
            before
                .0
                .keys()
                .filter(|path| !self.0.contains_key(*path))
                .cloned(),
        );
        changed.sort();
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: one source is changed, one made, one removed, one left, one file is no source. Guarantee: three are
    /// named.
    #[test]
    fn what_changed_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join("lib").join(name), text).unwrap();
        fs::create_dir(dir.path().join("lib")).unwrap();
        for name in ["a.ex", "b.ex", "c.ex"] {
            write(name, "1");
        }
        let before = Looks::of(dir.path(), false).unwrap();
        assert_eq!(
            Looks::of(dir.path(), false).unwrap().changed_since(&before),
            [""; 0]
        );
        write("a.ex", "22");
        fs::remove_file(dir.path().join("lib/b.ex")).unwrap();
        write("d.exs", "");
        write("e.txt", "");
        let after = Looks::of(dir.path(), false).unwrap();
        assert_eq!(
            after.changed_since(&before),
            ["lib/a.ex", "lib/b.ex", "lib/d.exs"]
        );
        assert!(Looks::of(&dir.path().join("none"), false).is_err());
    }
}
