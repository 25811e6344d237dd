//! The manifest that was published last, kept in the user's cache: the next one differs in a few bytes, and those are sent.

use std::fs;
use std::path::PathBuf;

use codegraph::ContentHash;

/// The last manifest of a project at a member. Nothing is lost if it cannot be kept: the next is sent whole.
#[derive(Debug, Default)]
pub(crate) struct LastManifest {
    file: Option<PathBuf>,
    bytes: Vec<u8>,
}

impl LastManifest {
    /// Reads it: `$XDG_CACHE_HOME/elixirscope` (`~/.cache/elixirscope`), a file for each project and member.
    pub(crate) fn of(url: &str, project: &str) -> Self {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
        let Some(cache) = cache.filter(|folder| folder.is_absolute()).or_else(home) else {
            return Self::default();
        };
        let name = ContentHash::of(format!("{url}\n{project}").as_bytes());
        let file = cache.join("elixirscope").join(format!("{name}.manifest"));
        let bytes = fs::read(&file).unwrap_or_default();
        let file = Some(file);
        Self { file, bytes }
    }

    /// How a manifest differs: the query that names this one and what is kept of it, and the bytes between.
    pub(crate) fn patch<'a>(&self, next: &'a [u8]) -> Option<(String, &'a [u8])> {
        if self.bytes.is_empty() {
            return None;
        }
        let same = |a: &u8, b: &u8| a == b;
        let both = self.bytes.iter().zip(next);
        let prefix = both.take_while(|(a, b)| same(a, b)).count();
        let most = self.bytes.len().min(next.len()) - prefix;
        let both = self.bytes.iter().rev().zip(next.iter().rev()).take(most);
        let suffix = both.take_while(|(a, b)| same(a, b)).count();
        let differs = next.get(prefix..next.len() - suffix)?;
        let base = ContentHash::of(&self.bytes);
        Some((format!("base={base}&prefix={prefix}&suffix={suffix}"), differs))
    }

    /// Keeps the one that is published now.
    pub(crate) fn keep(&mut self, manifest: &[u8]) {
        self.bytes = manifest.to_vec();
        let Some(file) = &self.file else { return };
        if let Some(folder) = file.parent() {
            let _ = fs::create_dir_all(folder);
        }
        // Whole or not at all: who reads half of one would name a base that nobody has, and send the next whole.
        let part = file.with_extension("part");
        let _ = fs::write(&part, manifest).and_then(|()| fs::rename(&part, file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: manifests that are equal, differ in the middle, grow, shrink, have nothing in common, repeat themselves.
    /// Guarantee: what is kept of the last and what is sent make the next; little is sent where little differs.
    #[test]
    fn a_patch_makes_the_next_manifest() {
        let long = "abcdefgh".repeat(100);
        let middle = [&long[..400], "XYZ", &long[404..]].concat();
        let longer = format!("{long}{long}");
        for (before, next, most) in [
            (long.as_str(), long.as_str(), 0),
            (&long, &middle, 4),
            (&long, &longer, 800),
            (&longer, &long, 0),
            ("aaa", "aa", 0),
            ("aa", "aaa", 1),
            ("abc", "xyz", 3),
            ("abc", "", 0),
        ] {
            let last = LastManifest {
                file: None,
                bytes: before.into(),
            };
            let (query, differs) = last.patch(next.as_bytes()).unwrap();
            let number = |name: &str| -> usize {
                let (_, rest) = query.split_once(&format!("{name}=")).unwrap();
                rest.split('&').next().unwrap().parse().unwrap()
            };
            let (prefix, suffix) = (number("prefix"), number("suffix"));
            let made = [
                &before[..prefix],
                std::str::from_utf8(differs).unwrap(),
                &before[before.len() - suffix..],
            ];
            assert_eq!(made.concat(), next);
            assert!(
                differs.len() <= most,
                "{} bytes from {before} to {next}",
                differs.len()
            );
        }
        assert!(LastManifest::default().patch(b"abc").is_none());
    }
}
