//! OTLP/JSON to protobuf.

use super::lexer::{JsonError, Lexer};
use crate::base64;
use crate::otlp::decode::DEPTH_MAX;
use crate::otlp::proto::Writer;
use crate::otlp::schema::{Field, Message, Shape, any_value};

/// Turns a message in JSON into protobuf. What it says of values (ids of wrong lengths, codes that are not known, bytes that
/// are not UTF-8) is left to the decoder of protobuf; what is not JSON, or of the wrong type, is an error.
///
/// A value nested deeper than [`DEPTH_MAX`] is written empty, which is enough for the decoder to reject its record.
pub fn json_to_protobuf(message: &'static Message, json: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut lexer = Lexer::new(json);
    let mut w = Writer::new();
    object(&mut lexer, message, &mut w, 0)?;
    lexer.end()?;
    Ok(w.into_bytes())
}

/// `depth` is how many values the message lies in, itself not counted.
fn object(
    lexer: &mut Lexer<'_>,
    message: &'static Message,
    w: &mut Writer,
    depth: usize,
) -> Result<(), JsonError> {
    lexer.expect(b'{', "expected an object")?;
    if lexer.takes(b'}') {
        return Ok(());
    }
    loop {
        let name = lexer.name()?;
        match message
            .fields
            .iter()
            .find(|field| field.json.as_bytes() == &*name)
        {
            None => lexer.skip()?,
            Some(_) if lexer.takes_word(b"null") => {}
            Some(field) => value(lexer, field, w, depth).map_err(|error| JsonError {
                field: error.field.or(Some((message.name, field.json))),
                ..error
            })?,
        }
        if !lexer.another(b'}')? {
            return Ok(());
        }
    }
}

fn value(
    lexer: &mut Lexer<'_>,
    field: &'static Field,
    w: &mut Writer,
    depth: usize,
) -> Result<(), JsonError> {
    match field.shape {
        Shape::Messages => {
            lexer.expect(b'[', "expected an array")?;
            if lexer.takes(b']') {
                return Ok(());
            }
            loop {
                inner(lexer, field, w, depth)?;
                if !lexer.another(b']')? {
                    return Ok(());
                }
            }
        }
        Shape::Message => inner(lexer, field, w, depth),
        _ => scalar(lexer, field, w),
    }
}

fn inner(
    lexer: &mut Lexer<'_>,
    field: &'static Field,
    w: &mut Writer,
    depth: usize,
) -> Result<(), JsonError> {
    let Some(message) = field.of else {
        return lexer.skip();
    };
    let is_value = std::ptr::eq(message, &raw const any_value::MESSAGE);
    let mut read = Ok(());
    w.message(field.key, |w| {
        read = if is_value && depth >= DEPTH_MAX {
            lexer.skip()
        } else {
            object(lexer, message, w, depth + usize::from(is_value))
        };
    });
    read
}

fn scalar(lexer: &mut Lexer<'_>, field: &'static Field, w: &mut Writer) -> Result<(), JsonError> {
    let key = field.key;
    match field.shape {
        Shape::Text => w.bytes_always(key, &lexer.string()?),
        Shape::Hex => {
            let bytes =
                hex(&lexer.string()?).ok_or_else(|| lexer.error("expected pairs of hexadecimal digits"))?;
            w.bytes_always(key, &bytes);
        }
        Shape::Base64 => {
            let bytes = base64::decode(&lexer.string()?).ok_or_else(|| lexer.error("expected base64"))?;
            w.bytes_always(key, &bytes);
        }
        Shape::Bool => {
            let truth = lexer.takes_word(b"true");
            if !truth && !lexer.takes_word(b"false") {
                return Err(lexer.error("expected true or false"));
            }
            w.varint_always(key, truth.into());
        }
        Shape::Int64 => {
            let number = integer(lexer, true, i64::MIN.into(), i64::MAX.into())?;
            w.varint_always(key, number as u64);
        }
        Shape::Uint32 => w.varint_always(key, integer(lexer, true, 0, u32::MAX.into())? as u64),
        Shape::Enum => {
            let number = integer(lexer, false, i32::MIN.into(), i32::MAX.into())?;
            w.varint_always(key, number as u64);
        }
        Shape::Fixed64 => w.fixed64_always(key, integer(lexer, true, 0, u64::MAX.into())? as u64),
        Shape::Fixed32 => w.fixed32_always(key, integer(lexer, true, 0, u32::MAX.into())? as u32),
        Shape::Double => w.fixed64_always(key, double(lexer)?.to_bits()),
        Shape::Message | Shape::Messages => {}
    }
    Ok(())
}

fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16);
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8));
    bytes.collect()
}

/// A number in a string, or bare.
fn number_text<'a>(lexer: &mut Lexer<'a>, strings: bool) -> Result<std::borrow::Cow<'a, str>, JsonError> {
    if strings && lexer.peek() == Some(b'"') {
        let text = lexer.string()?;
        return Ok(String::from_utf8_lossy(&text).into_owned().into());
    }
    lexer.number().map(Into::into)
}

fn integer(lexer: &mut Lexer<'_>, strings: bool, min: i128, max: i128) -> Result<i128, JsonError> {
    let text = number_text(lexer, strings)?;
    let whole = || {
        // 1e3 and 1.0 are integers in protobuf's JSON mapping.
        let number: f64 = text.parse().ok()?;
        (number.fract() == 0.0 && number.abs() < 1e20 && text.contains(['e', 'E', '.']))
            .then_some(number as i128)
    };
    let number = text.parse::<i128>().ok().or_else(whole);
    let number = number.ok_or_else(|| lexer.error("expected an integer"))?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(lexer.error("integer out of range"))
    }
}

fn double(lexer: &mut Lexer<'_>) -> Result<f64, JsonError> {
    match &*number_text(lexer, true)? {
        "NaN" => Ok(f64::NAN),
        "Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        text if text.ends_with(|last: char| last.is_ascii_digit() || last == '.') => {
            text.parse().map_err(|_| lexer.error("expected a number"))
        }
        _ => Err(lexer.error("expected a number")),
    }
}
