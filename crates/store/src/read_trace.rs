//! All events of one trace.

use crate::error::StoreError;
use crate::frame_key::FrameKey;
use crate::frames;
use crate::nodes::{self, NodeRecord};
use crate::run;
use crate::state::Shared;
use crate::traces::{RowsRef, TraceEntry};
use event::{Bucket, Event, EventIdentity, NodeInfo, NodeKey, TraceId};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use wire::frame::decode_directory;

/// Events that one answer holds.
pub const ROWS_MAX: usize = 200_000;

/// The events of one trace.
#[derive(Clone, Debug, Default)]
pub struct TraceRows {
    /// By HLC, then by node time; each identity once.
    pub events: Vec<(EventIdentity, Event)>,
    /// The node incarnations that they name, as parents too, as far as known.
    pub nodes: Vec<NodeInfo>,
    /// Frames that could not be read.
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
    /// What each part of the index knows of a trace, buckets ascending.
    pub(crate) fn entries(&self, trace: TraceId) -> Result<Vec<TraceEntry>, StoreError> {
        let mut found = Vec::new();
        let mut runs: Vec<(Bucket, u32)> = Vec::new();
        for (bucket, slot) in self.index.read().iter() {
            found.extend(slot.in_memory().filter_map(|p| p.get(trace)).cloned());
            runs.extend((0..slot.record.runs).map(|r| (*bucket, r)));
        }
        for (bucket, run) in runs {
            found.extend(run::find_trace(&self.db, bucket, run, trace)?);
        }
        Ok(found)
    }

    pub(crate) fn trace_rows(&self, trace: TraceId) -> Result<TraceRows, StoreError> {
        let mut by_frame: BTreeMap<FrameKey, Vec<RowsRef>> = BTreeMap::new();
        for r in self.entries(trace)?.into_iter().flat_map(|e| e.rows) {
            by_frame.entry(r.frame).or_default().push(r);
        }
        let mut rows = TraceRows::default();
        let mut seen = HashSet::new();
        for (frame, refs) in by_frame {
            if rows.events.len() >= ROWS_MAX {
                rows.cut = true;
                break;
            }
            match self.frame_rows(frame, &refs) {
                Ok(events) => rows
                    .events
                    .extend(events.into_iter().filter(|(id, _)| seen.insert(*id))),
                // Dropped since the index was read.
                Err(_) if frame.bucket < self.floor() => {}
                Err(error) => {
                    tracing::error!(%error, "stored frame cannot be read");
                    rows.damaged += 1;
                }
            }
        }
        rows.cut |= rows.events.len() > ROWS_MAX;
        rows.events
            .sort_by_key(|(id, e)| (e.hlc, e.time, e.pid, e.ordinal, *id));
        rows.events.truncate(ROWS_MAX);
        rows.nodes = self.nodes_of(rows.events.iter().map(|(_, e)| e))?;
        Ok(rows)
    }

    /// Some rows of one stored frame.
    pub(crate) fn frame_rows(
        &self,
        frame: FrameKey,
        refs: &[RowsRef],
    ) -> Result<Vec<(EventIdentity, Event)>, StoreError> {
        let bytes = frames::read(&self.db, frame)?;
        let damaged = |e: wire::frame::FrameError| StoreError::Read(format!("stored frame: {e}"));
        let directory = decode_directory(&bytes).map_err(damaged)?;
        let mut rows = Vec::new();
        let sections: BTreeSet<u32> = refs.iter().map(|r| r.section).collect();
        for index in sections {
            let Some(entry) = directory.sections().get(index as usize) else {
                continue;
            };
            let events = directory.rows(entry).map_err(damaged)?;
            let identity = |row: u32| EventIdentity {
                producer: frame.producer,
                epoch: frame.epoch,
                shard: entry.shard,
                seq: entry.seq,
                row,
            };
            for r in refs.iter().filter(|r| r.section == index) {
                let wanted =
                    (r.first..r.first.saturating_add(r.rows)).zip(events.iter().skip(r.first as usize));
                rows.extend(wanted.map(|(row, e)| (identity(row), e.clone())));
            }
        }
        Ok(rows)
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
