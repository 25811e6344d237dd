//! From batches and gaps to frames.

use super::synced::Synced;
use super::{CutFrame, HeldSection};
use crate::error::StoreError;
use crate::nodes::{self, NodeRecord};
use event::{Bucket, Epoch, Event, Hlc, NodeInfo, NodeKey, Producer};
use std::collections::{BTreeMap, BTreeSet};
use wire::frame::{Compression, FrameBuilder, Gap};

/// A batch or a gap.
#[derive(Debug)]
pub(super) enum Piece {
    Events(Vec<Event>),
    Gap(Gap),
}

/// Whose a frame is, and of which bucket.
type Of = (Producer, Epoch, Bucket);
/// A piece, what it was asked for as, and when it was cut, about.
type Placed = (HeldSection, Hlc, Piece);

/// Pieces, by the frame in which they can be.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    frames: BTreeMap<Of, Vec<Placed>>,
    events: usize,
}

impl Pieces {
    /// Adds one; `hlc` is when it was cut, about.
    pub(super) fn add(&mut self, section: &HeldSection, hlc: Hlc, piece: Piece) {
        if let Piece::Events(events) = &piece {
            self.events += events.len();
        }
        let of = (section.producer, section.epoch, section.bucket);
        self.frames.entry(of).or_default().push((*section, hlc, piece));
    }

    /// Events in it.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// As frames: one each, or more if one would be too large. `names` knows nodes by their keys.
    pub(super) fn frames(
        self,
        names: impl Fn(&BTreeSet<NodeKey>) -> Result<Vec<NodeInfo>, StoreError>,
    ) -> Result<Vec<CutFrame>, StoreError> {
        let mut made = Vec::new();
        for (of, mut pieces) in self.frames {
            pieces.sort_by_key(|(section, _, _)| (section.shard, section.first, section.gap));
            encode(of, &pieces, &names, &mut made)?;
        }
        Ok(made)
    }
}

/// Halves what does not fit, at most as often as there are bits in its count.
fn encode(
    of: Of,
    pieces: &[Placed],
    names: &impl Fn(&BTreeSet<NodeKey>) -> Result<Vec<NodeInfo>, StoreError>,
    made: &mut Vec<CutFrame>,
) -> Result<(), StoreError> {
    let (producer, epoch, bucket) = of;
    let hlc = pieces.iter().map(|(_, hlc, _)| *hlc).max().unwrap_or_default();
    let mut builder = FrameBuilder::new(producer, epoch, hlc, bucket);
    let mut keys = BTreeSet::new();
    for (_, _, piece) in pieces {
        if let Piece::Events(events) = piece {
            keys.extend(events.iter().flat_map(|event| [event.node, event.remote_node]));
        }
    }
    keys.remove(&NodeKey(0));
    for node in names(&keys)? {
        builder.node(node);
    }
    for (section, _, piece) in pieces {
        match piece {
            Piece::Events(events) => builder.section(section.shard, section.first, events),
            Piece::Gap(gap) => builder.gap(section.shard, section.first, *gap),
        };
    }
    match builder.finish(Compression::Zstd) {
        Ok(bytes) => made.push(CutFrame {
            bytes,
            sections: pieces.iter().map(|(section, _, _)| *section).collect(),
            positions: (0..pieces.len()).map(|at| at as u16).collect(),
        }),
        Err(_) if pieces.len() > 1 => {
            let (one, other) = pieces.split_at(pieces.len() / 2);
            encode(of, one, names, made)?;
            encode(of, other, names, made)?;
        }
        Err(error) => {
            tracing::error!(%error, %producer, "a batch does not fit in a frame and is not copied");
        }
    }
    Ok(())
}

impl Synced<'_> {
    /// What is known of nodes.
    pub(super) fn node_names(&self, keys: &BTreeSet<NodeKey>) -> Result<Vec<NodeInfo>, StoreError> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(bytes) = self.get(nodes::FAMILY, &nodes::key(*key))? {
                found.push(NodeRecord::decode(&bytes)?.node);
            }
        }
        Ok(found)
    }
}
