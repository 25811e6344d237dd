//! Attributes and their values: `KeyValue`, `AnyValue`.

use event::{KeyValue, Value};

use super::decode::{ATTRIBUTES_MAX, DEPTH_MAX, OtlpError, State};
use super::proto::Reader;
use super::schema::{any_value, array, key_value, map};

/// Reads one attribute onto the end of a list. Beyond [`ATTRIBUTES_MAX`] it is counted in `beyond` instead.
pub(super) fn attribute(
    reader: Reader<'_>,
    state: &mut State,
    into: &mut Vec<KeyValue>,
    beyond: &mut u32,
) -> Result<(), OtlpError> {
    if into.len() >= ATTRIBUTES_MAX {
        // Read nevertheless: whether a request is valid does not depend on limits.
        pair(reader, state, 0)?;
        state.notes.dropped_attributes += 1;
        *beyond = beyond.saturating_add(1);
        return Ok(());
    }
    let read = pair(reader, state, 0)?;
    state.charge::<KeyValue>()?;
    into.push(read);
    Ok(())
}

fn pair(mut reader: Reader<'_>, state: &mut State, depth: usize) -> Result<KeyValue, OtlpError> {
    let mut read = KeyValue::default();
    while let Some(key) = reader.key()? {
        match key {
            key_value::KEY => read.key = state.text(reader.bytes()?),
            key_value::VALUE => read.value = value(reader.message()?, state, depth)?,
            other => reader.skip_unknown(other, key_value::KNOWN)?,
        }
    }
    Ok(read)
}

/// Reads a value that lies in `depth` others. One that lies too deep is not read, and leaves a mark in `state`.
pub(super) fn value(mut reader: Reader<'_>, state: &mut State, depth: usize) -> Result<Value, OtlpError> {
    let mut read = Value::Empty;
    if depth >= DEPTH_MAX {
        state.too_deep = true;
        return Ok(read);
    }
    while let Some(key) = reader.key()? {
        read = match key {
            any_value::STRING => Value::String(state.text(reader.bytes()?)),
            any_value::BOOL => Value::Bool(reader.varint()? != 0),
            any_value::INT => Value::Int(reader.varint()? as i64),
            any_value::DOUBLE => Value::Double(f64::from_bits(reader.fixed64()?)),
            any_value::ARRAY => Value::Array(values(reader.message()?, state, depth + 1)?),
            any_value::MAP => Value::Map(pairs(reader.message()?, state, depth + 1)?),
            any_value::BYTES => Value::Bytes(reader.bytes()?.to_vec()),
            other => {
                reader.skip_unknown(other, any_value::KNOWN)?;
                continue;
            }
        };
    }
    Ok(read)
}

fn values(mut reader: Reader<'_>, state: &mut State, depth: usize) -> Result<Vec<Value>, OtlpError> {
    let mut read = Vec::new();
    while let Some(key) = reader.key()? {
        match key {
            array::VALUES => {
                state.charge::<Value>()?;
                read.push(value(reader.message()?, state, depth)?);
            }
            other => reader.skip_unknown(other, array::KNOWN)?,
        }
    }
    Ok(read)
}

fn pairs(mut reader: Reader<'_>, state: &mut State, depth: usize) -> Result<Vec<KeyValue>, OtlpError> {
    let mut read = Vec::new();
    while let Some(key) = reader.key()? {
        match key {
            map::VALUES => {
                state.charge::<KeyValue>()?;
                read.push(pair(reader.message()?, state, depth)?);
            }
            other => reader.skip_unknown(other, map::KNOWN)?,
        }
    }
    Ok(read)
}
