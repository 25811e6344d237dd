//! What was last seen of a working tree: which files, how the file system described them, what they held. Where the
//! description is the same, the file need not be read.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use codegraph::SourceHash;

/// How the file system describes a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) inode: u64,
    /// Of the last change of its content or description, in nanoseconds since 1970.
    pub(super) changed: i128,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let nanoseconds = |seconds: i64, part: i64| i128::from(seconds) * 1_000_000_000 + i128::from(part);
        Self {
            size: metadata.len(),
            inode: metadata.ino(),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// A file that changed so shortly before `now` may change again within the same tick of the file system's clock.
    fn is_settled(&self, now: i128) -> bool {
        self.changed + SETTLED.as_nanos() as i128 <= now
    }
}

const SETTLED: Duration = Duration::from_secs(2);
const FORMAT: u8 = 1;
/// A file's bytes beside its path: length of the path, size, inode, time, hash.
const FIXED: usize = 4 + 8 + 8 + 16 + 32;

/// What was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    files: HashMap<String, (Stamp, SourceHash)>,
}

impl Head {
    /// The source that a file of this description holds.
    pub(super) fn source(&self, path: &str, stamp: &Stamp) -> Option<SourceHash> {
        let (known, source) = self.files.get(path)?;
        (known == stamp).then_some(*source)
    }

    /// All sources.
    pub fn sources(&self) -> impl Iterator<Item = SourceHash> + '_ {
        self.files.values().map(|(_, source)| *source)
    }

    pub(super) fn encode<'a>(files: impl Iterator<Item = (&'a str, Stamp, SourceHash)>) -> Vec<u8> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_nanos() as i128);
        let mut bytes = vec![FORMAT];
        for (path, stamp, source) in files {
            let stamp = if stamp.is_settled(now) {
                stamp
            } else {
                Stamp::default()
            };
            bytes.extend_from_slice(&(path.len() as u32).to_le_bytes());
            bytes.extend_from_slice(path.as_bytes());
            bytes.extend_from_slice(&stamp.size.to_le_bytes());
            bytes.extend_from_slice(&stamp.inode.to_le_bytes());
            bytes.extend_from_slice(&stamp.changed.to_le_bytes());
            bytes.extend_from_slice(&source.0);
        }
        bytes
    }

    /// Reads a head; what is damaged is no head.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, mut rest) = bytes.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let mut files = HashMap::with_capacity(rest.len() / (FIXED + 32));
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let length = u32::from_le_bytes(*length) as usize;
            let (path, after) = after.split_at_checked(length)?;
            let (size, after) = after.split_first_chunk::<8>()?;
            let (inode, after) = after.split_first_chunk::<8>()?;
            let (changed, after) = after.split_first_chunk::<16>()?;
            let (source, after) = after.split_first_chunk::<32>()?;
            let stamp = Stamp {
                size: u64::from_le_bytes(*size),
                inode: u64::from_le_bytes(*inode),
                changed: i128::from_le_bytes(*changed),
            };
            let path = std::str::from_utf8(path).ok()?.to_owned();
            files.insert(path, (stamp, SourceHash(*source)));
            rest = after;
        }
        Some(Self { files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scenario: a file that settled long ago and one that changed just now, written and read; then every shorter text.
    /// Guarantee: only the settled one is known by its description; both sources are; a damaged head is none.
    #[test]
    fn a_head_knows_files_that_settled() {
        let stamp = |changed| Stamp {
            size: 5,
            inode: 7,
            changed,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as i128;
        let (a, b) = (SourceHash::of(b"a"), SourceHash::of(b"b"));
        let files = [("lib/a.ex", stamp(1), a), ("lib/b.ex", stamp(now), b)];
        let bytes = Head::encode(files.into_iter());
        let head = Head::decode(&bytes).unwrap();
        assert_eq!(head.source("lib/a.ex", &stamp(1)), Some(a));
        assert_eq!(head.source("lib/a.ex", &stamp(2)), None);
        assert_eq!(head.source("lib/b.ex", &stamp(now)), None);
        let mut sources: Vec<_> = head.sources().collect();
        sources.sort();
        let mut both = vec![a, b];
        both.sort();
        assert_eq!(sources, both);
        let whole = (1..bytes.len()).filter(|end| Head::decode(&bytes[..*end]).is_some());
        assert_eq!(whole.count(), 2);
    }
}
