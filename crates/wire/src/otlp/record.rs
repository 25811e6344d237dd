//! Spans and log records.

use std::sync::Arc;

use event::{
    LogRecord, Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, StatusCode, TraceId, Value,
};

use super::decode::{OtlpError, State};
use super::notes::Reject;
use super::proto::Reader;
use super::schema::{event as span_event, link as span_link, log_record as log, span as field, status};
use super::value::{attribute, value};

/// The greatest severity that OTLP defines.
const SEVERITY_MAX: u64 = 24;

/// 16 bytes as an id, none as 0.
fn trace_id(bytes: &[u8]) -> Option<TraceId> {
    match bytes {
        [] => Some(TraceId(0)),
        _ => bytes.try_into().ok().map(|id| TraceId(u128::from_be_bytes(id))),
    }
}

/// 8 bytes as an id, none as 0.
fn span_id(bytes: &[u8]) -> Option<SpanId> {
    match bytes {
        [] => Some(SpanId(0)),
        _ => bytes.try_into().ok().map(|id| SpanId(u64::from_be_bytes(id))),
    }
}

/// A code of an enum (an `int32`: the lower 32 bits count), or what it has for "not said".
fn code<T: TryFrom<u8>>(raw: u64, state: &mut State, unsaid: T) -> T {
    let known = u8::try_from(raw as u32)
        .ok()
        .and_then(|raw| T::try_from(raw).ok());
    known.unwrap_or_else(|| {
        state.notes.unknown_codes += 1;
        unsaid
    })
}

/// Reads a `Span`.
pub(super) fn span(
    mut reader: Reader<'_>,
    state: &mut State,
    resource: &Arc<Resource>,
    scope: &Arc<Scope>,
) -> Result<Result<Span, Reject>, OtlpError> {
    let (mut trace, mut id, mut parent) = (Some(TraceId(0)), Some(SpanId(0)), Some(SpanId(0)));
    let (mut beyond, mut links_valid) = (0, true);
    let mut read = Span {
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
        ..Span::blank()
    };
    while let Some(key) = reader.key()? {
        match key {
            field::TRACE_ID => trace = trace_id(reader.bytes()?),
            field::SPAN_ID => id = span_id(reader.bytes()?),
            field::TRACE_STATE => read.trace_state = state.text(reader.bytes()?),
            field::PARENT_SPAN_ID => parent = span_id(reader.bytes()?),
            field::FLAGS => read.flags = reader.fixed32()?,
            field::NAME => read.name = state.text(reader.bytes()?),
            field::KIND => read.kind = code(reader.varint()?, state, SpanKind::Unspecified),
            field::START => read.start_ns = reader.fixed64()?,
            field::END => read.end_ns = reader.fixed64()?,
            field::ATTRIBUTES => attribute(reader.message()?, state, &mut read.attributes, &mut beyond)?,
            field::DROPPED_ATTRIBUTES => read.dropped_attributes = reader.varint()? as u32,
            field::EVENTS => {
                state.charge::<SpanEvent>()?;
                read.events.push(event(reader.message()?, state)?);
            }
            field::DROPPED_EVENTS => read.dropped_events = reader.varint()? as u32,
            field::LINKS => {
                state.charge::<SpanLink>()?;
                match link(reader.message()?, state)? {
                    Some(link) => read.links.push(link),
                    None => links_valid = false,
                }
            }
            field::DROPPED_LINKS => read.dropped_links = reader.varint()? as u32,
            field::STATUS => read_status(reader.message()?, state, &mut read)?,
            other => reader.skip_unknown(other, field::KNOWN)?,
        }
    }
    let Some(trace) = trace.filter(|id| id.0 != 0) else {
        return Ok(Err(Reject::TraceId));
    };
    let Some(id) = id.filter(|id| id.0 != 0) else {
        return Ok(Err(Reject::SpanId));
    };
    let Some(parent) = parent else {
        return Ok(Err(Reject::ParentId));
    };
    if !links_valid {
        return Ok(Err(Reject::LinkId));
    }
    if state.too_deep {
        return Ok(Err(Reject::Depth));
    }
    read.dropped_attributes = read.dropped_attributes.saturating_add(beyond);
    Ok(Ok(Span {
        trace,
        id,
        parent,
        ..read
    }))
}

