//! Opening RocksDB: families, limits, and what its errors mean.

use crate::error::OpenError;
use crate::events;
use crate::options::Memory;
use crate::spans::keys;
use crate::{batches, exports, frames, logs, meta, nodes, producers, replicas};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, DBPinnableSlice,
    DBRecoveryMode, Direction, FlushOptions, IteratorMode, LogLevel, Options, PrefixRange, ReadOptions,
    WriteBufferManager,
};
use std::io::{ErrorKind, Write};
use std::path::Path;

const OPEN_FILES_MAX: i32 = 512;
const BACKGROUND_JOBS: i32 = 2;
/// The log is replayed at start; this bounds how long that takes.
const WAL_BYTES_MAX: u64 = 64 << 20;
const INFO_LOGS_KEPT: usize = 3;
const INFO_LOG_BYTES: usize = 4 << 20;

/// All families, as `docs/keyspace.md` lists them.
pub(crate) const FAMILIES: [&str; 18] = [
    meta::FAMILY,
    frames::FAMILY,
    batches::FAMILY,
    producers::FAMILY,
    nodes::FAMILY,
    events::keys::BLOCKS,
    events::keys::RUNS,
    events::keys::BATCHES,
    keys::FRAMES,
    keys::BLOCKS,
    keys::RUNS,
    keys::TERMS,
    keys::RECORDS,
    keys::BATCHES,
    logs::FAMILY,
    logs::BATCHES,
    exports::FAMILY,
    replicas::HINTS,
];

/// Families of format 1: an index of frames by trace, which is made anew from the frames.
const FAMILIES_BEFORE: [&str; 3] = ["buckets", "traces", "postings"];

/// Key and value.
pub(crate) type Entry = (Box<[u8]>, Box<[u8]>);

/// An open database with its families.
pub(crate) struct Db {
    pub(crate) raw: DB,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("path", &self.raw.path()).finish()
    }
}

impl Db {
    pub(crate) fn open(path: &Path, memory: Memory) -> Result<Self, OpenError> {
        probe(path)?;
        let cache = Cache::new_lru_cache(memory.block_cache);
        let options = database_options(memory);
        // Nothing is listed of a folder without a database.
        let there = DB::list_cf(&options, path).unwrap_or_default();
        let before = || {
            FAMILIES_BEFORE
                .iter()
                .filter(|name| there.iter().any(|n| n == *name))
        };
        let families: Vec<_> = FAMILIES
            .iter()
            .chain(before())
            .map(|name| ColumnFamilyDescriptor::new(*name, family_options(name, memory, &cache)))
            .collect();
        let error = |e: rocksdb::Error| open_error(path, e.as_ref());
        let mut raw = DB::open_cf_descriptors(&options, path, families).map_err(error)?;
        for name in before() {
            raw.drop_cf(name).map_err(error)?;
        }
        Ok(Self { raw })
    }

    /// A family that [`FAMILIES`] names.
    #[expect(
        clippy::expect_used,
        reason = "every family is created when the database is opened"
    )]
    pub(crate) fn family(&self, name: &'static str) -> &ColumnFamily {
        self.raw
            .cf_handle(name)
            .expect("families are opened with the database")
    }

    pub(crate) fn get(&self, family: &'static str, key: &[u8]) -> Result<Option<Vec<u8>>, rocksdb::Error> {
        self.raw.get_cf(self.family(family), key)
    }

    /// What is read once: not copied if the database has it in one piece, not kept in its cache.
    pub(crate) fn get_once(
        &self,
        family: &'static str,
        key: &[u8],
    ) -> Result<Option<DBPinnableSlice<'_>>, rocksdb::Error> {
        let mut once = ReadOptions::default();
        once.fill_cache(false);
        self.raw.get_pinned_cf_opt(self.family(family), key, &once)
    }

    /// Entries whose keys begin with `prefix`, ascending.
    pub(crate) fn scan(
        &self,
        family: &'static str,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<Entry, rocksdb::Error>> + '_ {
        let mut options = ReadOptions::default();
        options.set_iterate_range(PrefixRange(prefix));
        options.set_total_order_seek(true);
        self.raw.iterator_cf_opt(
            self.family(family),
            options,
            IteratorMode::From(prefix, Direction::Forward),
        )
    }

    /// Writes all memtables out, so that no log is needed for them.
    pub(crate) fn flush(&self) -> Result<(), rocksdb::Error> {
        let mut options = FlushOptions::default();
        options.set_wait(true);
        let families: Vec<_> = FAMILIES.iter().map(|name| self.family(name)).collect();
        self.raw.flush_cfs_opt(&families, &options)
    }

    /// Sum of an integer property over all families.
    pub(crate) fn property(&self, name: &str) -> u64 {
        FAMILIES
            .iter()
            .filter_map(|f| {
                self.raw
                    .property_int_value_cf(self.family(f), name)
                    .ok()
                    .flatten()
            })
            .sum()
    }
}

