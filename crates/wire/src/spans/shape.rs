//! Which attributes a span has, of which type, in which order: its shape. Most spans have the shape of the one before.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::columns::{Interner, same};

event::codes! {
    /// Type of an attribute's cells.
    CellKind("attribute type") {
        /// No value.
        Empty = 0 "empty",
        /// Text; the cell is a number of the column's dictionary.
        Text = 1 "text",
        /// 0 or 1.
        Bool = 2 "bool",
        /// A number, in two's complement.
        Int = 3 "int",
        /// The bits of a double.
        Double = 4 "double",
        /// Any other value as OTLP has it (`AnyValue`), a number of the column's dictionary.
        Other = 5 "other",
    }
}

/// What a column takes besides its texts, in bytes; counted high, so that a frame does not have too many.
const COLUMN_BYTES: usize = 160;
/// More columns are not kept for the next frame.
const KEPT_COLUMNS_MAX: usize = 256;
const KEPT_SHAPES_MAX: usize = 4096;

/// Attributes that a span can have in columns. Spans with more, or with a key twice, have all of theirs among the fields
/// without a column: order and repeats are kept, and nobody can make the search for a column slow.
pub(super) const SHAPE_COLUMNS_MAX: usize = 128;

/// The attributes of one key and type.
#[derive(Debug)]
pub(super) struct AttrColumn {
    pub(super) key: Box<[u8]>,
    pub(super) kind: CellKind,
    pub(super) texts: Interner,
}

/// All shapes and columns of a builder.
#[derive(Debug)]
pub(super) struct Shapes {
    seed: u64,
    pub(super) columns: Vec<AttrColumn>,
    column_index: HashTable<u32>,
    pub(super) lists: Vec<Box<[u32]>>,
    shape_index: HashTable<u32>,
    /// Columns of the row that is being read, once it is not as likely.
    current: Vec<u32>,
    /// The shape that it has if nothing differs.
    likely: u32,
    as_likely: bool,
    /// So many attributes are as likely.
    matched: usize,
}

impl Shapes {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            columns: Vec::new(),
            column_index: HashTable::new(),
            lists: Vec::new(),
            shape_index: HashTable::new(),
            current: Vec::new(),
            likely: 0,
            as_likely: false,
            matched: 0,
        }
    }

    /// Forgets the texts; columns and shapes too if they are many.
    pub(super) fn clear(&mut self) {
        if self.columns.len() > KEPT_COLUMNS_MAX || self.lists.len() > KEPT_SHAPES_MAX {
            *self = Self::new(self.seed);
        }
        for column in &mut self.columns {
            column.texts.clear();
        }
    }

    pub(super) fn byte_len(&self) -> usize {
        let texts = |c: &AttrColumn| c.key.len() + COLUMN_BYTES + c.texts.byte_len() + c.texts.len() * 4;
        let lists = self.lists.iter().map(|list| 4 + list.len() * 4);
        self.columns.iter().map(texts).sum::<usize>() + lists.sum::<usize>()
    }

    #[inline]
    pub(super) fn begin(&mut self) {
        self.as_likely = true;
        self.matched = 0;
    }

    /// The column of the row's next attribute; none if it has too many, or has this one already.
    #[inline]
    pub(super) fn column(&mut self, key: &[u8], kind: CellKind) -> Option<&mut AttrColumn> {
        let found = self.column_number(key, kind)?;
        self.columns.get_mut(found as usize)
    }

    /// The same, by number.
    #[inline]
    pub(super) fn column_number(&mut self, key: &[u8], kind: CellKind) -> Option<u32> {
        if self.as_likely {
            let likely = self.lists.get(self.likely as usize);
            let likely = likely.and_then(|list| list.get(self.matched)).copied();
            if let Some(column) = likely
                && self.is(column, key, kind)
            {
                self.matched += 1;
                return Some(column);
            }
            self.differ();
        }
        let found = self.find(key, kind)?;
        self.current.push(found);
        Some(found)
    }

    /// From here on the row is not as likely.
    #[cold]
    fn differ(&mut self) {
        self.as_likely = false;
        self.current.clear();
        let likely = self.lists.get(self.likely as usize);
        let same = likely.and_then(|list| list.get(..self.matched));
        self.current.extend_from_slice(same.unwrap_or_default());
    }

    #[inline]
    fn is(&self, column: u32, key: &[u8], kind: CellKind) -> bool {
        let column = self.columns.get(column as usize);
        column.is_some_and(|column| column.kind == kind && same(&column.key, key))
    }

    #[cold]
    fn find(&mut self, key: &[u8], kind: CellKind) -> Option<u32> {
        if self.current.len() >= SHAPE_COLUMNS_MAX {
            return None;
        }
        let columns = &self.columns;
        let twice = |at: &u32| columns.get(*at as usize).is_some_and(|c| *c.key == *key);
        if self.current.iter().any(twice) {
            return None;
        }
        let seed = self.seed;
        let hash = |key: &[u8], kind: CellKind| xxh3_64_with_seed(key, seed ^ u64::from(kind.code()));
        let entry = self.column_index.entry(
            hash(key, kind),
            |at| {
                columns
                    .get(*at as usize)
                    .is_some_and(|c| c.kind == kind && *c.key == *key)
            },
            |at| columns.get(*at as usize).map_or(0, |c| hash(&c.key, c.kind)),
        );
        let number = match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = self.columns.len() as u32;
                free.insert(number);
                self.columns.push(AttrColumn {
                    key: key.into(),
                    kind,
                    texts: Interner::new(seed),
                });
                number
            }
        };
        Some(number)
    }

    /// The columns of a shape.
    #[inline]
    pub(super) fn list(&self, shape: u32) -> &[u32] {
        self.lists
            .get(shape as usize)
            .map(|list| &**list)
            .unwrap_or_default()
    }

    /// The shape of the row.
    #[inline]
    pub(super) fn end(&mut self) -> u32 {
        if self.as_likely {
            let likely = self.lists.get(self.likely as usize);
            if likely.is_some_and(|list| list.len() == self.matched) {
                return self.likely;
            }
            self.differ();
        }
        self.likely = self.shape();
        self.likely
    }

    #[cold]
    fn shape(&mut self) -> u32 {
        let seed = self.seed;
        let hash = |list: &[u32]| {
            list.iter().fold(seed, |hash, column| {
                xxh3_64_with_seed(&column.to_le_bytes(), hash)
            })
        };
        let (lists, current) = (&self.lists, &self.current);
        let entry = self.shape_index.entry(
            hash(current),
            |at| lists.get(*at as usize).is_some_and(|list| **list == **current),
            |at| lists.get(*at as usize).map_or(0, |list| hash(list)),
        );
        match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = self.lists.len() as u32;
                free.insert(number);
                self.lists.push(self.current.as_slice().into());
                number
            }
        }
    }
}
