//! All events of one trace.

use crate::error::StoreError;
use crate::events::{Place, UnitBytes};
use crate::nodes::{self, NodeRecord};
use crate::state::Shared;
use event::{Event, EventIdentity, NodeInfo, NodeKey, TraceId};
use std::collections::{BTreeSet, HashSet};

/// Events that one answer holds.
pub const ROWS_MAX: usize = 200_000;

/// The events of one trace.
#[derive(Clone, Debug, Default)]
pub struct TraceRows {
    /// By HLC, then by node time; each identity once.
    pub events: Vec<(EventIdentity, Event)>,
    /// The node incarnations that they name, as parents too, as far as known.
    pub nodes: Vec<NodeInfo>,
    /// Frames and blocks that could not be read.
    pub damaged: u64,
    /// Were events left out because there are more than [`ROWS_MAX`]?
    pub cut: bool,
}

impl TraceRows {
    /// Is this everything that was stored?
    pub fn complete(&self) -> bool {
        self.damaged == 0 && !self.cut
    }
}

impl Shared {
    pub(crate) fn trace_rows(&self, trace: TraceId) -> Result<TraceRows, StoreError> {
        let mut rows = TraceRows::default();
        if trace == TraceId(0) {
            return Ok(rows);
        }
        let mut seen = HashSet::new();
        let (view, places) = self.places_of(trace);
        for place in &places {
            if rows.events.len() >= ROWS_MAX {
                rows.cut = true;
                break;
            }
            match self.rows_at(view.bytes(place)?, place, trace) {
                Ok(events) => rows
                    .events
                    .extend(events.into_iter().filter(|(id, _)| seen.insert(*id))),
                Err(()) => rows.damaged += 1,
            }
        }
        drop(view);
        rows.cut |= rows.events.len() > ROWS_MAX;
        rows.events
            .sort_by_key(|(id, e)| (e.hlc, e.time, e.pid, e.ordinal, *id));
        rows.events.truncate(ROWS_MAX);
        rows.nodes = self.nodes_of(rows.events.iter().map(|(_, e)| e))?;
        Ok(rows)
    }

    /// What a frame or block has of a trace. An error was said in the log.
    pub(crate) fn rows_at(
        &self,
        bytes: Option<Vec<u8>>,
        place: &Place,
        trace: TraceId,
    ) -> Result<Vec<(EventIdentity, Event)>, ()> {
        let read = match bytes {
            Some(bytes) => UnitBytes::new(bytes).rows_of(trace, place.held()),
            // Dropped since the index was read.
            None if place.bucket() < self.floor() => return Ok(Vec::new()),
            None => {
                tracing::error!(?place, "stored events are missing");
                return Err(());
            }
        };
        read.map_err(|error| tracing::error!(%error, ?place, "stored events cannot be read"))
    }

    /// The stored names of nodes that events name.
    pub(crate) fn nodes_of<'a>(
        &self,
        events: impl Iterator<Item = &'a Event>,
    ) -> Result<Vec<NodeInfo>, StoreError> {
        let keys: BTreeSet<NodeKey> = events
            .flat_map(|e| [e.node, e.remote_node])
            .filter(|k| k.0 != 0)
            .collect();
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(bytes) = self.db.get(nodes::FAMILY, &nodes::key(key))? {
                found.push(NodeRecord::decode(&bytes)?.node);
            }
        }
        Ok(found)
    }

    /// All node incarnations whose events may be stored.
    pub(crate) fn nodes(&self) -> Result<Vec<NodeInfo>, StoreError> {
        self.db
            .scan(nodes::FAMILY, &[])
            .map(|item| Ok(NodeRecord::decode(&item?.1)?.node))
            .collect()
    }
}
