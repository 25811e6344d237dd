//! Texts, lists of ids and attribute values.

use event::{KeyValue, Shard, TraceId, Value};
use wire::bytes::{Put, Reader, unzigzag, zigzag};

use super::{Malformed, at_most};

/// Values in one another; what lies deeper was let in by nobody (`wire::otlp::DEPTH_MAX`).
const DEPTH_MAX: usize = 32;

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

pub(super) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_varint(bytes.len() as u64);
    out.put(bytes);
}

pub(super) fn text(r: &mut Reader<'_>) -> Result<String, Malformed> {
    let at = r.position();
    let text = std::str::from_utf8(bytes(r)?);
    Ok(text.map_err(|_| wire::bytes::ReadError::Utf8 { at })?.to_owned())
}

pub(super) fn bytes<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
    Ok(r.bytes(length)?)
}

/// A count of things of which each takes `each` bytes at least.
pub(super) fn count(r: &mut Reader<'_>, each: usize) -> Result<usize, Malformed> {
    let n = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
    Ok(r.count(n, each)?)
}

pub(super) fn truth(r: &mut Reader<'_>) -> Result<bool, Malformed> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Malformed::Unknown("truth", other.into())),
    }
}

pub(super) fn put_traces(out: &mut Vec<u8>, traces: &[TraceId]) {
    out.put_varint(traces.len() as u64);
    for trace in traces {
        out.put_u128(trace.0);
    }
}

pub(super) fn traces(r: &mut Reader<'_>, max: usize) -> Result<Vec<TraceId>, Malformed> {
    let n = count(r, 16)?;
    at_most("traces", n, max)?;
    (0..n).map(|_| Ok(TraceId(r.u128()?))).collect()
}

/// Shards, ascending, as distances.
pub(super) fn put_shards(out: &mut Vec<u8>, shards: &[Shard]) {
    out.put_varint(shards.len() as u64);
    let mut next = 0u16;
    for shard in shards {
        out.put_varint(shard.0.wrapping_sub(next).into());
        next = shard.0.wrapping_add(1);
    }
}

pub(super) fn shards(r: &mut Reader<'_>) -> Result<Vec<Shard>, Malformed> {
    let n = count(r, 1)?;
    let mut shards = Vec::with_capacity(n.min(1 << 16));
    let mut next = 0u64;
    for _ in 0..n {
        let shard = next.saturating_add(r.varint()?);
        let known = u16::try_from(shard).map_err(|_| Malformed::Unknown("shard", shard))?;
        shards.push(Shard(known));
        next = shard + 1;
    }
    Ok(shards)
}

pub(super) fn put_value(out: &mut Vec<u8>, value: &Value, depth: usize) {
    match value {
        Value::Empty => out.put_u8(0),
        Value::String(text) => {
            out.put_u8(1);
            put_text(out, text);
        }
        Value::Bool(truth) => {
            out.put_u8(2);
            out.put_u8((*truth).into());
        }
        Value::Int(number) => {
            out.put_u8(3);
            out.put_varint(zigzag(*number));
        }
        Value::Double(number) => {
            out.put_u8(4);
            out.put_u64(number.to_bits());
        }
        Value::Bytes(bytes) => {
            out.put_u8(5);
            put_bytes(out, bytes);
        }
        Value::Array(_) | Value::Map(_) if depth >= DEPTH_MAX => out.put_u8(0),
        Value::Array(values) => {
            out.put_u8(6);
            out.put_varint(values.len() as u64);
            for value in values {
                put_value(out, value, depth + 1);
            }
        }
        Value::Map(pairs) => {
            out.put_u8(7);
            out.put_varint(pairs.len() as u64);
            for KeyValue { key, value } in pairs {
                put_text(out, key);
                put_value(out, value, depth + 1);
            }
        }
    }
}

pub(super) fn value(r: &mut Reader<'_>, depth: usize) -> Result<Value, Malformed> {
    at_most("values in one another", depth, DEPTH_MAX)?;
    Ok(match r.u8()? {
        0 => Value::Empty,
        1 => Value::String(text(r)?),
        2 => Value::Bool(truth(r)?),
        3 => Value::Int(unzigzag(r.varint()?)),
        4 => Value::Double(f64::from_bits(r.u64()?)),
        5 => Value::Bytes(bytes(r)?.to_vec()),
        6 => {
            let n = count(r, 1)?;
            let mut values = Vec::new();
            for _ in 0..n {
                values.push(value(r, depth + 1)?);
            }
            Value::Array(values)
        }
        7 => {
            let n = count(r, 2)?;
            let mut pairs = Vec::new();
            for _ in 0..n {
                let key = text(r)?;
                let value = value(r, depth + 1)?;
                pairs.push(KeyValue { key, value });
            }
            Value::Map(pairs)
        }
        other => return Err(Malformed::Unknown("type of value", other.into())),
    })
}
