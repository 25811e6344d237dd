//! What a version adds to a graph and takes from it, as lists: how overlays are kept.

use super::{Direction, Edge, EdgeKind, NODES_MAX, Overlay, Refused, View};
use crate::bytes::{Malformed, Reader, Writer};
use crate::fact::Mark;

/// The difference between a graph and an overlay over it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Nodes after the base's last one.
    pub nodes_added: u32,
    /// Nodes removed, ascending; their edges go with them and are not listed.
    pub nodes_removed: Vec<u32>,
    /// Edges removed: kind, start and end, ascending.
    pub edges_removed: Vec<(EdgeKind, u32, u32)>,
    /// Edges added, or with another mark: kind, start, end, mark, ascending.
    pub edges_added: Vec<(EdgeKind, u32, u32, Mark)>,
}

/// Bytes of a delta at most.
pub const DELTA_BYTES_MAX: usize = 1 << 28;

const VERSION: u8 = 1;

impl Overlay {
    /// How it differs from its base.
    #[must_use]
    pub fn delta(&self) -> Delta {
        let mut delta = Delta {
            nodes_added: self.node_count() - self.base().node_count(),
            nodes_removed: self.removed_nodes().collect(),
            ..Delta::default()
        };
        for (from, kind) in self.changed_out() {
            let now = self.row(from, kind, Direction::Out);
            let was = self.base().row(from, kind, Direction::Out);
            for to in was.targets {
                let gone = now.targets.binary_search(to).is_err();
                if gone && self.has_node(from) && self.has_node(*to) {
                    delta.edges_removed.push((kind, from, *to));
                }
            }
            for (to, mark) in now.iter() {
                let place = was.targets.binary_search(&to);
                let before = place.ok().and_then(|place| was.marks.get(place));
                if before != Some(&mark) {
                    delta.edges_added.push((kind, from, to, mark));
                }
            }
        }
        delta.edges_removed.sort_unstable();
        delta.edges_added.sort_unstable();
        delta
    }

    /// Makes the changes of a delta. After an error some are made.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), Refused> {
        for _ in 0..delta.nodes_added {
            self.add_node()?;
        }
        for (kind, from, to) in &delta.edges_removed {
            self.remove_edge(*from, *to, *kind);
        }
        for &(kind, from, to, mark) in &delta.edges_added {
            self.add_edge(Edge { from, to, kind, mark })?;
        }
        for node in &delta.nodes_removed {
            self.remove_node(*node);
        }
        Ok(())
    }
}

impl Delta {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(VERSION);
        writer.number(self.nodes_added);
        writer.count(self.nodes_removed.len());
        for node in &self.nodes_removed {
            writer.number(*node);
        }
        writer.count(self.edges_removed.len());
        for (kind, from, to) in &self.edges_removed {
            writer.byte(kind.number());
            writer.number(*from);
            writer.number(*to);
        }
        writer.count(self.edges_added.len());
        for (kind, from, to, mark) in &self.edges_added {
            writer.byte(kind.number());
            writer.number(*from);
            writer.number(*to);
            writer.byte(mark.byte());
        }
        writer.bytes
    }

    /// The delta that these are the bytes of. Numbers of nodes from `nodes_max` on are refused: with it, applying a
    /// delta takes memory within a small multiple of the base and the bytes.
    pub fn decode(bytes: &[u8], nodes_max: u32) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, DELTA_BYTES_MAX)?;
        let found = reader.byte("version")?;
        if found != VERSION {
            return Err(Malformed::Version {
                found,
                known: VERSION,
            });
        }
        let nodes_max = nodes_max.min(NODES_MAX);
        let nodes_added = reader.number("nodes added")?;
        if nodes_added > nodes_max {
            return Err(reader.invalid("nodes added"));
        }
        let node = |reader: &mut Reader<'_>| {
            let node = reader.number("node")?;
            (node < nodes_max)
                .then_some(node)
                .ok_or_else(|| reader.invalid("node"))
        };
        let kind = |reader: &mut Reader<'_>| {
            let kind = EdgeKind::new(reader.byte("kind")?);
            kind.ok_or_else(|| reader.invalid("kind"))
        };
        let nodes_removed = list(&mut reader, 1, "nodes removed", node)?;
        let edges_removed = list(&mut reader, 3, "edges removed", |reader| {
            Ok((kind(reader)?, node(reader)?, node(reader)?))
        })?;
        let edges_added = list(&mut reader, 4, "edges added", |reader| {
            let (kind, from, to) = (kind(reader)?, node(reader)?, node(reader)?);
            let mark = Mark::from_byte(reader.byte("mark")?);
            Ok((kind, from, to, mark.ok_or_else(|| reader.invalid("mark"))?))
        })?;
        if edges_added
            .windows(2)
            .any(|two| (two[0].0, two[0].1, two[0].2) == (two[1].0, two[1].1, two[1].2))
        {
            return Err(reader.invalid("edges added"));
        }
        reader.finish()?;
        Ok(Self {
            nodes_added,
            nodes_removed,
            edges_removed,
            edges_added,
        })
    }
}

/// A list whose elements ascend, each of at least `each_min` bytes.
fn list<T: Ord>(
    reader: &mut Reader<'_>,
    each_min: usize,
    what: &'static str,
    mut element: impl FnMut(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = reader.count(each_min, what)?;
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        let next = element(reader)?;
        if list.last().is_some_and(|last| *last >= next) {
            return Err(reader.invalid(what));
        }
        list.push(next);
    }
    Ok(list)
}
