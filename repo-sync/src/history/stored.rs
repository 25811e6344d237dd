//! Values that are kept as patches of one another: texts and ids. A value is checked against its key, so that a damaged
//! one is no value.

use codegraph::SourceHash;
use codegraph::records::{Change, Family, Records, RecordsFault};
use codegraph::version::RecordId;
use codegraph::version::delta::{DEPTH_MAX, Stored, patch};

/// Whether a value is that of a key.
fn is_of(family: Family, key: &[u8], value: &[u8]) -> bool {
    match family {
        Family::Source => SourceHash::of(value).0 == key,
        _ => RecordId::of(value).0 == key,
    }
}

/// The value of a key; `None` if there is none, or a damaged one.
pub(super) fn read(
    records: &dyn Records,
    family: Family,
    key: &[u8],
) -> Result<Option<Vec<u8>>, RecordsFault> {
    let mut patches = Vec::new();
    let mut next = key.to_vec();
    let mut value = loop {
        let Some(stored) = records.one(family, &next)? else {
            return Ok(None);
        };
        let Stored::Patch(found) = Stored::of(&stored) else {
            break stored;
        };
        // A text that only looks like a patch.
        if is_of(family, &next, &stored) {
            break stored;
        }
        if patches.len() >= usize::from(DEPTH_MAX) {
            return Ok(None);
        }
        next = found.key.to_vec();
        patches.push(stored);
    };
    for stored in patches.iter().rev() {
        let Stored::Patch(found) = Stored::of(stored) else {
            return Ok(None);
        };
        match found.apply(&value) {
            Ok(made) => value = made,
            Err(_) => return Ok(None),
        }
    }
    Ok(is_of(family, key, &value).then_some(value))
}

/// The bytes of a source; `None` if the store does not have them, or not as they were.
pub(crate) fn source_bytes(
    records: &dyn Records,
    source: SourceHash,
) -> Result<Option<Vec<u8>>, RecordsFault> {
    read(records, Family::Source, &source.0)
}

/// How a value is kept: as a patch of another one (its key and bytes) if that is much shorter.
pub(super) fn change(
    records: &dyn Records,
    family: Family,
    key: &[u8],
    value: Vec<u8>,
    base: Option<(&[u8], &[u8])>,
) -> Result<Change, RecordsFault> {
    let mut kept = None;
    if let Some((base_key, base)) = base
        && base_key != key
        && let Some(stored) = records.one(family, base_key)?
    {
        let depth = match Stored::of(&stored) {
            Stored::Whole(_) => 0,
            Stored::Patch(found) => found.depth,
        };
        kept = patch(&value, base, base_key, depth);
    }
    Ok(Change::Put(family, key.to_vec(), kept.unwrap_or(value)))
}
