//! OTLP's spans into a builder, in one pass over the request's bytes, without an allocation a span. What a message means
//! is in `otlp`; a property test holds this pass to the plain decoder there.

use super::build::{Row, SpanBuilder};
use super::rest::{NESTING_MAX, value_within};
use super::shape::CellKind;
use crate::otlp::proto::{FIXED32, FIXED64, LENGTH, ProtoError, Reader, VARINT, key, known};
use crate::otlp::{Notes, Reject};

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
    resource_spans: Option<Within<'a>>,
    scope_spans: Option<Within<'a>>,
    resource: &'a [u8],
    resource_url: &'a [u8],
    scope: &'a [u8],
    scope_url: &'a [u8],
    /// What became of it so far.
    pub done: Skimmed,
}

/// A message of which one field repeats.
#[derive(Debug)]
struct Within<'a> {
    rest: Reader<'a>,
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
        const RESOURCE_SPANS: u32 = key(1, LENGTH);
        while let Some(field) = self.request.key()? {
            if field == RESOURCE_SPANS {
                let inner = self.request.message()?;
                (self.resource, self.resource_url) = named(inner, key(1, LENGTH), known(&[1, 2, 3]))?;
                self.resource_spans = Some(Within { rest: inner });
                return Ok(true);
            }
            self.request.skip_unknown(field, known(&[1]))?;
        }
        Ok(false)
    }

    /// `ResourceSpans`: 1 `Resource`, 2 `ScopeSpans`, 3 schema URL.
    fn next_scope(&mut self) -> Result<bool, ProtoError> {
        const SCOPE_SPANS: u32 = key(2, LENGTH);
        let Some(within) = &mut self.resource_spans else {
            return Ok(false);
        };
        while let Some(field) = within.rest.key()? {
            if field == SCOPE_SPANS {
                let inner = within.rest.message()?;
                (self.scope, self.scope_url) = named(inner, key(1, LENGTH), known(&[1, 2, 3]))?;
                self.scope_spans = Some(Within { rest: inner });
                return Ok(true);
            }
            within.rest.skip(field)?;
        }
        Ok(false)
    }

    /// `ScopeSpans`: 1 `InstrumentationScope`, 2 `Span`, 3 schema URL.
    fn spans(&mut self, builder: &mut SpanBuilder, bytes: usize) -> Result<bool, ProtoError> {
        const SPAN: u32 = key(2, LENGTH);
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
            let Some(field) = within.rest.key()? else {
                return Ok(true);
            };
            if field != SPAN {
                within.rest.skip(field)?;
                continue;
            }
            let span = within.rest.message()?;
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

/// The message of field `wanted` (the last one, if it comes more than once) and the schema URL, field 3.
fn named(mut message: Reader<'_>, wanted: u32, fields: u64) -> Result<(&[u8], &[u8]), ProtoError> {
    const SCHEMA_URL: u32 = key(3, LENGTH);
    const REPEATED: u32 = key(2, LENGTH);
    let (mut found, mut url): (&[u8], &[u8]) = (&[], &[]);
    while let Some(field) = message.key()? {
        match field {
            REPEATED => drop(message.bytes()?),
            SCHEMA_URL => url = message.bytes()?,
            _ if field == wanted => found = message.bytes()?,
            _ => message.skip_unknown(field, fields)?,
        }
    }
    Ok((found, url))
}

const FIELDS: u64 = known(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

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
        ..Row::default()
    };
    let (mut trace, mut id): (&[u8], &[u8]) = (&[], &[]);
    let mut parent: &[u8] = &[];
    let mut name: &[u8] = &[];
    let mut message: &[u8] = &[];
    let (mut in_columns, mut has_rest) = (true, false);
    while let Some(field) = span.key()? {
        const TRACE: u32 = key(1, LENGTH);
        const ID: u32 = key(2, LENGTH);
        const PARENT: u32 = key(4, LENGTH);
        const NAME: u32 = key(5, LENGTH);
        const KIND: u32 = key(6, VARINT);
        const START: u32 = key(7, FIXED64);
        const END: u32 = key(8, FIXED64);
        const ATTRIBUTE: u32 = key(9, LENGTH);
        const STATUS: u32 = key(15, LENGTH);
        const FLAGS: u32 = key(16, FIXED32);
        match field {
            ATTRIBUTE => {
                let attribute = span.message()?;
                in_columns = in_columns && add(attribute, builder)?;
            }
            TRACE => trace = span.bytes()?,
            ID => id = span.bytes()?,
            PARENT => parent = span.bytes()?,
            NAME => name = span.bytes()?,
            START => row.start = span.fixed64()?,
            END => row.end = span.fixed64()?,
            KIND => row.kind = u8::try_from(span.varint()?).ok().filter(|k| *k <= 5).unwrap_or(0),
            STATUS => (row.status, message) = status(span.message()?)?,
            FLAGS => row.flags = span.fixed32()?,
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
        _ => span.skip_unknown(field, FIELDS).map(|()| false),
    }
}

/// `Status`: 2 message, 3 code.
fn status(mut status: Reader<'_>) -> Result<(u8, &[u8]), ProtoError> {
    const MESSAGE: u32 = key(2, LENGTH);
    const CODE: u32 = key(3, VARINT);
    let (mut code, mut message): (u8, &[u8]) = (0, &[]);
    while let Some(field) = status.key()? {
        match field {
            CODE => {
                let known = u8::try_from(status.varint()?).ok().filter(|c| *c <= 2);
                code = known.unwrap_or(0);
            }
            MESSAGE => message = status.bytes()?,
            _ => status.skip_unknown(field, known(&[2, 3]))?,
        }
    }
    Ok((code, message))
}

/// `KeyValue`: 1 key, 2 `AnyValue`. `false`: it cannot have a column.
#[inline]
fn add(mut attribute: Reader<'_>, builder: &mut SpanBuilder) -> Result<bool, ProtoError> {
    const KEY: u32 = key(1, LENGTH);
    const VALUE: u32 = key(2, LENGTH);
    let mut name: &[u8] = &[];
    let mut value: Option<Reader<'_>> = None;
    while let Some(field) = attribute.key()? {
        match field {
            KEY => name = attribute.bytes()?,
            VALUE => value = Some(attribute.message()?),
            _ => attribute.skip_unknown(field, known(&[1, 2]))?,
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
    const TEXT: u32 = key(1, LENGTH);
    const BOOL: u32 = key(2, VARINT);
    const INT: u32 = key(3, VARINT);
    const DOUBLE: u32 = key(4, FIXED64);
    let mut inner = value;
    let Some(field) = inner.key()? else {
        return Ok(builder.number(name, CellKind::Empty, 0));
    };
    match field {
        TEXT => {
            let bytes = inner.bytes()?;
            if inner.is_empty() {
                return Ok(builder.text(name, CellKind::Text, bytes));
            }
        }
        BOOL => {
            let truth = inner.varint()?;
            if inner.is_empty() {
                return Ok(builder.number(name, CellKind::Bool, u64::from(truth != 0)));
            }
        }
        INT => {
            let number = inner.varint()?;
            if inner.is_empty() {
                return Ok(builder.number(name, CellKind::Int, number));
            }
        }
        DOUBLE => {
            let bits = inner.fixed64()?;
            if inner.is_empty() {
                return Ok(builder.number(name, CellKind::Double, bits));
            }
        }
        _ => {}
    }
    Ok(value_within(value, NESTING_MAX)? && builder.text(name, CellKind::Other, value.rest()))
}
