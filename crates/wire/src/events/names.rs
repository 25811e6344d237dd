//! Dictionaries: node keys, pairs of module and site, linked traces. Numbers begin at 1; 0 is none.

use event::NodeInfo;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::row::Row;
use crate::columns::Texts;

/// Spreads the bits of a key (Knuth, TAOCP 3, 6.4: multiplication by the golden ratio, the high half folded in).
#[inline]
fn spread(one: u64, other: u64) -> u64 {
    let product = u128::from(one ^ other.rotate_left(32)) * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    product as u64 ^ (product >> 64) as u64
}

/// Node keys while they grow.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) list: Vec<u64>,
    /// By number - 1: what is known of a node that has events, or is named.
    pub(super) infos: Vec<Option<NodeInfo>>,
    /// By number - 1: no slot of an event of the node is below; `u64::MAX` of one without events.
    pub(super) least: Vec<u64>,
    table: HashTable<u32>,
    last: u32,
}

impl Keys {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.infos.clear();
        self.least.clear();
        self.table.clear();
        self.last = 0;
    }

    /// The number of a key.
    #[inline]
    pub(super) fn number(&mut self, key: u64) -> u32 {
        if let Some(at) = self.last.checked_sub(1)
            && self.list.get(at as usize) == Some(&key)
        {
            return self.last;
        }
        let keys = &self.list;
        let entry = self.table.entry(
            spread(key, 0),
            |at| keys.get(*at as usize) == Some(&key),
            |at| spread(keys.get(*at as usize).copied().unwrap_or_default(), 0),
        );
        self.last = 1 + match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = self.list.len() as u32;
                free.insert(number);
                self.list.push(key);
                self.infos.push(None);
                self.least.push(u64::MAX);
                number
            }
        };
        self.last
    }

    /// The number of the key of a node that has events.
    #[inline]
    pub(super) fn node(&mut self, key: u64) -> u32 {
        let number = self.number(key);
        if let Some(info @ None) = self.infos.get_mut(number as usize - 1) {
            *info = Some(NodeInfo {
                key: event::NodeKey(key),
                creation: 0,
                name: String::new(),
            });
        }
        number
    }

    /// An event of the node has this slot.
    #[inline]
    pub(super) fn has_slot(&mut self, node: u32, slot: u64) {
        if let Some(least) = self.least.get_mut((node as usize).wrapping_sub(1)) {
            *least = slot.min(*least);
        }
    }

    /// Says what is known of a node.
    pub(super) fn name(&mut self, node: NodeInfo) {
        let number = self.number(node.key.0);
        if let Some(info) = self.infos.get_mut(number as usize - 1) {
            *info = Some(node);
        }
    }
}

/// Pairs of module and site while they grow.
#[derive(Debug, Default)]
pub(super) struct Sites {
    pub(super) pairs: Vec<(u64, u32)>,
    table: HashTable<u32>,
}

impl Sites {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn clear(&mut self) {
        self.pairs.clear();
        self.table.clear();
    }

    /// The number of a pair; 0 of no module and no site.
    #[inline]
    pub(super) fn number(&mut self, module: u64, site: u32) -> u32 {
        if module == 0 && site == 0 {
            return 0;
        }
        let pairs = &self.pairs;
        let entry = self.table.entry(
            spread(module, site.into()),
            |at| pairs.get(*at as usize) == Some(&(module, site)),
            |at| {
                let (module, site) = pairs.get(*at as usize).copied().unwrap_or_default();
                spread(module, site.into())
            },
        );
        1 + match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = self.pairs.len() as u32;
                free.insert(number);
                self.pairs.push((module, site));
                number
            }
        }
    }
}

/// Pairs in their order: by module and site, so that the sites of one function are neighbours.
#[derive(Debug, Default)]
pub(crate) struct SiteOrder {
    /// Numbers - 1, ascending by pair.
    pub(super) order: Vec<u32>,
    /// By number - 1: the place in the order, from 1.
    places: Vec<u32>,
}

impl SiteOrder {
    pub(super) fn of(sites: &Sites) -> Self {
        let mut order: Vec<u32> = (0..sites.pairs.len() as u32).collect();
        order.sort_unstable_by_key(|number| sites.pairs.get(*number as usize));
        let mut places = vec![0; order.len()];
        for (place, number) in (1u32..).zip(&order) {
            if let Some(entry) = places.get_mut(*number as usize) {
                *entry = place;
            }
        }
        Self { order, places }
    }
    /// The place of a pair by its number; 0 of none.
    #[inline]
    pub(super) fn place(&self, number: u32) -> u32 {
        let at = (number as usize).wrapping_sub(1);
        self.places.get(at).copied().unwrap_or_default()
    }
}

/// Linked traces, one an event that has one.
#[derive(Debug, Default)]
pub(super) struct Linked(pub(super) Vec<u128>);

impl Linked {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
    pub(super) fn push(&mut self, trace: u128) -> u32 {
        self.0.push(trace);
        self.0.len() as u32
    }
    pub(super) fn get(&self, number: u32) -> u128 {
        let at = (number as usize).checked_sub(1);
        at.and_then(|at| self.0.get(at)).copied().unwrap_or_default()
    }
}

/// The dictionaries of a frame.
#[derive(Debug)]
pub(super) struct Names<'f> {
    /// Keys; the first `nodes` are those of nodes that events can be of.
    pub(super) keys: &'f [u64],
    pub(super) nodes: usize,
    pub(super) sites: &'f [(u64, u32)],
    pub(super) shapes: Texts<'f>,
    pub(super) linked: &'f [[u8; 16]],
    pub(super) heap: &'f [u8],
}

impl<'f> Names<'f> {
    /// A linked trace.
    pub(super) fn linked(&self, number: u32) -> u128 {
        let at = (number as usize).checked_sub(1);
        let bytes = at.and_then(|at| self.linked.get(at));
        bytes.map_or(0, |bytes| u128::from_le_bytes(*bytes))
    }
    /// A node's key.
    #[inline]
    pub(super) fn key(&self, number: u32) -> u64 {
        let at = (number as usize).checked_sub(1);
        at.and_then(|at| self.keys.get(at)).copied().unwrap_or_default()
    }
    /// A module and a site.
    #[inline]
    pub(super) fn site(&self, number: u32) -> (u64, u32) {
        let at = (number as usize).checked_sub(1);
        at.and_then(|at| self.sites.get(at)).copied().unwrap_or_default()
    }
    /// A shape.
    #[inline]
    pub(super) fn shape(&self, number: u32) -> &[u8] {
        match number.checked_sub(1) {
            Some(number) => self.shapes.get(number),
            None => &[],
        }
    }
    /// The payload of a row.
    #[inline]
    pub(super) fn payload(&self, row: &Row) -> &'f [u8] {
        let first = row.payload as usize;
        self.heap
            .get(first..first.saturating_add(row.payload_len as usize))
            .unwrap_or_default()
    }
}
