//! From rows to events.

use event::{
    Event, EventId, EventIdentity, EventKind, Flags, Hlc, Micros, ModuleKey, NodeKey, Pid, ResultClass,
    SiteId, TraceId,
};

use super::content::ContentHash;
use super::cursor::{Cursor, range};
use super::frame::{EventFrame, Run, TraceRows};
use super::names::Names;
use super::row::Row;
use crate::frame::{FrameError, TraceRange};

impl EventFrame<'_> {
    /// All its events, in the order of its rows.
    pub fn events(&self) -> Result<Vec<Event>, FrameError> {
        let names = self.names()?;
        let mut cursor = Cursor::new(self, &names)?;
        let mut rows = Vec::new();
        let mut events = Vec::with_capacity(self.rows() as usize);
        for trace in &self.traces()? {
            cursor.next(range(&trace.rows).len() as u32, &mut rows)?;
            events.extend(rows.iter().map(|row| event(trace.trace, row, &names)));
        }
        cursor.finish()?;
        Ok(events)
    }

    /// The events of a section that begins at this row.
    pub(crate) fn section_events(&self, first: u32, traces: &[TraceRange]) -> Result<Vec<Event>, FrameError> {
        let names = self.names()?;
        let mut cursor = Cursor::seek(self, &names, first)?;
        let mut rows = Vec::new();
        let mut events = Vec::new();
        for trace in traces {
            cursor.next(trace.rows, &mut rows)?;
            events.extend(rows.iter().map(|row| event(trace.trace, row, &names)));
        }
        Ok(events)
    }

    /// The events of one trace, in the order of its rows, each with its identity; none if the trace is not in the frame. Rows before it are
    /// not decoded.
    pub fn trace(&self, trace: TraceId) -> Result<Vec<(EventIdentity, Event)>, FrameError> {
        let traces = self.traces()?;
        let runs = self.runs()?;
        let mut found = Vec::new();
        for rows in traces.iter().filter(|rows| rows.trace == trace) {
            self.trace_events(rows, &runs, &mut found)?;
        }
        Ok(found)
    }

    /// Appends the events of one of [`Self::traces`], each with its identity by [`Self::runs`].
    pub fn trace_events(
        &self,
        trace: &TraceRows,
        runs: &[Run],
        into: &mut Vec<(EventIdentity, Event)>,
    ) -> Result<(), FrameError> {
        let names = self.names()?;
        let mut cursor = Cursor::seek(self, &names, trace.rows.start)?;
        let mut rows = Vec::new();
        cursor.next(range(&trace.rows).len() as u32, &mut rows)?;
        let runs = runs
            .get(trace.runs.start as usize..trace.runs.end as usize)
            .unwrap_or_default();
        let identities = runs.iter().flat_map(|run| run.identities());
        into.extend(
            identities
                .zip(&rows)
                .map(|(identity, row)| (identity, event(trace.trace, row, &names))),
        );
        Ok(())
    }

    /// The events of the runs that are wanted, in one pass over all rows: what batches are cut out by, of frames and of blocks.
    pub fn events_of(&self, wanted: impl Fn(&Run) -> bool) -> Result<Vec<(Run, Vec<Event>)>, FrameError> {
        let runs = self.runs()?;
        let names = self.names()?;
        let mut cursor = Cursor::new(self, &names)?;
        let mut rows = Vec::new();
        let mut found = Vec::new();
        for trace in &self.traces()? {
            cursor.next(range(&trace.rows).len() as u32, &mut rows)?;
            let of_trace = runs.get(trace.runs.start as usize..trace.runs.end as usize);
            let mut rest = rows.as_slice();
            for run in of_trace.unwrap_or_default() {
                let Some((these, others)) = rest.split_at_checked(run.rows as usize) else {
                    break;
                };
                rest = others;
                if wanted(run) {
                    let events = these.iter().map(|row| event(trace.trace, row, &names));
                    found.push((*run, events.collect()));
                }
            }
        }
        cursor.finish()?;
        Ok(found)
    }

    /// The content hash of each section ([`ContentHash`]); of gaps 0.
    pub fn content_hashes(&self) -> Result<Vec<u64>, FrameError> {
        let names = self.names()?;
        let mut cursor = Cursor::new(self, &names)?;
        let mut rows = Vec::new();
        let mut hashes = vec![ContentHash::new(); self.sections().len()];
        let traces = self.traces()?;
        for (at, trace) in self.with_section(&traces) {
            cursor.next(range(&trace.rows).len() as u32, &mut rows)?;
            if let Some(hash) = hashes.get_mut(at) {
                for row in &rows {
                    hash.row(trace.trace.0, row, &names);
                }
            }
        }
        cursor.finish()?;
        let of = self.sections().iter().zip(&hashes);
        Ok(of
            .map(|(section, hash)| if section.gap.is_some() { 0 } else { hash.digest() })
            .collect())
    }
}

/// The event of a row.
fn event(trace: TraceId, row: &Row, names: &Names<'_>) -> Event {
    let (module, site) = names.site(row.site);
    Event {
        id: EventId(row.id),
        // The cursor lets no unknown code through.
        kind: EventKind::try_from(row.kind).unwrap_or(EventKind::Loss),
        class: ResultClass::try_from(row.class).unwrap_or(ResultClass::Other),
        flags: Flags(row.flags),
        hlc: Hlc(row.hlc),
        time: Micros(row.time),
        node: NodeKey(names.key(row.node)),
        pid: Pid(row.pid),
        ordinal: row.ordinal,
        trace,
        parent: EventId(row.parent),
        remote_node: NodeKey(names.key(row.remote)),
        remote_time: Micros(row.remote_time),
        module: ModuleKey(module),
        site: SiteId(site),
        shape: String::from_utf8_lossy(names.shape(row.shape)).into_owned(),
        linked: TraceId(names.linked(row.linked)),
        payload: names.payload(row).to_vec(),
    }
}
