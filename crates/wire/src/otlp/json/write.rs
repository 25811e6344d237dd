//! Protobuf to OTLP/JSON.

use std::fmt::Write as _;

use event::{LogRecord, Span};

use crate::base64;
use crate::otlp::decode::DEPTH_MAX;
use crate::otlp::proto::{ProtoError, Reader};
use crate::otlp::schema::{Field, Message, Shape, any_value, logs, traces};
use crate::otlp::{encode_logs, encode_traces};

/// `TracesData` in JSON.
pub fn traces_json<'a>(spans: impl IntoIterator<Item = &'a Span>) -> String {
    // What we encoded ourselves is protobuf.
    protobuf_to_json(&traces::MESSAGE, &encode_traces(spans)).unwrap_or_default()
}

/// `LogsData` in JSON.
pub fn logs_json<'a>(records: impl IntoIterator<Item = &'a LogRecord>) -> String {
    protobuf_to_json(&logs::MESSAGE, &encode_logs(records)).unwrap_or_default()
}

/// Turns a protobuf message into JSON, field by field in the order of the table. Unknown fields are left out; of a single
/// field that comes twice the last one is shown.
pub fn protobuf_to_json(message: &'static Message, protobuf: &[u8]) -> Result<String, ProtoError> {
    let mut out = String::with_capacity(protobuf.len() * 2);
    object(&mut out, message, Reader::new(protobuf), 0)?;
    Ok(out)
}

fn object(
    out: &mut String,
    message: &'static Message,
    reader: Reader<'_>,
    depth: usize,
) -> Result<(), ProtoError> {
    let mut present = 0u64;
    let mut look = reader;
    while let Some(key) = look.key()? {
        present |= 1u64.checked_shl(key >> 3).unwrap_or(0);
        look.skip(key)?;
    }
    let mut comma = '{';
    for field in message.fields {
        if present >> (field.key >> 3) & 1 == 1 && write_field(out, comma, field, reader, depth)? {
            comma = ',';
        }
    }
    out.push_str(if comma == '{' { "{}" } else { "}" });
    Ok(())
}

/// Writes what `reader` has of a field; false if that is nothing, because the wire type was another one.
fn write_field(
    out: &mut String,
    comma: char,
    field: &'static Field,
    mut reader: Reader<'_>,
    depth: usize,
) -> Result<bool, ProtoError> {
    let mut last = None;
    let mut items = 0;
    let repeated = field.shape == Shape::Messages;
    while let Some(key) = reader.key()? {
        if key == field.key {
            last = Some(reader);
            if repeated {
                name(
                    out,
                    if items == 0 { comma } else { ',' },
                    (items == 0).then_some(field),
                );
                message(out, field, reader.message()?, depth)?;
                items += 1;
                continue;
            }
        }
        reader.skip(key)?;
    }
    if repeated && items > 0 {
        out.push(']');
    } else if let Some(at) = last {
        name(out, comma, Some(field));
        value(out, field, at, depth)?;
    }
    Ok(last.is_some())
}

/// What precedes a value: the comma, and the field's name unless it is a later item of an array.
fn name(out: &mut String, comma: char, field: Option<&'static Field>) {
    out.push(comma);
    if let Some(field) = field {
        let open = if field.shape == Shape::Messages { "[" } else { "" };
        let _ = write!(out, "\"{}\":{open}", field.json);
    }
}

fn message(
    out: &mut String,
    field: &'static Field,
    inner: Reader<'_>,
    depth: usize,
) -> Result<(), ProtoError> {
    let is_value = field
        .of
        .is_some_and(|message| std::ptr::eq(message, &raw const any_value::MESSAGE));
    match field.of {
        Some(message) if !is_value || depth < DEPTH_MAX => {
            object(out, message, inner, depth + usize::from(is_value))?;
        }
        _ => out.push_str("{}"),
    }
    Ok(())
}

fn value(
    out: &mut String,
    field: &'static Field,
    mut at: Reader<'_>,
    depth: usize,
) -> Result<(), ProtoError> {
    match field.shape {
        Shape::Text => write_text(out, at.bytes()?),
        Shape::Hex => {
            out.push('"');
            for byte in at.bytes()? {
                let _ = write!(out, "{byte:02x}");
            }
            out.push('"');
        }
        Shape::Base64 => {
            out.push('"');
            base64::encode(at.bytes()?, out);
            out.push('"');
        }
        Shape::Bool => out.push_str(if at.varint()? == 0 { "false" } else { "true" }),
        Shape::Int64 => drop(write!(out, "\"{}\"", at.varint()? as i64)),
        Shape::Uint32 => drop(write!(out, "{}", at.varint()? as u32)),
        Shape::Enum => drop(write!(out, "{}", at.varint()? as i32)),
        Shape::Fixed64 => drop(write!(out, "\"{}\"", at.fixed64()?)),
        Shape::Fixed32 => drop(write!(out, "{}", at.fixed32()?)),
        Shape::Double => double(out, f64::from_bits(at.fixed64()?)),
        Shape::Message | Shape::Messages => message(out, field, at.message()?, depth)?,
    }
    Ok(())
}

fn double(out: &mut String, number: f64) {
    let _ = match number {
        n if n.is_nan() => write!(out, "\"NaN\""),
        f64::INFINITY => write!(out, "\"Infinity\""),
        f64::NEG_INFINITY => write!(out, "\"-Infinity\""),
        n if n == 0.0 || (1e-5..1e16).contains(&n.abs()) => write!(out, "{n}"),
        n => write!(out, "{n:e}"),
    };
}

/// Writes a JSON string; what is not UTF-8 is shown as U+FFFD.
pub(in crate::otlp) fn write_text(out: &mut String, text: &[u8]) {
    out.push('"');
    for c in String::from_utf8_lossy(text).chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..' ' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
