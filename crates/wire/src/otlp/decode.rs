//! Protobuf to the model: `ExportTraceServiceRequest` (the same bytes as `TracesData`) and `ExportLogsServiceRequest`.
//!
//! A request that is not protobuf is refused whole. A record that breaks OTLP's rules ([`Reject`]) is rejected and counted, the
//! rest is accepted. Text that is not UTF-8 is repaired and counted: the Collector passes it on unchecked, so refusing it would
//! lose data that arrived until now. Fields come in any order; of a field that comes twice the last one holds, messages merge.

use std::mem::size_of;
use std::sync::Arc;

use event::{LogRecord, Resource, Scope, Span};

use super::notes::{Notes, Reject};
use super::proto::{ProtoError, Reader};
use super::record::{log_record, span};
use super::schema::{resource, resource_spans, scope, scope_spans, traces};
use super::value::attribute;

/// Values in one another, an attribute's own value counted as 1.
pub const DEPTH_MAX: usize = 32;
/// Attributes that are kept of one list.
pub const ATTRIBUTES_MAX: usize = 10_000;
/// Bytes of memory that a decoded request may take, strings not counted: they are no longer than the request.
pub const DECODED_BYTES_MAX: usize = 256 << 20;

/// Why a request is refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OtlpError {
    /// It is not protobuf, or not of this message.
    #[error(transparent)]
    Proto(#[from] ProtoError),
    /// It holds more, and smaller, things than can be held at once.
    #[error("request takes more than {max} bytes of memory when it is decoded")]
    TooLarge {
        /// The limit in bytes.
        max: usize,
    },
}

/// What a request held.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded<T> {
    /// What was accepted, in order.
    pub records: Vec<T>,
    /// What was not, and what was repaired.
    pub notes: Notes,
}

/// Reads an `ExportTraceServiceRequest`.
pub fn decode_traces(request: &[u8]) -> Result<Decoded<Span>, OtlpError> {
    decode(request, span)
}

/// Reads an `ExportLogsServiceRequest`.
pub fn decode_logs(request: &[u8]) -> Result<Decoded<LogRecord>, OtlpError> {
    decode(request, log_record)
}

/// What the decoding of a request has come to.
#[derive(Debug)]
pub(super) struct State {
    pub(super) notes: Notes,
    /// Was a value too deep since this was last reset?
    pub(super) too_deep: bool,
    bytes: usize,
    bytes_max: usize,
}

impl State {
    /// Of one piece.
    pub(super) fn new() -> Self {
        Self {
            notes: Notes::default(),
            too_deep: false,
            bytes: 0,
            bytes_max: DECODED_BYTES_MAX,
        }
    }

    /// Accounts for a `T` that will live.
    #[inline]
    pub(super) fn charge<T>(&mut self) -> Result<(), OtlpError> {
        self.bytes += size_of::<T>();
        if self.bytes > self.bytes_max {
            return Err(OtlpError::TooLarge { max: self.bytes_max });
        }
        Ok(())
    }

