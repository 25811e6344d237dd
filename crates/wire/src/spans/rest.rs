//! Fields of a span that have no column (events, links, trace state, what was dropped, unusual attributes), kept as OTLP
//! has them.

use crate::otlp::proto::{ProtoError, Reader, VARINT};
use crate::otlp::schema::{any_value, array, event, key_value, link as link_field, span as span_field};
use crate::otlp::{DEPTH_MAX, Reject};

/// Appends the fields; or says why the span is to be refused.
pub(super) fn collect(
    mut span: Reader<'_>,
    attributes: bool,
    out: &mut Vec<u8>,
) -> Result<Result<(), Reject>, ProtoError> {
    loop {
        let before = span.rest();
        let Some(field) = span.key()? else {
            return Ok(Ok(()));
        };
        let keep = match field {
            span_field::TRACE_STATE => !span.bytes()?.is_empty(),
            span_field::EVENTS => {
                if !attributes_within(span.message()?, event::ATTRIBUTES)? {
                    return Ok(Err(Reject::Depth));
                }
                true
            }
            span_field::LINKS => {
                let link = span.message()?;
                if !link_ids(link)? {
                    return Ok(Err(Reject::LinkId));
                }
                if !attributes_within(link, link_field::ATTRIBUTES)? {
                    return Ok(Err(Reject::Depth));
                }
                true
            }
            span_field::ATTRIBUTES => {
                let attribute = span.message()?;
                if attributes && !attribute_within(attribute, DEPTH_MAX)? {
                    return Ok(Err(Reject::Depth));
                }
                attributes
            }
            _ if matches!(field >> 3, 10 | 12 | 14) && field & 7 == VARINT => span.varint()? != 0,
            _ => {
                span.skip(field)?;
                false
            }
        };
        if keep {
            let taken = before.len() - span.rest().len();
            out.extend_from_slice(before.get(..taken).unwrap_or_default());
        }
    }
}

/// `Link`: 1 trace, 2 span; each whole or absent.
fn link_ids(mut link: Reader<'_>) -> Result<bool, ProtoError> {
    let mut whole = true;
    while let Some(field) = link.key()? {
        match field {
            link_field::TRACE_ID => whole &= matches!(link.bytes()?.len(), 0 | 16),
            link_field::SPAN_ID => whole &= matches!(link.bytes()?.len(), 0 | 8),
            _ => link.skip(field)?,
        }
    }
    Ok(whole)
}

fn attributes_within(mut message: Reader<'_>, attribute: u32) -> Result<bool, ProtoError> {
    while let Some(field) = message.key()? {
        if field == attribute {
            if !attribute_within(message.message()?, DEPTH_MAX)? {
                return Ok(false);
            }
        } else {
            message.skip(field)?;
        }
    }
    Ok(true)
}

/// `KeyValue`: 2 value.
fn attribute_within(mut attribute: Reader<'_>, levels: usize) -> Result<bool, ProtoError> {
    while let Some(field) = attribute.key()? {
        if field == key_value::VALUE {
            if !value_within(attribute.message()?, levels)? {
                return Ok(false);
            }
        } else {
            attribute.skip(field)?;
        }
    }
    Ok(true)
}

/// Is an `AnyValue` well formed and nested at most `levels` deep? Recurses no deeper.
pub(super) fn value_within(mut value: Reader<'_>, levels: usize) -> Result<bool, ProtoError> {
    let Some(below) = levels.checked_sub(1) else {
        return Ok(false);
    };
    while let Some(field) = value.key()? {
        if field != any_value::ARRAY && field != any_value::MAP {
            value.skip(field)?;
            continue;
        }
        let mut items = value.message()?;
        while let Some(inner) = items.key()? {
            if inner != array::VALUES {
                items.skip(inner)?;
                continue;
            }
            let item = items.message()?;
            let within = if field == any_value::ARRAY {
                value_within(item, below)?
            } else {
                attribute_within(item, below)?
            };
            if !within {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
