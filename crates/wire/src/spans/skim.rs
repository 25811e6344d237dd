//! OTLP's spans into a builder, in one pass over the request's bytes, without an allocation a span. What a message means
//! is in `otlp`; a property test holds this pass to the plain decoder there.

use super::build::{Row, SpanBuilder};
use super::rest::value_within;
use super::shape::CellKind;
use crate::otlp::proto::{LENGTH, ProtoError, Reader, VARINT};
use crate::otlp::schema::{
    any_value, key_value, resource_spans, scope_spans, span as span_field, status as status_field, traces,
};
use crate::otlp::{DEPTH_MAX, Notes, Reject};

/// Greatest span, in bytes as it came; a longer one is refused, others of its request are not.
pub const SPAN_BYTES_MAX: usize = 1 << 20;

/// What became of a request's spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skimmed {
    /// Taken.
    pub spans: u64,
    /// Refused: longer than [`SPAN_BYTES_MAX`].
    pub too_long: u64,
    /// Refused for other reasons.
    pub notes: Notes,
}

impl Skimmed {
    /// Refused spans.
    pub fn rejected(&self) -> u64 {
        self.too_long + self.notes.rejected_total()
    }
}

/// A request that is being skimmed, span by span, so that a full builder can be emptied in between.
#[derive(Debug)]
pub struct Skim<'a> {
    request: Reader<'a>,
    resource_spans: Option<Reader<'a>>,
    scope_spans: Option<Reader<'a>>,
    resource: &'a [u8],
    resource_url: &'a [u8],
    scope: &'a [u8],
    scope_url: &'a [u8],
    /// What became of it so far.
    pub done: Skimmed,
}

impl<'a> Skim<'a> {
    /// At the start of an `ExportTraceServiceRequest` (or `TracesData`, which is the same).
    pub fn new(request: &'a [u8]) -> Self {
        Self {
            request: Reader::new(request),
            resource_spans: None,
            scope_spans: None,
            resource: &[],
            resource_url: &[],
            scope: &[],
            scope_url: &[],
            done: Skimmed::default(),
        }
    }

    /// Takes spans until the request ends (`true`) or the builder has `bytes` or more (`false`: call again).
    /// After an error the builder has spans of this request, to be forgotten with [`SpanBuilder::back_to`].
    pub fn fill(&mut self, builder: &mut SpanBuilder, bytes: usize) -> Result<bool, ProtoError> {
        loop {
            if self.scope_spans.is_some() {
                if !self.spans(builder, bytes)? {
                    return Ok(false);
                }
                self.scope_spans = None;
            } else if self.resource_spans.is_some() {
                if !self.next_scope()? {
                    self.resource_spans = None;
                }
            } else if !self.next_resource()? {
                return Ok(true);
            }
        }
    }

    /// `ExportTraceServiceRequest`: 1 `ResourceSpans`.
    fn next_resource(&mut self) -> Result<bool, ProtoError> {
        while let Some(field) = self.request.key()? {
            if field == traces::RESOURCE_SPANS {
                let inner = self.request.message()?;
                (self.resource, self.resource_url) = named(inner)?;
                self.resource_spans = Some(inner);
                return Ok(true);
            }
            self.request.skip_unknown(field, traces::KNOWN)?;
        }
        Ok(false)
    }

    /// `ResourceSpans`: 1 `Resource`, 2 `ScopeSpans`, 3 schema URL.
    fn next_scope(&mut self) -> Result<bool, ProtoError> {
        let Some(within) = &mut self.resource_spans else {
            return Ok(false);
        };
        while let Some(field) = within.key()? {
            if field == resource_spans::SCOPE_SPANS {
                let inner = within.message()?;
                (self.scope, self.scope_url) = named(inner)?;
                self.scope_spans = Some(inner);
                return Ok(true);
            }
            within.skip(field)?;
        }
        Ok(false)
    }