    /// Text of a field; repaired if need be.
    pub(super) fn text(&mut self, bytes: &[u8]) -> String {
        if let Ok(text) = std::str::from_utf8(bytes) {
            return text.to_owned();
        }
        self.notes.repaired_strings += 1;
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// Reads one record; the reason if it is rejected.
type ReadRecord<T> =
    fn(Reader<'_>, &mut State, &Arc<Resource>, &Arc<Scope>) -> Result<Result<T, Reject>, OtlpError>;

/// Traces and logs differ in their records only: all field numbers above them are the same.
fn decode<T>(request: &[u8], read: ReadRecord<T>) -> Result<Decoded<T>, OtlpError> {
    decode_within(request, read, DECODED_BYTES_MAX)
}

pub(super) fn decode_within<T>(
    request: &[u8],
    read: ReadRecord<T>,
    bytes_max: usize,
) -> Result<Decoded<T>, OtlpError> {
    let mut state = State {
        notes: Notes::default(),
        too_deep: false,
        bytes: 0,
        bytes_max,
    };
    let mut records = Vec::new();
    let mut reader = Reader::new(request);
    while let Some(key) = reader.key()? {
        match key {
            traces::RESOURCE_SPANS => of_resource(reader.message()?, &mut state, read, &mut records)?,
            other => reader.skip_unknown(other, traces::KNOWN)?,
        }
    }
    Ok(Decoded {
        records,
        notes: state.notes,
    })
}

fn of_resource<T>(
    mut reader: Reader<'_>,
    state: &mut State,
    read: ReadRecord<T>,
    records: &mut Vec<T>,
) -> Result<(), OtlpError> {
    // The resource may come after its spans: two passes, of which each skips what the other reads.
    let mut again = reader;
    let mut found = Resource::default();
    state.too_deep = false;
    while let Some(key) = reader.key()? {
        match key {
            resource_spans::RESOURCE => read_resource(reader.message()?, state, &mut found)?,
            resource_spans::SCHEMA_URL => found.schema_url = state.text(reader.bytes()?),
            resource_spans::SCOPE_SPANS => reader.skip(key)?,
            other => reader.skip_unknown(other, resource_spans::KNOWN)?,
        }
    }
    let too_deep = state.too_deep;
    state.charge::<Resource>()?;
    let found = Arc::new(found);
    while let Some(key) = again.key()? {
        if key == resource_spans::SCOPE_SPANS {
            of_scope(again.message()?, state, too_deep, &found, read, records)?;
        } else {
            again.skip(key)?;
        }
    }
    Ok(())
}

fn of_scope<T>(
    mut reader: Reader<'_>,
    state: &mut State,
    mut too_deep: bool,
    resource: &Arc<Resource>,
    read: ReadRecord<T>,
    records: &mut Vec<T>,
) -> Result<(), OtlpError> {
    let mut again = reader;
    let mut found = Scope::default();
    state.too_deep = false;
    while let Some(key) = reader.key()? {
        match key {
            scope_spans::SCOPE => read_scope(reader.message()?, state, &mut found)?,
            scope_spans::SCHEMA_URL => found.schema_url = state.text(reader.bytes()?),
            scope_spans::SPANS => reader.skip(key)?,
            other => reader.skip_unknown(other, scope_spans::KNOWN)?,
        }
    }
    too_deep |= state.too_deep;
    state.charge::<Scope>()?;
    let found = Arc::new(found);
    while let Some(key) = again.key()? {
        if key != scope_spans::SPANS {
            again.skip(key)?;
            continue;
        }
        state.too_deep = too_deep;
        match read(again.message()?, state, resource, &found)? {
            Ok(record) => {
                state.charge::<T>()?;
                records.push(record);
            }
            Err(reason) => state.notes.reject(reason),
        }
    }
    Ok(())
}

pub(super) fn read_resource(
    mut reader: Reader<'_>,
    state: &mut State,
    into: &mut Resource,
) -> Result<(), OtlpError> {
    let mut beyond = 0;
    while let Some(key) = reader.key()? {
        match key {
            resource::ATTRIBUTES => attribute(reader.message()?, state, &mut into.attributes, &mut beyond)?,
            resource::DROPPED_ATTRIBUTES => into.dropped_attributes = reader.varint()? as u32,
            other => reader.skip_unknown(other, resource::KNOWN)?,
        }
    }
    into.dropped_attributes = into.dropped_attributes.saturating_add(beyond);
    Ok(())
}

pub(super) fn read_scope(
    mut reader: Reader<'_>,
    state: &mut State,
    into: &mut Scope,
) -> Result<(), OtlpError> {
    let mut beyond = 0;
    while let Some(key) = reader.key()? {
        match key {
            scope::NAME => into.name = state.text(reader.bytes()?),
            scope::VERSION => into.version = state.text(reader.bytes()?),
            scope::ATTRIBUTES => attribute(reader.message()?, state, &mut into.attributes, &mut beyond)?,
            scope::DROPPED_ATTRIBUTES => into.dropped_attributes = reader.varint()? as u32,
            other => reader.skip_unknown(other, scope::KNOWN)?,
        }
    }
    into.dropped_attributes = into.dropped_attributes.saturating_add(beyond);
    Ok(())
}
