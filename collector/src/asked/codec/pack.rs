//! A message of an answer: what it is, and its body, compressed if that is worth it.

use std::borrow::Cow;

use wire::bytes::{Put, Reader};

use super::{Malformed, at_most};

/// Parts are cut at about this length, in bytes, before they are compressed.
pub(super) const PART_BYTES: usize = 256 << 10;
/// Longest message of an answer, in bytes: a part with one span of the greatest length, its resource and library, fits.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// Longest body, decompressed.
const BODY_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 16;
/// Shorter bodies are sent as they are.
const PLAIN_BYTES: usize = 1 << 10;
const LEVEL: i32 = 1;
/// Greatest window of the decompression, as a power of two: no body is longer.
const WINDOW_LOG_MAX: u32 = 24;

const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// The message of a body; none if it is longer than a message may be.
pub(super) fn pack(what: u8, body: &[u8]) -> Option<Vec<u8>> {
    if body.len() > BODY_BYTES_MAX {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() / 2 + 16);
    out.put_u8(what);
    if body.len() >= PLAIN_BYTES
        && let Ok(packed) = zstd::bulk::compress(body, LEVEL)
        && packed.len() < body.len()
    {
        out.put_u8(ZSTD);
        out.put_u32(body.len() as u32);
        out.put(&packed);
    } else {
        out.put_u8(PLAIN);
        out.put(body);
    }
    Some(out)
}

/// What a message is, and its body.
pub(super) fn unpack(message: &[u8]) -> Result<(u8, Cow<'_, [u8]>), Malformed> {
    let mut r = Reader::new(message);
    let what = r.u8()?;
    match r.u8()? {
        PLAIN => Ok((what, Cow::Borrowed(r.rest()))),
        ZSTD => {
            let length = r.u32()? as usize;
            at_most("bytes of a part", length, BODY_BYTES_MAX)?;
            // Grows with what is there, not with what was announced.
            let mut body = Vec::new();
            let failed = |_| Malformed::Packed("a part");
            let mut reader = zstd::stream::read::Decoder::with_buffer(r.rest()).map_err(failed)?;
            reader.window_log_max(WINDOW_LOG_MAX).map_err(failed)?;
            let mut bounded = std::io::Read::take(reader, length as u64 + 1);
            std::io::Read::read_to_end(&mut bounded, &mut body).map_err(failed)?;
            if body.len() != length {
                return Err(Malformed::Packed("a part of another length"));
            }
            Ok((what, Cow::Owned(body)))
        }
        other => Err(Malformed::Unknown("packing", other.into())),
    }
}
