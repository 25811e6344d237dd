//! From a body of version 1 to its payload: zstd in bounds.

use std::borrow::Cow;

use super::{Compression, FrameError, FrameHeader, WINDOW_BYTES_MAX};

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The payload of a body whose header passed `peek_header`: at most `payload_len` bytes are allocated.
pub(super) fn open<'a>(header: &FrameHeader, body: &'a [u8]) -> Result<Cow<'a, [u8]>, FrameError> {
    let declared = header.payload_len;
    let payload = match header.compression {
        Compression::None => Cow::Borrowed(body),
        Compression::Zstd => {
            check_zstd(body, declared)?;
            let payload = zstd::bulk::decompress(body, declared as usize)
                .map_err(|_| FrameError::Zstd("it does not decompress within its declared length"))?;
            Cow::Owned(payload)
        }
    };
    if payload.len() != declared as usize {
        return Err(FrameError::PayloadLength {
            declared,
            actual: payload.len() as u64,
        });
    }
    Ok(payload)
}

/// Looks at the frame header of zstd (RFC 8878, 3.1.1.1): one frame, its window, its content size.
fn check_zstd(body: &[u8], declared: u32) -> Result<(), FrameError> {
    if body.first_chunk() != Some(&ZSTD_MAGIC) {
        return Err(FrameError::Zstd("its magic number is wrong"));
    }
    let window = window_bytes(body, declared).ok_or(FrameError::Zstd("its header is cut"))?;
    if window > WINDOW_BYTES_MAX {
        return Err(FrameError::Window(window));
    }
    match zstd::zstd_safe::get_frame_content_size(body) {
        Ok(Some(size)) if size != u64::from(declared) => {
            return Err(FrameError::PayloadLength {
                declared,
                actual: size,
            });
        }
        Ok(_) => {}
        Err(_) => return Err(FrameError::Zstd("its content size is not readable")),
    }
    match zstd::zstd_safe::find_frame_compressed_size(body) {
        Ok(len) if len == body.len() => Ok(()),
        Ok(_) => Err(FrameError::Zstd("bytes follow it")),
        Err(_) => Err(FrameError::Zstd("its blocks are cut")),
    }
}

/// Window size that a zstd frame header asks for; that of a single segment is its content.
fn window_bytes(body: &[u8], content: u32) -> Option<u64> {
    let descriptor = *body.get(4)?;
    if descriptor & 0x20 != 0 {
        return Some(u64::from(content));
    }
    let window = *body.get(5)?;
    let base = 1u64 << (10 + u32::from(window >> 3));
    Some(base + (base >> 3) * u64::from(window & 7))
}