    /// `ScopeSpans`: 1 `InstrumentationScope`, 2 `Span`, 3 schema URL.
    fn spans(&mut self, builder: &mut SpanBuilder, bytes: usize) -> Result<bool, ProtoError> {
        let Some(within) = &mut self.scope_spans else {
            return Ok(true);
        };
        let mut origin: Option<(u32, u32)> = None;
        // The length of a builder is not asked after each span.
        let mut till_asked = 0usize;
        loop {
            if till_asked == 0 {
                if !builder.is_empty() && builder.byte_len() >= bytes {
                    return Ok(false);
                }
                till_asked = 64;
                origin = None;
            }
            let Some(field) = within.key()? else {
                return Ok(true);
            };
            if field != scope_spans::SPANS {
                within.skip(field)?;
                continue;
            }
            let span = within.message()?;
            if span.rest().len() > SPAN_BYTES_MAX {
                self.done.too_long += 1;
                continue;
            }
            till_asked = if span.rest().len() > 4096 {
                0
            } else {
                till_asked - 1
            };
            let (resource, scope) = *origin.get_or_insert_with(|| {
                (
                    builder.origin(true, self.resource, self.resource_url),
                    builder.origin(false, self.scope, self.scope_url),
                )
            });
            match take(span, builder, resource, scope)? {
                Ok(()) => self.done.spans += 1,
                Err(reason) => self.done.notes.reject(reason),
            }
        }
    }
}

/// Resource and schema URL of a `ResourceSpans`, or scope and schema URL of a `ScopeSpans`, which has them under the same numbers;
/// of one that comes more than once the last.
fn named(mut message: Reader<'_>) -> Result<(&[u8], &[u8]), ProtoError> {
    let (mut found, mut url): (&[u8], &[u8]) = (&[], &[]);
    while let Some(field) = message.key()? {
        match field {
            resource_spans::SCOPE_SPANS => drop(message.bytes()?),
            resource_spans::SCHEMA_URL => url = message.bytes()?,
            resource_spans::RESOURCE => found = message.bytes()?,
            _ => message.skip_unknown(field, resource_spans::KNOWN)?,
        }
    }
    Ok((found, url))
}

/// `Span`.
fn take(
    mut span: Reader<'_>,
    builder: &mut SpanBuilder,
    resource: u32,
    scope: u32,
) -> Result<Result<(), Reject>, ProtoError> {
    let whole = span;
    let mut row = Row {
        resource,
        scope,
        cells: builder.begin(),
        bytes: u16::try_from(span.rest().len()).unwrap_or(u16::MAX),
        ..Row::default()
    };
    let (mut trace, mut id): (&[u8], &[u8]) = (&[], &[]);
    let mut parent: &[u8] = &[];
    let mut name: &[u8] = &[];
    let mut message: &[u8] = &[];
    let (mut in_columns, mut has_rest) = (true, false);
    while let Some(field) = span.key()? {
        match field {
            span_field::ATTRIBUTES => {
                let attribute = span.message()?;
                in_columns = in_columns && add(attribute, builder)?;
            }
            span_field::TRACE_ID => trace = span.bytes()?,
            span_field::SPAN_ID => id = span.bytes()?,
            span_field::PARENT_SPAN_ID => parent = span.bytes()?,
            span_field::NAME => name = span.bytes()?,
            span_field::START => row.start = span.fixed64()?,
            span_field::END => row.end = span.fixed64()?,
            span_field::KIND => row.kind = u8::try_from(span.varint()?).ok().filter(|k| *k <= 5).unwrap_or(0),
            span_field::STATUS => (row.status, message) = status(span.message()?)?,
            span_field::FLAGS => row.flags = span.fixed32()?,
            _ => has_rest |= skip_rest(&mut span, field)?,
        }
    }
    let (trace, parent) = match ids(trace, id, parent) {
        Ok((trace, id, parent)) => {
            row.id = id;
            (trace, parent)
        }
        Err(reason) => {
            builder.begin_again(row.cells);
            return Ok(Err(reason));
        }
    };
    row.parent = parent;
    if !in_columns {
        builder.begin_again(row.cells);
    }
    if !in_columns || has_rest {
        match builder.rest(whole, !in_columns)? {
            Ok(rest) => row.rest = rest,
            Err(reason) => {
                builder.begin_again(row.cells);
                return Ok(Err(reason));
            }
        }
    }
    row.trace = builder.trace(trace);
    row.name = builder.names.intern(name).0;
    row.message = builder.messages.intern(message).0;
    builder.push(row);
    Ok(Ok(()))
}

