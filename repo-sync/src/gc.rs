//! Removes from the code store what nothing leads to: mark and sweep.
//!
//! Roots are the heads: what was last seen of working trees, and the versions that commits, branches, tags and working
//! trees are called. A head leads to sources and versions, a version to its parent and its folders, folders to sources
//! and ids, a source to its place, that to its shape, a shape to its facts; a text or ids kept as a patch to what they
//! are a patch of.
//!
//! What leads goes before what it leads to, and a patch before its base, so that an interrupted sweep leaves a store in
//! which nothing that can be asked for is broken; the next one goes on. What compiled modules add is kept: it is small,
//! and only the builds themselves would tell what is still wanted.

mod mark;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use codegraph::records::{Change, Family, Records, RecordsFault};
use codegraph::version::delta::Stored;

use mark::Live;

/// Records that are looked at, or removed, at once; few in tests, so that these have many batches.
const BATCH: usize = if cfg!(test) { 3 } else { 1024 };

/// Families in the order in which they are swept, what leads first.
const SWEPT: [Family; 8] = [
    Family::Version,
    Family::Tree,
    Family::Identities,
    Family::Reads,
    Family::Link,
    Family::Local,
    Family::Place,
    Family::Source,
];

/// What was removed of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Which.
    pub family: Family,
    /// Records that stay.
    pub kept: u64,
    /// Records that are gone.
    pub records: u64,
    /// Bytes of their keys and values, before compression.
    pub bytes: u64,
}

/// What a collection did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// By family, in the order of the sweep.
    pub removed: Vec<Removed>,
    /// Versions and folders that are led to, but are missing or do not decode; at most 20 are named. What they would lead
    /// to is not known: if there are any, no versions, folders, ids and sources were removed.
    pub damaged: Vec<String>,
}

impl Collected {
    /// Records that are gone, of all families.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.removed.iter().map(|removed| removed.records).sum()
    }

    /// Bytes that are gone, before compression. The disk has them back once the store is compacted.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.removed.iter().map(|removed| removed.bytes).sum()
    }
}

/// Removes what nothing leads to. Nobody else may write meanwhile.
pub fn collect(records: &dyn Records) -> Result<Collected, RecordsFault> {
    if !records.is_writable() {
        return Err(RecordsFault(
            "nothing can be removed: the store is open for reading only".to_owned(),
        ));
    }
    let live = Live::mark(records)?;
    let mut collected = Collected {
        removed: Vec::new(),
        damaged: live.damaged.clone(),
    };
    for family in SWEPT {
        if live.damaged.is_empty() || mark::can_be_made_again(family) {
            collected.removed.push(sweep(records, family, &live)?);
        }
    }
    Ok(collected)
}

/// A record that goes: how many patches it is away from a whole value, and its key.
type Dead = (u8, Vec<u8>);

fn sweep(records: &dyn Records, family: Family, live: &Live) -> Result<Removed, RecordsFault> {
    let mut removed = Removed {
        family,
        kept: 0,
        records: 0,
        bytes: 0,
    };
    let mut dead: Vec<Dead> = Vec::new();
    each(records, family, |key, value| {
        if live.has(family, &key) {
            removed.kept += 1;
            return;
        }
        removed.records += 1;
        removed.bytes += (key.len() + value.len()) as u64;
        let depth = match Stored::of(&value) {
            Stored::Patch(patch) => patch.depth,
            Stored::Whole(_) => 0,
        };
        dead.push((depth, key));
    })?;
    // Patches before what they are patches of: that is always nearer to a whole value.
    dead.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    for some in dead.chunks(BATCH) {
        let changes = some.iter().map(|(_, key)| Change::Remove(family, key.clone()));
        records.write(changes.collect())?;
    }
    Ok(removed)
}

/// All records of a family, a batch at a time.
fn each(
    records: &dyn Records,
    family: Family,
    mut take: impl FnMut(Vec<u8>, Vec<u8>),
) -> Result<(), RecordsFault> {
    let mut after: Option<Vec<u8>> = None;
    loop {
        let some = records.scan(family, after.as_deref(), BATCH)?;
        let Some((last, _)) = some.last() else {
            return Ok(());
        };
        after = Some(last.clone());
        for (key, value) in some {
            take(key, value);
        }
    }
}

/// Keys of one family.
type Keys = HashSet<Vec<u8>>;