fn event(mut reader: Reader<'_>, state: &mut State) -> Result<SpanEvent, OtlpError> {
    let (mut read, mut beyond) = (SpanEvent::default(), 0);
    while let Some(key) = reader.key()? {
        match key {
            span_event::TIME => read.time_ns = reader.fixed64()?,
            span_event::NAME => read.name = state.text(reader.bytes()?),
            span_event::ATTRIBUTES => {
                attribute(reader.message()?, state, &mut read.attributes, &mut beyond)?;
            }
            span_event::DROPPED_ATTRIBUTES => read.dropped_attributes = reader.varint()? as u32,
            other => reader.skip_unknown(other, span_event::KNOWN)?,
        }
    }
    read.dropped_attributes = read.dropped_attributes.saturating_add(beyond);
    Ok(read)
}

/// `None` if its ids have wrong lengths.
fn link(mut reader: Reader<'_>, state: &mut State) -> Result<Option<SpanLink>, OtlpError> {
    let (mut trace, mut id, mut beyond) = (Some(TraceId(0)), Some(SpanId(0)), 0);
    let mut read = SpanLink::default();
    while let Some(key) = reader.key()? {
        match key {
            span_link::TRACE_ID => trace = trace_id(reader.bytes()?),
            span_link::SPAN_ID => id = span_id(reader.bytes()?),
            span_link::TRACE_STATE => read.trace_state = state.text(reader.bytes()?),
            span_link::ATTRIBUTES => attribute(reader.message()?, state, &mut read.attributes, &mut beyond)?,
            span_link::DROPPED_ATTRIBUTES => read.dropped_attributes = reader.varint()? as u32,
            span_link::FLAGS => read.flags = reader.fixed32()?,
            other => reader.skip_unknown(other, span_link::KNOWN)?,
        }
    }
    read.dropped_attributes = read.dropped_attributes.saturating_add(beyond);
    Ok(trace.zip(id).map(|(trace, id)| SpanLink { trace, id, ..read }))
}

fn read_status(mut reader: Reader<'_>, state: &mut State, into: &mut Span) -> Result<(), OtlpError> {
    while let Some(key) = reader.key()? {
        match key {
            status::MESSAGE_TEXT => into.status_message = state.text(reader.bytes()?),
            status::CODE => into.status = code(reader.varint()?, state, StatusCode::Unset),
            other => reader.skip_unknown(other, status::KNOWN)?,
        }
    }
    Ok(())
}

/// Reads a `LogRecord`.
pub(super) fn log_record(
    mut reader: Reader<'_>,
    state: &mut State,
    resource: &Arc<Resource>,
    scope: &Arc<Scope>,
) -> Result<Result<LogRecord, Reject>, OtlpError> {
    let (mut trace, mut span, mut beyond) = (Some(TraceId(0)), Some(SpanId(0)), 0);
    let mut read = LogRecord {
        time_ns: 0,
        observed_ns: 0,
        severity: 0,
        severity_text: String::new(),
        body: Value::Empty,
        attributes: Vec::new(),
        dropped_attributes: 0,
        flags: 0,
        trace: TraceId(0),
        span: SpanId(0),
        event_name: String::new(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    };
    while let Some(key) = reader.key()? {
        match key {
            log::TIME => read.time_ns = reader.fixed64()?,
            log::OBSERVED_TIME => read.observed_ns = reader.fixed64()?,
            log::SEVERITY => {
                let raw = reader.varint()?;
                read.severity = if raw <= SEVERITY_MAX { raw as u8 } else { 0 };
                state.notes.unknown_codes += u64::from(raw > SEVERITY_MAX);
            }
            log::SEVERITY_TEXT => read.severity_text = state.text(reader.bytes()?),
            log::BODY => read.body = value(reader.message()?, state, 0)?,
            log::ATTRIBUTES => attribute(reader.message()?, state, &mut read.attributes, &mut beyond)?,
            log::DROPPED_ATTRIBUTES => read.dropped_attributes = reader.varint()? as u32,
            log::FLAGS => read.flags = reader.fixed32()?,
            log::TRACE_ID => trace = trace_id(reader.bytes()?),
            log::SPAN_ID => span = span_id(reader.bytes()?),
            log::EVENT_NAME => read.event_name = state.text(reader.bytes()?),
            other => reader.skip_unknown(other, log::KNOWN)?,
        }
    }
    let Some(trace) = trace else {
        return Ok(Err(Reject::TraceId));
    };
    let Some(span) = span else {
        return Ok(Err(Reject::SpanId));
    };
    if state.too_deep {
        return Ok(Err(Reject::Depth));
    }
    read.dropped_attributes = read.dropped_attributes.saturating_add(beyond);
    Ok(Ok(LogRecord { trace, span, ..read }))
}
