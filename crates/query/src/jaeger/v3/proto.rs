//! Messages of `jaeger.api_v3.QueryService`. Fields that are not read here are skipped.

use wire::otlp::proto::{FIXED64, LENGTH, ProtoError, Reader, VARINT, Writer, key};

use super::call::{Asked, Call};
use super::summary::{DependencyView, Operation, Summary};
use crate::tempo::TempoError;

const SECOND_NS: u64 = 1_000_000_000;

/// The key of a text, bytes or message.
const fn of(number: u32) -> u32 {
    key(number, LENGTH)
}
/// The key of a whole number.
const fn number(number: u32) -> u32 {
    key(number, VARINT)
}

/// The question of a call; `None` if there is no such method.
pub fn decode(method: &str, message: &[u8]) -> Option<Result<Call, TempoError>> {
    let decode = match method {
        "GetServices" => |_: &[u8]| Ok(Ok(Call::Services)),
        "GetOperations" => operations,
        "GetTrace" => trace,
        "FindTraces" => |bytes: &[u8]| {
            Ok(search(bytes)?
                .check()
                .map(|(find, range)| Call::Find(find, range)))
        },
        "FindTraceSummaries" => |bytes: &[u8]| {
            Ok(search(bytes)?
                .check()
                .map(|(find, range)| Call::Summaries(find, range)))
        },
        "GetDependencies" => dependencies,
        _ => return None,
    };
    let broken = |error: ProtoError| TempoError::Parameter {
        name: "message",
        why: error.to_string(),
    };
    Some(decode(message).map_err(broken).and_then(|call| call))
}

type Decoded = Result<Result<Call, TempoError>, ProtoError>;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `google.protobuf.Timestamp` and `Duration`, nanoseconds; what is before 1970 or negative is 0.
fn nanoseconds(mut message: Reader<'_>) -> Result<u64, ProtoError> {
    let (mut seconds, mut nanos) = (0_u64, 0_u64);
    while let Some(found) = message.key()? {
        match found {
            _ if found == number(1) => seconds = message.varint()?,
            _ if found == number(2) => nanos = message.varint()?,
            other => message.skip(other)?,
        }
    }
    let seconds = u64::try_from(seconds as i64).unwrap_or_default();
    Ok(seconds
        .saturating_mul(SECOND_NS)
        .saturating_add(nanos.min(SECOND_NS - 1)))
}

fn operations(bytes: &[u8]) -> Decoded {
    let (mut reader, mut service, mut kind) = (Reader::new(bytes), String::new(), String::new());
    while let Some(found) = reader.key()? {
        match found {
            _ if found == of(1) => service = text(reader.bytes()?),
            _ if found == of(2) => kind = text(reader.bytes()?),
            other => reader.skip(other)?,
        }
    }
    Ok(Call::operations(&service, &kind))
}

fn trace(bytes: &[u8]) -> Decoded {
    let (mut reader, mut id) = (Reader::new(bytes), String::new());
    while let Some(found) = reader.key()? {
        match found {
            _ if found == of(1) => id = text(reader.bytes()?),
            other => reader.skip(other)?,
        }
    }
    Ok(Call::trace(&id))
}

fn dependencies(bytes: &[u8]) -> Decoded {
    let (mut reader, mut start, mut end) = (Reader::new(bytes), None, None);
    while let Some(found) = reader.key()? {
        match found {
            _ if found == of(1) => start = Some(nanoseconds(reader.message()?)?),
            _ if found == of(2) => end = Some(nanoseconds(reader.message()?)?),
            other => reader.skip(other)?,
        }
    }
    Ok(Call::dependencies(start, end))
}

/// `FindTracesRequest` and `FindTraceSummariesRequest`: the query is their field 1.
fn search(bytes: &[u8]) -> Result<Asked, ProtoError> {
    let (mut reader, mut asked) = (Reader::new(bytes), Asked::default());
    while let Some(found) = reader.key()? {
        if found == of(1) {
            query(reader.message()?, &mut asked)?;
        } else {
            reader.skip(found)?;
        }
    }
    Ok(asked)
}

