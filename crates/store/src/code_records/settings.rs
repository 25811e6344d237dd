//! How RocksDB is set up for records: many small values that are written once, read in bulk when a project is opened,
//! and thrown away rarely.

use codegraph::records::{Family, RecordsFault};
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType, Options,
};

use crate::raft_log::base_options;

/// Of one family, before its table is written.
const WRITE_BUFFER_BYTES: usize = 16 << 20;
/// Of all families together.
const WRITE_BUFFERS_BYTES: usize = 48 << 20;
const BLOCK_CACHE_BYTES: usize = 32 << 20;
/// Small, because one store has the code of many projects, and a project's records lie anywhere in it.
const BLOCK_BYTES: usize = 16 << 10;
const TABLE_BYTES: u64 = 16 << 20;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
const ZSTD_LEVEL: i32 = 3;
/// zstd's own choice of window.
const ZSTD_WINDOW_BITS: i32 = -14;
/// Dictionaries do not pay. Over the records and texts of Elixir's sources (527 files, 10.3 MB): 3.52 MB without, 3.46
/// with 16 KiB of samples, 3.35 with 16 KiB trained, which takes 7 times as long to write.
const DICTIONARY_BYTES: i32 = 0;
/// All tables stay open: a reader beside a writer then keeps what the writer replaces.
const OPEN_FILES_ALL: i32 = -1;

/// The column family of a kind of record. Names are on disk.
pub(super) const fn column_name(family: Family) -> &'static str {
    match family {
        Family::Place => "place",
        Family::Local => "local",
        Family::Reads => "reads",
        Family::Link => "link",
        Family::Source => "source",
        Family::Tree => "tree",
        Family::Identities => "identities",
        Family::Version => "version",
        Family::Head => "head",
        Family::Compiled => "compiled",
    }
}

/// The open column family of a kind of record.
pub(super) fn column(db: &DB, family: Family) -> Result<&ColumnFamily, RecordsFault> {
    db.cf_handle(column_name(family))
        .ok_or_else(|| RecordsFault(format!("there is no column family for {}", family.name())))
}

/// Options of the database.
pub(super) fn database() -> Options {
    let mut options = base_options(WRITE_BUFFER_BYTES);
    options.create_if_missing(false);
    options.create_missing_column_families(false);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_open_files(OPEN_FILES_ALL);
    options.set_skip_stats_update_on_db_open(true);
    options
}

/// All column families, `default` (which has the format) among them.
pub(super) fn columns() -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    std::iter::once("default")
        .chain(Family::ALL.map(column_name))
        .map(|name| ColumnFamilyDescriptor::new(name, family(&cache)))
        .collect()
}

fn family(cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_block_size(BLOCK_BYTES);
    table.set_format_version(5);
    table.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(WRITE_BUFFER_BYTES);
    options.set_target_file_size_base(TABLE_BYTES);
    options.set_compression_type(DBCompressionType::Zstd);
    options.set_compression_options(ZSTD_WINDOW_BITS, ZSTD_LEVEL, 0, DICTIONARY_BYTES);
    options
}
