//! How much is kept.

use codegraph::records::{Family, RecordsFault};
use rocksdb::{DB, IteratorMode, ReadOptions};

use super::{fault, settings};

/// One family's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilySize {
    /// Which.
    pub family: Family,
    /// Records in it, counted.
    pub records: u64,
    /// Bytes of their keys and values, before compression.
    pub content_bytes: u64,
    /// Bytes of its tables on disk, with what was removed or overwritten and is not yet compacted away.
    pub disk_bytes: u64,
}

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// By family, in their order.
    pub families: Vec<FamilySize>,
    /// Bytes that are in the log and in no table yet, of all families together, about.
    pub log_bytes: u64,
}

impl Sizes {
    /// All bytes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.log_bytes + self.families.iter().map(|size| size.disk_bytes).sum::<u64>()
    }
}

pub(super) fn measure(db: &DB) -> Result<Sizes, RecordsFault> {
    let mut families = Vec::with_capacity(Family::ALL.len());
    for family in Family::ALL {
        let column = settings::column(db, family)?;
        let mut size = FamilySize {
            family,
            records: 0,
            content_bytes: 0,
            disk_bytes: property(db, family, "rocksdb.total-sst-files-size"),
        };
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        for row in db.iterator_cf_opt(column, options, IteratorMode::Start) {
            let (key, value) = row.map_err(|e| fault::words(&e))?;
            size.records += 1;
            size.content_bytes += (key.len() + value.len()) as u64;
        }
        families.push(size);
    }
    Ok(Sizes {
        families,
        log_bytes: unwritten_bytes(db),
    })
}

/// Bytes of records that are in the log and in no table yet, about.
pub(super) fn unwritten_bytes(db: &DB) -> u64 {
    let entries = |family| {
        property(db, family, "rocksdb.num-entries-active-mem-table")
            + property(db, family, "rocksdb.num-entries-imm-mem-tables")
    };
    Family::ALL
        .into_iter()
        .filter(|family| entries(*family) > 0)
        .map(|family| property(db, family, "rocksdb.cur-size-all-mem-tables"))
        .sum()
}

fn property(db: &DB, family: Family, name: &str) -> u64 {
    settings::column(db, family)
        .ok()
        .and_then(|column| db.property_int_value_cf(column, name).ok().flatten())
        .unwrap_or(0)
}