fn database_options(memory: Memory) -> Options {
    let mut o = Options::default();
    o.create_if_missing(true);
    o.create_missing_column_families(true);
    // A torn tail was never acknowledged. Damage before it is loud.
    o.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // Recycled logs lost data at recovery (facebook/rocksdb#12918).
    o.set_recycle_log_file_num(0);
    o.set_max_total_wal_size(WAL_BYTES_MAX);
    o.set_write_buffer_manager(&WriteBufferManager::new_write_buffer_manager(
        memory.memtables,
        false,
    ));
    o.set_max_open_files(OPEN_FILES_MAX);
    o.set_max_background_jobs(BACKGROUND_JOBS);
    o.set_bytes_per_sync(1 << 20);
    o.set_log_level(LogLevel::Warn);
    o.set_keep_log_file_num(INFO_LOGS_KEPT);
    o.set_max_log_file_size(INFO_LOG_BYTES);
    o
}

fn family_options(name: &str, memory: Memory, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_format_version(5);
    let mut o = Options::default();
    o.set_block_based_table_factory(&table);
    let frames = name == frames::FAMILY;
    o.set_write_buffer_size(if frames {
        memory.memtables / 2
    } else {
        memory.memtables / 8
    });
    if frames {
        // The same as spans; what is flushed before it is sealed is small, and compacted away with its deletion.
        o.set_compression_type(DBCompressionType::None);
    } else if name == keys::FRAMES {
        // Compressed already, and sealed before they leave memory: what is deleted there is not written out.
        o.set_compression_type(DBCompressionType::None);
        o.set_write_buffer_size(memory.memtables / 4);
    } else if [keys::BLOCKS, logs::FAMILY, events::keys::BLOCKS].contains(&name) {
        o.set_compression_type(DBCompressionType::None);
    } else {
        o.set_compression_type(DBCompressionType::Lz4);
    }
    o
}

/// Asks the operating system, whose errors are clearer than the database's.
fn probe(path: &Path) -> Result<(), OpenError> {
    let file = path.join("probe.tmp");
    let written = std::fs::create_dir_all(path)
        .and_then(|()| std::fs::File::create(&file))
        .and_then(|mut f| f.write_all(b"elixirscope").and_then(|()| f.sync_all()))
        .and_then(|()| std::fs::remove_file(&file));
    match written {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::StorageFull => Err(OpenError::DiskFull { path: path.into() }),
        Err(e) => Err(OpenError::NotWritable {
            path: path.into(),
            reason: e.to_string(),
        }),
    }
}

fn open_error(path: &Path, text: &str) -> OpenError {
    let lower = text.to_ascii_lowercase();
    let path = path.to_path_buf();
    if lower.contains("lock file") || lower.contains("lock hold by") || lower.contains("lock held by") {
        OpenError::InUse { path }
    } else if lower.contains("no space left") {
        OpenError::DiskFull { path }
    } else if lower.contains("read-only file system") || lower.contains("permission denied") {
        OpenError::NotWritable {
            path,
            reason: text.to_owned(),
        }
    } else if lower.contains("column families not opened") {
        OpenError::Damaged {
            path,
            reason: format!("families of a newer version: {text}"),
        }
    } else {
        OpenError::Damaged {
            path,
            reason: text.to_owned(),
        }
    }
}
