//! A graph's bytes. One graph has one encoding: the version; the number of nodes; the number of kinds; for each kind,
//! ascending: its number, how many nodes have edges, their degrees (dense rows: the degree of every node; sparse rows:
//! the distance from the last such node and the degree, each less one), the targets row by row (the first as it is,
//! then the distance from the last one, less one) and the marks as runs (mark, length). Numbers are LEB128. The
//! reverse rows are not stored: computing them anew is quicker than reading them would be.

use super::rows::Rows;
use super::{EdgeKind, Graph};
use crate::bytes::{Malformed, Reader, Writer};
use crate::fact::Mark;

/// Bytes of a graph at most.
pub const GRAPH_BYTES_MAX: usize = 1 << 30;

const VERSION: u8 = 1;

impl Graph {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.byte(VERSION);
        writer.number(self.nodes);
        writer.count(self.sides.len());
        for sides in &self.sides {
            writer.byte(sides.kind.number());
            write_rows(&mut writer, &sides.out, self.nodes);
        }
        writer.bytes
    }

    /// The graph that these are the bytes of. More nodes than `nodes_max` are refused; besides, memory stays within
    /// a small multiple of the bytes given.
    pub fn decode(bytes: &[u8], nodes_max: u32) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, GRAPH_BYTES_MAX)?;
        let found = reader.byte("version")?;
        if found != VERSION {
            return Err(Malformed::Version {
                found,
                known: VERSION,
            });
        }
        let nodes = reader.number("number of nodes")?;
        if nodes > nodes_max.min(super::NODES_MAX) {
            return Err(reader.invalid("number of nodes"));
        }
        let mut graph = Self::empty(nodes);
        let mut least = 0;
        for _ in 0..reader.count(4, "number of kinds")? {
            let number = reader.byte("kind")?;
            let kind = EdgeKind::new(number).filter(|_| number >= least);
            let kind = kind.ok_or_else(|| reader.invalid("kind"))?;
            least = number + 1;
            graph.put(kind, read_rows(&mut reader, nodes)?);
        }
        reader.finish()?;
        Ok(graph)
    }
}

fn write_rows(writer: &mut Writer, rows: &Rows, nodes: u32) {
    writer.count(rows.filled().count());
    let mut least = 0;
    if rows.is_sparse() {
        for (node, row) in rows.filled() {
            writer.number(node - least);
            writer.count(row.targets.len() - 1);
            least = node + 1;
        }
    } else {
        for node in 0..nodes {
            writer.count(rows.row(node).targets.len());
        }
    }
    for (_, row) in rows.filled() {
        let mut least = 0;
        for target in row.targets {
            writer.number(target - least);
            least = target + 1;
        }
    }
    for run in rows.marks.chunk_by(|a, b| a == b) {
        writer.byte(run.first().copied().unwrap_or_default().byte());
        writer.count(run.len());
    }
}

fn read_rows(reader: &mut Reader<'_>, nodes: u32) -> Result<Rows, Malformed> {
    let filled = reader.count(2, "number of nodes with edges")?;
    if filled == 0 || filled > nodes as usize {
        return Err(reader.invalid("number of nodes with edges"));
    }
    let (keys, starts) = if Rows::sparse(filled, nodes) {
        read_keys(reader, filled, nodes)?
    } else {
        (Vec::new(), read_degrees(reader, filled, nodes)?)
    };
    let edges = starts.last().copied().unwrap_or_default() as usize;
    reader.holds(edges, "targets")?;
    let mut targets = Vec::with_capacity(edges);
    for bounds in starts.windows(2) {
        let mut least = 0u32;
        for _ in bounds[0]..bounds[1] {
            let target = least.checked_add(reader.number("target")?);
            let target = target.filter(|target| *target < nodes);
            let target = target.ok_or_else(|| reader.invalid("target"))?;
            targets.push(target);
            least = target + 1;
        }
    }
    let marks = read_marks(reader, edges)?;
    Ok(Rows {
        keys,
        starts,
        targets,
        marks,
    })
}

fn read_keys(reader: &mut Reader<'_>, filled: usize, nodes: u32) -> Result<(Vec<u32>, Vec<u32>), Malformed> {
    let mut keys = Vec::with_capacity(filled);
    let mut starts = Vec::with_capacity(filled + 1);
    starts.push(0);
    let (mut least, mut end) = (0u32, 0u32);
    for _ in 0..filled {
        let node = least.checked_add(reader.number("node")?);
        let node = node.filter(|node| *node < nodes);
        let node = node.ok_or_else(|| reader.invalid("node"))?;
        let degree = reader.number("degree")?.checked_add(1);
        let next = degree.and_then(|degree| end.checked_add(degree));
        end = next.ok_or_else(|| reader.invalid("degree"))?;
        keys.push(node);
        starts.push(end);
        least = node + 1;
    }
    Ok((keys, starts))
}

fn read_degrees(reader: &mut Reader<'_>, filled: usize, nodes: u32) -> Result<Vec<u32>, Malformed> {
    reader.holds(nodes as usize, "degrees")?;
    let mut starts = Vec::with_capacity(nodes as usize + 1);
    starts.push(0);
    let (mut end, mut with_edges) = (0u32, 0);
    for _ in 0..nodes {
        let degree = reader.number("degree")?;
        let next = end.checked_add(degree);
        end = next.ok_or_else(|| reader.invalid("degree"))?;
        with_edges += usize::from(degree > 0);
        starts.push(end);
    }
    if with_edges == filled {
        Ok(starts)
    } else {
        Err(reader.invalid("number of nodes with edges"))
    }
}

fn read_marks(reader: &mut Reader<'_>, edges: usize) -> Result<Vec<Mark>, Malformed> {
    let mut marks = Vec::with_capacity(edges);
    while marks.len() < edges {
        let mark = Mark::from_byte(reader.byte("mark")?).filter(|mark| marks.last() != Some(mark));
        let mark = mark.ok_or_else(|| reader.invalid("mark"))?;
        let run = reader.number("run of marks")? as usize;
        if run == 0 || run > edges - marks.len() {
            return Err(reader.invalid("run of marks"));
        }
        marks.resize(marks.len() + run, mark);
    }
    Ok(marks)
}