/// `TraceQueryParameters`.
fn query(mut reader: Reader<'_>, asked: &mut Asked) -> Result<(), ProtoError> {
    while let Some(found) = reader.key()? {
        match found {
            _ if found == of(1) => asked.service = text(reader.bytes()?),
            _ if found == of(2) => asked.operation = text(reader.bytes()?),
            _ if found == of(3) => {
                let (key, value) = entry(reader.message()?)?;
                asked.attributes.insert(key, value);
            }
            _ if found == of(4) => asked.start_ns = Some(nanoseconds(reader.message()?)?),
            _ if found == of(5) => asked.end_ns = Some(nanoseconds(reader.message()?)?),
            _ if found == of(6) => asked.duration_min = Some(nanoseconds(reader.message()?)?),
            _ if found == of(7) => asked.duration_max = Some(nanoseconds(reader.message()?)?),
            // An `int32`; what is not positive is the default, as in Jaeger.
            _ if found == number(8) => asked.depth = u64::try_from(reader.varint()? as i64).ok(),
            _ if found == of(10) => {
                asked.filter = true;
                reader.skip(found)?;
            }
            other => reader.skip(other)?,
        }
    }
    Ok(())
}

fn entry(mut reader: Reader<'_>) -> Result<(String, String), ProtoError> {
    let (mut name, mut value) = (String::new(), String::new());
    while let Some(found) = reader.key()? {
        match found {
            _ if found == of(1) => name = text(reader.bytes()?),
            _ if found == of(2) => value = text(reader.bytes()?),
            other => reader.skip(other)?,
        }
    }
    Ok((name, value))
}

/// `GetServicesResponse`.
pub fn encode_services(services: &[String]) -> Vec<u8> {
    let mut w = Writer::new();
    for service in services {
        w.bytes_always(of(1), service.as_bytes());
    }
    w.into_bytes()
}

/// `GetOperationsResponse`.
pub fn encode_operations(operations: &[Operation]) -> Vec<u8> {
    let mut w = Writer::new();
    for operation in operations {
        w.message(of(1), |w| {
            w.bytes(of(1), operation.name.as_bytes());
            w.bytes(of(2), operation.span_kind.as_bytes());
        });
    }
    w.into_bytes()
}

/// `DependenciesResponse`.
pub fn encode_dependencies(dependencies: &[DependencyView]) -> Vec<u8> {
    let mut w = Writer::new();
    for edge in dependencies {
        w.message(of(1), |w| {
            w.bytes(of(1), edge.parent.as_bytes());
            w.bytes(of(2), edge.child.as_bytes());
            w.varint(number(3), edge.call_count);
        });
    }
    w.into_bytes()
}

/// `FindTraceSummariesResponse`.
pub fn encode_summaries(summaries: &[Summary]) -> Vec<u8> {
    let mut w = Writer::new();
    for summary in summaries {
        w.message(of(1), |w| {
            w.bytes(of(1), summary.trace_id.as_bytes());
            w.bytes(of(2), summary.root_service_name.as_bytes());
            w.bytes(of(3), summary.root_operation_name.as_bytes());
            w.fixed64(key(4, FIXED64), summary.min_start_time_unix_nano);
            w.fixed64(key(5, FIXED64), summary.max_end_time_unix_nano);
            w.varint(number(6), summary.span_count.into());
            w.varint(number(7), summary.error_span_count.into());
            w.varint(number(8), summary.orphan_span_count.into());
            for service in &summary.services {
                w.message(of(9), |w| {
                    w.bytes(of(1), service.name.as_bytes());
                    w.varint(number(2), service.span_count.into());
                    w.varint(number(3), service.error_span_count.into());
                });
            }
        });
    }
    w.into_bytes()
}
