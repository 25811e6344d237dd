//! Fields of a span that have no column (events, links, trace state, what was dropped, unusual attributes), kept as OTLP
//! has them.

use crate::otlp::Reject;
use crate::otlp::proto::{LENGTH, ProtoError, Reader, VARINT, key};

/// Deepest nesting of a value: a span with a deeper one is refused.
pub(super) const NESTING_MAX: usize = 32;

const ATTRIBUTE: u32 = key(9, LENGTH);

/// Appends the fields; or says why the span is to be refused.
pub(super) fn collect(
    mut span: Reader<'_>,
    attributes: bool,
    out: &mut Vec<u8>,
) -> Result<Result<(), Reject>, ProtoError> {
    const TRACE_STATE: u32 = key(3, LENGTH);
    const EVENT: u32 = key(11, LENGTH);
    const LINK: u32 = key(13, LENGTH);
    loop {
        let before = span.rest();
        let Some(field) = span.key()? else {
            return Ok(Ok(()));
        };
        let keep = match field {
            TRACE_STATE => !span.bytes()?.is_empty(),
            // `Event`: 3 attributes. `Link`: 4 attributes.
            EVENT => {
                if !attributes_within(span.message()?, key(3, LENGTH))? {
                    return Ok(Err(Reject::Depth));
                }
                true
            }
            LINK => {
                let link = span.message()?;
                if !link_ids(link)? {
                    return Ok(Err(Reject::LinkId));
                }
                if !attributes_within(link, key(4, LENGTH))? {
                    return Ok(Err(Reject::Depth));
                }
                true
            }
            ATTRIBUTE => {
                let attribute = span.message()?;
                if attributes && !attribute_within(attribute, NESTING_MAX)? {
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
    const TRACE: u32 = key(1, LENGTH);
    const SPAN: u32 = key(2, LENGTH);
    let mut whole = true;
    while let Some(field) = link.key()? {
        match field {
            TRACE => whole &= matches!(link.bytes()?.len(), 0 | 16),
            SPAN => whole &= matches!(link.bytes()?.len(), 0 | 8),
            _ => link.skip(field)?,
        }
    }
    Ok(whole)
}

fn attributes_within(mut message: Reader<'_>, attribute: u32) -> Result<bool, ProtoError> {
    while let Some(field) = message.key()? {
        if field == attribute {
            if !attribute_within(message.message()?, NESTING_MAX)? {
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
    const VALUE: u32 = key(2, LENGTH);
    while let Some(field) = attribute.key()? {
        if field == VALUE {
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
    const ARRAY: u32 = key(5, LENGTH);
    const MAP: u32 = key(6, LENGTH);
    const ITEM: u32 = key(1, LENGTH);
    let Some(below) = levels.checked_sub(1) else {
        return Ok(false);
    };
    while let Some(field) = value.key()? {
        if field != ARRAY && field != MAP {
            value.skip(field)?;
            continue;
        }
        let mut items = value.message()?;
        while let Some(inner) = items.key()? {
            if inner != ITEM {
                items.skip(inner)?;
                continue;
            }
            let item = items.message()?;
            let within = if field == ARRAY {
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