/// Trace, span and parent.
#[inline]
fn ids(trace: &[u8], id: &[u8], parent: &[u8]) -> Result<(u128, u64, u64), Reject> {
    let trace = <[u8; 16]>::try_from(trace).map(u128::from_be_bytes);
    let id = <[u8; 8]>::try_from(id).map(u64::from_be_bytes);
    let parent = match parent {
        [] => Some(0),
        parent => parent.try_into().ok().map(u64::from_be_bytes),
    };
    match (trace, id, parent) {
        (Err(_) | Ok(0), _, _) => Err(Reject::TraceId),
        (_, Err(_) | Ok(0), _) => Err(Reject::SpanId),
        (_, _, None) => Err(Reject::ParentId),
        (Ok(trace), Ok(id), Some(parent)) => Ok((trace, id, parent)),
    }
}

/// Passes over a field that has no column; is there anything in it to keep?
#[cold]
fn skip_rest(span: &mut Reader<'_>, field: u32) -> Result<bool, ProtoError> {
    match (field >> 3, field & 7) {
        // Trace state, events, links.
        (3 | 11 | 13, LENGTH) => Ok(!span.bytes()?.is_empty()),
        // What was dropped.
        (10 | 12 | 14, VARINT) => Ok(span.varint()? != 0),
        _ => span.skip_unknown(field, span_field::KNOWN).map(|()| false),
    }
}

/// `Status`: 2 message, 3 code.
fn status(mut status: Reader<'_>) -> Result<(u8, &[u8]), ProtoError> {
    let (mut code, mut message): (u8, &[u8]) = (0, &[]);
    while let Some(field) = status.key()? {
        match field {
            status_field::CODE => {
                let known = u8::try_from(status.varint()?).ok().filter(|c| *c <= 2);
                code = known.unwrap_or(0);
            }
            status_field::MESSAGE_TEXT => message = status.bytes()?,
            _ => status.skip_unknown(field, status_field::KNOWN)?,
        }
    }
    Ok((code, message))
}

/// `KeyValue`: 1 key, 2 `AnyValue`. `false`: it cannot have a column.
#[inline]
fn add(mut attribute: Reader<'_>, builder: &mut SpanBuilder) -> Result<bool, ProtoError> {
    let mut name: &[u8] = &[];
    let mut value: Option<Reader<'_>> = None;
    while let Some(field) = attribute.key()? {
        match field {
            key_value::KEY => name = attribute.bytes()?,
            key_value::VALUE => value = Some(attribute.message()?),
            _ => attribute.skip_unknown(field, key_value::KNOWN)?,
        }
    }
    match value {
        Some(value) => add_value(name, value, builder),
        None => Ok(builder.number(name, CellKind::Empty, 0)),
    }
}

/// `AnyValue`: 1 string, 2 bool, 3 int, 4 double, 5 array, 6 list of keys and values, 7 bytes; the last one given counts.
#[inline]
fn add_value(name: &[u8], value: Reader<'_>, builder: &mut SpanBuilder) -> Result<bool, ProtoError> {
    let mut inner = value;
    let Some(field) = inner.key()? else {
        return Ok(builder.number(name, CellKind::Empty, 0));
    };
    match field {
        any_value::STRING => {
            let bytes = inner.bytes()?;
            if inner.is_empty() {
                return Ok(builder.text(name, CellKind::Text, bytes));
            }
        }
        any_value::BOOL => {
            let truth = inner.varint()?;
            if inner.is_empty() {
                return Ok(builder.number(name, CellKind::Bool, u64::from(truth != 0)));
            }
        }
        any_value::INT => {
            let number = inner.varint()?;
            if inner.is_empty() {
                return Ok(builder.number(name, CellKind::Int, number));
            }
        }
        any_value::DOUBLE => {
            let bits = inner.fixed64()?;
            if inner.is_empty() {
                return Ok(builder.number(name, CellKind::Double, bits));
            }
        }
        _ => {}
    }
    Ok(value_within(value, DEPTH_MAX)? && builder.text(name, CellKind::Other, value.rest()))
}
