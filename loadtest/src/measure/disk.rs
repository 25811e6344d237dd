//! Bytes of a folder.

use std::fs;
use std::path::Path;

/// Entries looked at, at most.
const ENTRIES_MAX: usize = 1_000_000;

/// Sum of the lengths of all regular files below a folder. What vanishes meanwhile is not counted.
pub(crate) fn bytes(folder: &Path) -> u64 {
    let (mut sum, mut seen, mut folders) = (0, 0, vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > ENTRIES_MAX {
                return sum;
            }
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(entry.path()),
                Ok(meta) if meta.is_file() => sum += meta.len(),
                _ => {}
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    /// Guarantee: files of all depths are counted, once.
    #[test]
    fn all_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        std::fs::write(dir.path().join("x"), [0; 10]).unwrap();
        std::fs::write(dir.path().join("a/b/y"), [0; 32]).unwrap();
        assert_eq!(super::bytes(dir.path()), 42);
        assert_eq!(super::bytes(&dir.path().join("none")), 0);
    }
}
