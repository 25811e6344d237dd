//! What is stored of each node: the highest number of each writer, and the drops that were reported.

use std::collections::BTreeMap;

use event::NodeKey;
use wire::bytes::{Put, ReadError, Reader};

/// Nodes that are remembered; of more, those that were silent longest are forgotten.
const NODES_MAX: usize = 1024;

/// Marks of one node incarnation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeMarks {
    /// Highest number stored, by writer.
    pub(crate) writers: BTreeMap<u16, u64>,
    /// Dropped by reason 1..8, as far as loss events were made of it.
    pub(crate) dropped: [u64; 8],
    /// When it was changed last, as a count of changes.
    stamp: u64,
}

/// Marks of all nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    nodes: BTreeMap<NodeKey, NodeMarks>,
    stamp: u64,
}

impl Marks {
    /// Marks of a node, if anything is stored of it.
    pub(crate) fn of(&self, node: NodeKey) -> Option<&NodeMarks> {
        self.nodes.get(&node)
    }

    /// Highest number of each writer of a node.
    pub(crate) fn writers(&self, node: NodeKey) -> Vec<(u16, u64)> {
        self.of(node)
            .map(|m| m.writers.iter().map(|(w, n)| (*w, *n)).collect())
            .unwrap_or_default()
    }

    /// Highest number of one writer; 0 = none.
    pub(crate) fn number(&self, node: NodeKey, writer: u16) -> u64 {
        self.of(node)
            .and_then(|m| m.writers.get(&writer).copied())
            .unwrap_or(0)
    }

    /// For a change; forgets the longest silent node beyond the bound.
    pub(crate) fn entry(&mut self, node: NodeKey) -> &mut NodeMarks {
        self.stamp += 1;
        if self.nodes.len() >= NODES_MAX
            && !self.nodes.contains_key(&node)
            && let Some(oldest) = self.nodes.iter().min_by_key(|(_, m)| m.stamp).map(|(k, _)| *k)
        {
            self.nodes.remove(&oldest);
        }
        let marks = self.nodes.entry(node).or_default();
        marks.stamp = self.stamp;
        marks
    }

    /// Raises to what `other` holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (node, theirs) in &other.nodes {
            let ours = self.entry(*node);
            for (writer, number) in &theirs.writers {
                let mark = ours.writers.entry(*writer).or_default();
                *mark = (*mark).max(*number);
            }
            for (our, their) in ours.dropped.iter_mut().zip(theirs.dropped) {
                *our = (*our).max(their);
            }
        }
    }

    /// Appends all marks.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.put_u32(self.nodes.len() as u32);
        for (node, marks) in &self.nodes {
            out.put_u64(node.0);
            marks.dropped.iter().for_each(|d| out.put_u64(*d));
            out.put_u32(marks.writers.len() as u32);
            for (writer, number) in &marks.writers {
                out.put_u16(*writer);
                out.put_u64(*number);
            }
        }
    }

    /// Reads what [`Marks::write`] wrote.
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, ReadError> {
        let mut marks = Self::default();
        let nodes = r.u32()? as usize;
        for _ in 0..r.count(nodes, 76)? {
            let entry = marks.entry(NodeKey(r.u64()?));
            for dropped in &mut entry.dropped {
                *dropped = r.u64()?;
            }
            let writers = r.u32()? as usize;
            for _ in 0..r.count(writers, 10)? {
                entry.writers.insert(r.u16()?, r.u64()?);
            }
        }
        Ok(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guarantee: written marks are read back; merging never lowers; the number of nodes is bounded.
    #[test]
    fn marks() {
        let mut marks = Marks::default();
        marks.entry(NodeKey(1)).writers.insert(3, 10);
        marks.entry(NodeKey(1)).dropped[2] = 7;
        let mut bytes = Vec::new();
        marks.write(&mut bytes);
        let mut read = Marks::read(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(
            (
                read.number(NodeKey(1), 3),
                read.of(NodeKey(1)).unwrap().dropped[2]
            ),
            (10, 7)
        );
        read.entry(NodeKey(1)).writers.insert(3, 20);
        read.merge(&marks);
        assert_eq!(read.writers(NodeKey(1)), vec![(3, 20)]);
        for n in 0..2 * NODES_MAX as u64 {
            read.entry(NodeKey(100 + n));
        }
        assert_eq!(read.nodes.len(), NODES_MAX);
        assert!(read.of(NodeKey(1)).is_none() && read.of(NodeKey(99 + 2 * NODES_MAX as u64)).is_some());
    }
}
