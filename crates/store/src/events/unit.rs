//! Reading a frame or a block.

use crate::digest::in_columns;
use crate::list_traces::Wanted;
use event::{Event, EventIdentity, Hlc, ModuleKey, SiteId, TraceId};
use wire::events::{EventFrame, EventSection};
use wire::frame::FrameError;

/// The bytes of a stored frame or of a block.
#[derive(Debug)]
pub(crate) struct UnitBytes(Vec<u8>);

/// A trace as one frame or block knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) trace: TraceId,
    /// Its least HLC here.
    pub(crate) hlc_min: Hlc,
}

impl UnitBytes {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Shows the frame that they are.
    pub(crate) fn with<R>(
        &self,
        look: impl FnOnce(&EventFrame<'_>) -> Result<R, FrameError>,
    ) -> Result<R, FrameError> {
        look(&EventFrame::open(&in_columns(&self.0)?)?)
    }

    /// The events of a trace, those of `held` sections apart.
    pub(crate) fn rows_of(
        &self,
        trace: TraceId,
        held: &[u32],
    ) -> Result<Vec<(EventIdentity, Event)>, FrameError> {
        self.with(|frame| {
            if held.is_empty() {
                return frame.trace(trace);
            }
            let (traces, runs) = (frame.traces()?, frame.runs()?);
            let mut found = Vec::new();
            for (section, rows) in sections_of(frame.sections()).zip(&traces) {
                if rows.trace == trace && held.binary_search(&section).is_err() {
                    frame.trace_events(rows, &runs, &mut found)?;
                }
            }
            Ok(found)
        })
    }

    /// All its events, those of `held` sections apart, in the order of its rows.
    pub(crate) fn all(&self, held: &[u32]) -> Result<Vec<(EventIdentity, Event)>, FrameError> {
        self.with(|frame| {
            let runs = frame.runs()?;
            let identities = runs.iter().flat_map(|run| run.identities());
            let mut all: Vec<_> = identities.zip(frame.events()?).collect();
            if !held.is_empty() {
                let counts = |at: u32| held.binary_search(&at).is_err();
                let sections = (0u32..).zip(frame.sections());
                let mut counted =
                    sections.flat_map(|(at, section)| std::iter::repeat_n(counts(at), section.rows as usize));
                all.retain(|_| counted.next().unwrap_or_default());
            }
            Ok(all)
        })
    }

    /// Parts of traces that are the reason why a trace is wanted, those of `held` sections apart.
    pub(crate) fn parts(&self, wanted: &Wanted, held: &[u32]) -> Result<Vec<Part>, FrameError> {
        self.with(|frame| {
            let digest = frame.digest(false)?;
            let sites: Vec<(ModuleKey, SiteId)> = match wanted.sites {
                Some(_) => frame.sites()?.collect(),
                None => Vec::new(),
            };
            let mut parts = Vec::new();
            for (at, section) in (0u32..).zip(&digest.sections) {
                if held.binary_search(&at).is_ok() {
                    continue;
                }
                for part in digest.parts_of(section) {
                    let is_reason = if let Some(wanted) = &wanted.sites {
                        let mut ran = digest.sites_of(part).iter();
                        ran.any(|at| sites.get(*at as usize).is_some_and(|site| wanted.contains(site)))
                    } else if wanted.errors {
                        part.errors > 0
                    } else if let Some(wanted) = &wanted.nodes {
                        let mut nodes = digest.nodes_of(part).iter();
                        nodes.any(|node| wanted.contains(&frame.key(*node)))
                    } else {
                        true
                    };
                    if part.trace != TraceId(0) && is_reason {
                        parts.push(Part {
                            trace: part.trace,
                            hlc_min: part.hlc.0,
                        });
                    }
                }
            }
            Ok(parts)
        })
    }
}

/// The section of each trace of a frame, by position.
fn sections_of(sections: &[EventSection]) -> impl Iterator<Item = u32> + '_ {
    (0u32..)
        .zip(sections)
        .flat_map(|(at, section)| std::iter::repeat_n(at, section.traces as usize))
}
