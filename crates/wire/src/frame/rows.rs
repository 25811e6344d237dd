//! From columns to events.

use event::{Event, EventId, EventKind, Hlc, Micros, ModuleKey, NodeInfo, NodeKey, Pid, TraceId};

use super::column::{Column, id};
use super::{FrameError, SectionEntry};
use crate::bytes::Reader;
use crate::node_socket::PAYLOAD_BYTES_MAX;

/// The columns of a section of this payload.
pub(super) fn columns<'a>(payload: &'a [u8], entry: &SectionEntry) -> Result<Vec<Column<'a>>, FrameError> {
    let section = payload.get(entry.columns.clone()).unwrap_or_default();
    Column::read_all(section).map_err(FrameError::read("column directory"))
}

/// The events of a section. Before rows are allocated, the column of kinds must have a byte for each.
pub(super) fn read(
    payload: &[u8],
    entry: &SectionEntry,
    nodes: &[NodeInfo],
    shapes: &[String],
) -> Result<Vec<Event>, FrameError> {
    let columns = columns(payload, entry)?;
    let rows = entry.rows as usize;
    if rows == 0 {
        return Ok(Vec::new());
    }
    let kinds = columns
        .iter()
        .find(|c| c.id == id::KIND)
        .map_or(0, |c| c.data.len());
    if kinds < rows {
        return Err(FrameError::Value {
            column: id::KIND,
            row: kinds,
            value: 0,
        });
    }
    let first_node = nodes.first().ok_or(FrameError::Value {
        column: id::NODE,
        row: 0,
        value: 0,
    })?;
    // Kinds are always overwritten.
    let mut events = vec![Event::blank(EventKind::Root, first_node.key); rows];
    for range in &entry.traces {
        let first = range.first_row as usize;
        let of_trace = events
            .get_mut(first..first + range.rows as usize)
            .unwrap_or_default();
        for e in of_trace {
            e.trace = range.trace;
        }
    }
    for column in &columns {
        fill(column, &mut events, nodes, shapes)?;
    }
    fill_payloads(&columns, &mut events)?;
    Ok(events)
}

/// Stores a number if there is one, and says whether there was.
fn store<T>(field: &mut T, value: Option<T>) -> bool {
    value.map(|value| *field = value).is_some()
}

fn fill(
    column: &Column<'_>,
    events: &mut [Event],
    nodes: &[NodeInfo],
    shapes: &[String],
) -> Result<(), FrameError> {
    match column.id {
        id::ID => column.each(events, |e, v| store(&mut e.id, Some(EventId(v)))),
        id::KIND => column.each(events, |e, v| store(&mut e.kind, code(v))),
        id::CLASS => column.each(events, |e, v| store(&mut e.class, code(v))),
        id::FLAGS => column.each(events, |e, v| store(&mut e.flags.0, u8::try_from(v).ok())),
        id::MODULE => column.each(events, |e, v| store(&mut e.module, Some(ModuleKey(v)))),
        id::SITE => column.each(events, |e, v| store(&mut e.site.0, u32::try_from(v).ok())),
        id::NODE => column.each(events, |e, v| {
            store(&mut e.node, item(nodes, v).map(|node| node.key))
        }),
        id::PID => column.each(events, |e, v| store(&mut e.pid, Some(Pid(v)))),
        id::PARENT => column.each(events, |e, v| store(&mut e.parent, Some(EventId(v)))),
        id::HLC => column.each(events, |e, v| store(&mut e.hlc, Some(Hlc(v)))),
        id::TIME => column.each(events, |e, v| store(&mut e.time, Some(Micros(v)))),
        id::ORDINAL => column.each(events, |e, v| store(&mut e.ordinal, u32::try_from(v).ok())),
        id::SHAPE => column.each(events, |e, v| match v.checked_sub(1) {
            None => true,
            Some(i) => store(&mut e.shape, item(shapes, i).cloned()),
        }),
        id::REMOTE_NODE => column.each(events, |e, v| store(&mut e.remote_node, Some(NodeKey(v)))),
        id::REMOTE_TIME => column.each(events, |e, v| store(&mut e.remote_time, Some(Micros(v)))),
        id::LINKED => column.each_u128(events, |e, v| e.linked = TraceId(v)),
        // Payloads come last; what is not known is skipped.
        _ => Ok(()),
    }
}

fn code<T: TryFrom<u8>>(value: u64) -> Option<T> {
    u8::try_from(value).ok().and_then(|code| T::try_from(code).ok())
}

fn item<T>(list: &[T], index: u64) -> Option<&T> {
    usize::try_from(index).ok().and_then(|i| list.get(i))
}

fn fill_payloads(columns: &[Column<'_>], events: &mut [Event]) -> Result<(), FrameError> {
    let mut bytes = match columns.iter().find(|c| c.id == id::PAYLOAD) {
        Some(column) => column.raw()?,
        None => Reader::new(&[]),
    };
    if let Some(lengths) = columns.iter().find(|c| c.id == id::PAYLOAD_LEN) {
        lengths.each(events, |e, v| {
            let length = usize::try_from(v).ok().filter(|n| *n <= PAYLOAD_BYTES_MAX);
            let payload = length.and_then(|n| bytes.bytes(n).ok());
            store(&mut e.payload, payload.map(<[u8]>::to_vec))
        })?;
    }
    bytes.finish().map_err(FrameError::read("payload column"))
}
