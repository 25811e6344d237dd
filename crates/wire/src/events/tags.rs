//! What the writer looks up: the number of a tag, and the row of a parent.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::row::Row;
use super::tag::{Tag, parent};

/// Rows that are looked through, newest first, before an index is made.
const NEAR: usize = 16;

fn mix(value: u64) -> u64 {
    let product = u128::from(value) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    product as u64 ^ (product >> 64) as u64
}

/// Distinct tags, numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Tags {
    list: Vec<Tag>,
    table: HashTable<u32>,
    /// Tags and their numbers by hash: of the last one that had it.
    recent: Box<[(u64, u32)]>,
}

/// Tags that are found without the table.
const RECENT: usize = 256;

impl Tags {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.table.clear();
        // No tag has all bits.
        if self.recent.is_empty() {
            self.recent = vec![(u64::MAX, 0); RECENT].into();
        } else {
            self.recent.fill((u64::MAX, 0));
        }
    }

    #[inline]
    pub(super) fn number(&mut self, tag: Tag) -> u32 {
        let hash = mix(tag.0);
        let recent = self.recent.get_mut(hash as usize % RECENT);
        if let Some((known, number)) = recent.as_deref()
            && *known == tag.0
        {
            return *number;
        }
        let list = &self.list;
        let entry = self.table.entry(
            hash,
            |at| list.get(*at as usize) == Some(&tag),
            |at| mix(list.get(*at as usize).map_or(0, |tag| tag.0)),
        );
        let number = 1 + match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = self.list.len() as u32;
                free.insert(number);
                self.list.push(tag);
                number
            }
        };
        if let Some(recent) = recent {
            *recent = (tag.0, number);
        }
        number
    }

    pub(super) fn table(&self) -> Vec<u8> {
        self.list.iter().flat_map(|tag| tag.0.to_le_bytes()).collect()
    }
}

/// Where the parents of a trace's rows are.
#[derive(Debug, Default)]
pub(super) struct Parents {
    /// By row: 1 + the row of its parent, 0 = it is not before it.
    found: Vec<u32>,
    /// The last row of each id and node, once somebody needed it.
    index: HashTable<u32>,
    indexed: usize,
}

impl Parents {
    pub(super) fn begin(&mut self) {
        self.found.clear();
        self.index.clear();
        self.indexed = 0;
    }

    /// How the tag says it, and 1 + the row of the parent or 0.
    #[inline]
    pub(super) fn find(&mut self, rows: &[Row], at: usize, row: &Row) -> (u64, u32) {
        let (mode, found) = self.look(rows, at, row);
        self.found.push(found);
        (mode, found)
    }

    #[inline]
    fn look(&mut self, rows: &[Row], at: usize, row: &Row) -> (u64, u32) {
        if row.parent == 0 {
            return (parent::NONE, 0);
        }
        let is = |found: u32| {
            let other = (found as usize).checked_sub(1).and_then(|at| rows.get(at));
            other.is_some_and(|other| row.is_child_of(other))
        };
        let up = |found: u32| {
            let at = (found as usize).checked_sub(1);
            at.and_then(|at| self.found.get(at)).copied().unwrap_or_default()
        };
        let before = at as u32;
        if is(before) {
            return (parent::BEFORE, before);
        }
        let of_before = up(before);
        if is(of_before) {
            return (parent::OF_BEFORE, of_before);
        }
        let of_that = up(of_before);
        if is(of_that) {
            return (parent::OF_THAT, of_that);
        }
        let hint = (at as u32 + 1).saturating_sub(row.up);
        if row.up != 0 && is(hint) {
            return (parent::BACK, hint);
        }
        match self.search(rows, at, row) {
            0 => (parent::ELSEWHERE, 0),
            found => (parent::BACK, found),
        }
    }

    #[cold]
    fn search(&mut self, rows: &[Row], at: usize, row: &Row) -> u32 {
        let near = at.saturating_sub(NEAR);
        let recent = rows.get(near..at).unwrap_or_default();
        if let Some(found) = recent.iter().rposition(|other| row.is_child_of(other)) {
            return (near + found) as u32 + 1;
        }
        if near == 0 {
            return 0;
        }
        let key = |row: &Row| mix(row.id ^ u64::from(row.node).rotate_left(32));
        let of = |at: &u32| rows.get(*at as usize).copied().unwrap_or_default();
        while self.indexed < at {
            let number = self.indexed as u32;
            let new = of(&number);
            let entry = self.index.entry(
                key(&new),
                |at| (of(at).id, of(at).node) == (new.id, new.node),
                |at| key(&of(at)),
            );
            match entry {
                Entry::Occupied(mut known) => *known.get_mut() = number,
                Entry::Vacant(free) => {
                    free.insert(number);
                }
            }
            self.indexed += 1;
        }
        let wanted = Row {
            id: row.parent,
            node: row.parent_node(),
            ..Row::default()
        };
        let found = self.index.find(key(&wanted), |at| row.is_child_of(&of(at)));
        found.map_or(0, |at| at + 1)
    }
}
