//! What versions are called: commits, branches, tags and working trees of a repository. These are the only records of
//! versions that are overwritten.

use codegraph::identity::RepositoryId;
use codegraph::records::{Family, Records};
use codegraph::version::{CommitId, RecordId};
use codegraph::{ContentHash, VersionId};

use super::HistoryFault;

/// Fewest digits of an id that is not written out.
const DIGITS_MIN: usize = 4;
/// Most that are named when several are meant.
const NAMED_MAX: usize = 4;

/// The key of a commit's version.
#[must_use]
pub fn commit_key(repository: RepositoryId, commit: &CommitId) -> Vec<u8> {
    key("git", repository, &commit.to_string())
}

/// The key of the version of a commit that was indexed alone: no line goes on from it.
#[must_use]
pub fn alone_key(repository: RepositoryId, commit: &CommitId) -> Vec<u8> {
    key("alone", repository, &commit.to_string())
}

/// The key of a branch's newest version.
#[must_use]
pub fn branch_key(repository: RepositoryId, name: &str) -> Vec<u8> {
    key("branch", repository, name)
}

/// The key of a tag's version.
#[must_use]
pub fn tag_key(repository: RepositoryId, name: &str) -> Vec<u8> {
    key("tag", repository, name)
}

/// The key of the last version of a working tree, by its folder.
#[must_use]
pub fn working_key(repository: RepositoryId, folder: &str) -> Vec<u8> {
    key("work", repository, folder)
}

fn key(what: &str, repository: RepositoryId, name: &str) -> Vec<u8> {
    format!("{what}/{}/{name}", RecordId(repository.0)).into_bytes()
}

/// The version that a head names.
pub(super) fn version_of(value: &[u8]) -> Option<VersionId> {
    value.try_into().ok().map(|id| VersionId(ContentHash(id)))
}

/// The version of a key.
pub(super) fn head(records: &dyn Records, key: &[u8]) -> Result<Option<VersionId>, HistoryFault> {
    let value = records.one(Family::Head, key)?;
    Ok(value.and_then(|value| version_of(&value)))
}

/// The version that is called so: a branch, a tag, a working tree's folder, or the beginning of a commit's or version's
/// id.
pub fn resolve(
    records: &dyn Records,
    repository: RepositoryId,
    name: &str,
) -> Result<VersionId, HistoryFault> {
    let written_out = [
        branch_key(repository, name),
        tag_key(repository, name),
        working_key(repository, name),
    ];
    for key in written_out {
        if let Some(id) = head(records, &key)? {
            return Ok(id);
        }
    }
    let digits = name.to_ascii_lowercase();
    let is_id = digits.len() >= DIGITS_MIN && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut found: Vec<(String, VersionId)> = Vec::new();
    if is_id {
        let start = key("git", repository, &digits);
        // Keys behind one that is a little smaller than all of those that are meant.
        let all = records.scan(Family::Head, Some(&before(&start)), NAMED_MAX)?;
        for (key, value) in all.into_iter().filter(|(key, _)| key.starts_with(&start)) {
            let id = key.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let commit = format!("commit {}", String::from_utf8_lossy(id));
            found.extend(version_of(&value).map(|version| (commit, version)));
        }
        let start = bytes(&digits);
        let all = records.scan(Family::Version, Some(&before(&start)), NAMED_MAX)?;
        for (key, _) in all {
            if let Some(id) = version_of(&key).filter(|id| id.to_string().starts_with(&digits)) {
                found.push((format!("version {id}"), id));
            }
        }
    }
    let mut ids: Vec<VersionId> = found.iter().map(|(_, id)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    match ids.as_slice() {
        [] => Err(HistoryFault::NoVersion(name.to_owned())),
        [only] => Ok(*only),
        _ => Err(HistoryFault::Ambiguous {
            asked: name.to_owned(),
            found: found.into_iter().map(|(name, _)| name).take(NAMED_MAX).collect(),
        }),
    }
}

/// The whole bytes that digits begin with.
fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// A key before all that begin so, and behind nearly all others.
fn before(start: &[u8]) -> Vec<u8> {
    let mut key = start.to_vec();
    match key.pop() {
        Some(last) if last > 0 => key.extend([last - 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        _ => {}
    }
    key
}
