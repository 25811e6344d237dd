//! Node ids: which syntax node, across versions.

use std::collections::HashMap;
use std::fmt;

use super::EntityId;
use crate::Malformed;
use crate::bytes::{Reader, Writer};

/// A syntax node: the entity in which it was born and its number there, which no other node ever gets. A node that
/// moves into another function keeps its id.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nid {
    /// Where it was born.
    pub entity: EntityId,
    /// Its number there.
    pub ordinal: u32,
}

impl fmt::Display for Nid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.entity, self.ordinal)
    }
}

impl fmt::Debug for Nid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nid({self})")
    }
}

/// An entity that nodes are born in, and the number that its next node gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// The entity.
    pub entity: EntityId,
    /// The next number. It only grows.
    pub next: u32,
}

impl Owned {
    /// A new node's id. Numbers end at 2^32 - 1, which all further nodes would share: some 10^5 rewrites of the largest
    /// functions there are.
    pub(crate) fn bear(&mut self) -> Nid {
        let ordinal = self.next;
        self.next = self.next.saturating_add(1);
        Nid {
            entity: self.entity,
            ordinal,
        }
    }
}

/// The ids of a file's nodes, by node index. 8 bytes a node; written as runs of following numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nids {
    entities: Vec<EntityId>,
    nodes: Vec<(u32, u32)>,
}

/// Most nodes of one file.
pub(super) const NODES_MAX: usize = 1 << 24;

impl Nids {
    /// How many nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The id of the node with this index.
    #[must_use]
    pub fn get(&self, node: usize) -> Option<Nid> {
        let (entity, ordinal) = *self.nodes.get(node)?;
        let entity = *self.entities.get(entity as usize)?;
        Some(Nid { entity, ordinal })
    }

    /// All ids, in the order of the nodes.
    pub fn iter(&self) -> impl Iterator<Item = Nid> + '_ {
        (0..self.nodes.len()).filter_map(|node| self.get(node))
    }

    /// The node with this id, by looking at all.
    #[must_use]
    pub fn find(&self, nid: Nid) -> Option<usize> {
        let entity = self.entities.iter().position(|entity| *entity == nid.entity)?;
        let wanted = (u32::try_from(entity).ok()?, nid.ordinal);
        self.nodes.iter().position(|node| *node == wanted)
    }

    pub(super) fn encode(&self, to: &mut Writer) {
        to.count(self.entities.len());
        for entity in &self.entities {
            to.raw(&entity.0);
        }
        let mut runs: Vec<(u32, u32, u32)> = Vec::new();
        for (entity, ordinal) in &self.nodes {
            match runs.last_mut() {
                Some((last, from, count)) if last == entity && from.checked_add(*count) == Some(*ordinal) => {
                    *count += 1;
                }
                _ => runs.push((*entity, *ordinal, 1)),
            }
        }
        to.count(runs.len());
        for (entity, from, count) in runs {
            to.number(entity);
            to.number(from);
            to.number(count);
        }
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut nids = Self::default();
        for _ in 0..from.count(16, "a node's entity")? {
            nids.entities.push(super::state::entity(from)?);
        }
        for _ in 0..from.count(3, "a run of nodes")? {
            let entity = from.number("a run's entity")?;
            let start = from.number("a run's start")?;
            let count = from.number("a run's length")?;
            let last = start.checked_add(count.saturating_sub(1));
            if count == 0
                || entity as usize >= nids.entities.len()
                || last.is_none()
                || nids.nodes.len() + count as usize > NODES_MAX
            {
                return Err(from.invalid("a run of nodes"));
            }
            nids.nodes.extend((0..count).map(|at| (entity, start + at)));
        }
        Ok(nids)
    }
}

impl FromIterator<Nid> for Nids {
    fn from_iter<I: IntoIterator<Item = Nid>>(ids: I) -> Self {
        let mut nids = Self::default();
        let mut known: HashMap<EntityId, u32> = HashMap::new();
        let mut last: Option<(EntityId, u32)> = None;
        for nid in ids {
            let index = match last {
                Some((entity, index)) if entity == nid.entity => index,
                _ => *known.entry(nid.entity).or_insert_with(|| {
                    nids.entities.push(nid.entity);
                    u32::try_from(nids.entities.len() - 1).unwrap_or(u32::MAX)
                }),
            };
            last = Some((nid.entity, index));
            nids.nodes.push((index, nid.ordinal));
        }
        nids
    }
}
