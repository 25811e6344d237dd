//! From what came to protobuf: decompression and JSON, bounded, so that a bomb is refused when it has reached the limit.

use std::io::{self, Read};

use bytes::Bytes;
use wire::otlp::json_to_protobuf;
use wire::otlp::schema::Message;

use super::budget::Reservation;
use super::config::{INLINE_BYTES_MAX, ZSTD_WINDOW_LOG_MAX};
use super::intake::Refusal;

/// Bytes of the output that are added at once, at least.
const STEP_BYTES: usize = 64 << 10;

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    /// By its name in HTTP and gRPC.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.trim() {
            "" | "identity" => Some(Self::Identity),
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                Some(Self::Gzip)
            }
            name if name.eq_ignore_ascii_case("zstd") => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Why there is no protobuf.
#[derive(Debug)]
pub(super) enum UnpackFault {
    /// Too large, too much at once, or not JSON of OTLP.
    Refused(Refusal),
    /// Not compressed as it says.
    Compression(String),
}

impl From<Refusal> for UnpackFault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What came, and how.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) bytes: Bytes,
    pub(super) encoding: Encoding,
    /// The message that the JSON is, if it is JSON.
    pub(super) json: Option<&'static Message>,
}

/// Unpacks, in a thread of its own if that takes long.
pub(super) async fn unpack(
    packed: Packed,
    max: usize,
    mut held: Reservation,
) -> Result<(Bytes, Reservation), UnpackFault> {
    if packed.encoding == Encoding::Identity && packed.json.is_none() {
        return Ok((packed.bytes, held));
    }
    if packed.bytes.len() <= INLINE_BYTES_MAX {
        let bytes = now(packed, max, &mut held)?;
        return Ok((bytes, held));
    }
    let work = tokio::task::spawn_blocking(move || now(packed, max, &mut held).map(|bytes| (bytes, held)));
    match work.await {
        Ok(done) => done,
        Err(_) => Err(Refusal::Unavailable("interrupted".to_owned()).into()),
    }
}

fn now(packed: Packed, max: usize, held: &mut Reservation) -> Result<Bytes, UnpackFault> {
    let Packed {
        bytes,
        encoding,
        json,
    } = packed;
    let hint = bytes.len().saturating_mul(4);
    let plain: Bytes = match encoding {
        Encoding::Identity => bytes,
        Encoding::Gzip => {
            let plain = inflate(flate2::bufread::MultiGzDecoder::new(&*bytes), hint, max, held)?;
            held.shrink(bytes.len());
            plain.into()
        }
        Encoding::Zstd => {
            let broken = |error: io::Error| UnpackFault::Compression(format!("zstd: {error}"));
            let mut decoder = zstd::Decoder::with_buffer(&*bytes).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(broken)?;
            let plain = inflate(decoder, hint, max, held)?;
            held.shrink(bytes.len());
            plain.into()
        }
    };
    let Some(message) = json else { return Ok(plain) };
    // Protobuf is shorter than its JSON.
    held.grow(plain.len())?;
    let protobuf =
        json_to_protobuf(message, &plain).map_err(|error| Refusal::Malformed(error.to_string()))?;
    held.shrink(plain.len());
    Ok(protobuf.into())
}

fn inflate(
    mut from: impl Read,
    hint: usize,
    max: usize,
    held: &mut Reservation,
) -> Result<Vec<u8>, UnpackFault> {
    let (mut out, mut length) = (Vec::new(), 0);
    loop {
        if length == out.len() {
            // One byte more than is allowed tells too much from just enough.
            let wanted = if out.is_empty() { hint } else { out.len() };
            let step = wanted.max(STEP_BYTES).min(max + 1 - length);
            if step == 0 {
                return Err(Refusal::TooLarge { bytes: length, max }.into());
            }
            held.grow(step)?;
            out.reserve_exact(step);
            out.resize(length + step, 0);
        }
        let room = out.get_mut(length..).unwrap_or_default();
        match from.read(room) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(UnpackFault::Compression(error.to_string())),
        }
    }
    out.truncate(length);
    Ok(out)
}
