//! The container: `FOR1`, length, `BEAM`, then chunks of name, length and bytes padded to four. A file may be gzipped
//! (`erlc +compressed`).

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use super::{BEAM_BYTES_MAX, BeamFault};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const HEADER_BYTES: usize = 12;
const CHUNK_HEADER_BYTES: usize = 8;

type Named = ([u8; 4], Range<usize>);

/// A compiled module's chunks.
#[derive(Clone, Debug)]
pub struct Beam<'a> {
    bytes: Cow<'a, [u8]>,
    chunks: Vec<Named>,
}

impl<'a> Beam<'a> {
    /// Finds the chunks of a `.beam` file. What is in them is not looked at.
    pub fn read(file: &'a [u8]) -> Result<Self, BeamFault> {
        let bytes = if file.starts_with(&GZIP) {
            Cow::Owned(unpack(flate2::read::GzDecoder::new(file))?)
        } else {
            Cow::Borrowed(file)
        };
        if bytes.len() > BEAM_BYTES_MAX {
            return Err(BeamFault::TooLarge);
        }
        let chunks = chunks(&bytes)?;
        Ok(Self { bytes, chunks })
    }

    /// The bytes of the first chunk of this name.
    #[must_use]
    pub fn chunk(&self, name: &str) -> Option<&[u8]> {
        let (_, range) = self.chunks.iter().find(|(found, _)| found == name.as_bytes())?;
        self.bytes.get(range.clone())
    }

    /// The bytes of a chunk that must be there.
    pub fn required(&self, name: &'static str) -> Result<&[u8], BeamFault> {
        self.chunk(name).ok_or(BeamFault::NoChunk(name))
    }

    /// Names and lengths of all chunks, in the order of the file.
    pub fn list(&self) -> impl Iterator<Item = (String, usize)> + '_ {
        self.chunks
            .iter()
            .map(|(name, range)| (String::from_utf8_lossy(name).into_owned(), range.len()))
    }
}

fn unpack(from: impl Read) -> Result<Vec<u8>, BeamFault> {
    let mut out = Vec::new();
    from.take(BEAM_BYTES_MAX as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|fault| BeamFault::Unpack {
            what: "gzipped file",
            why: fault.to_string(),
        })?;
    Ok(out)
}

fn chunks(bytes: &[u8]) -> Result<Vec<Named>, BeamFault> {
    let (Some(b"FOR1"), Some(size), Some(b"BEAM")) = (bytes.get(..4), u32_at(bytes, 4), bytes.get(8..12))
    else {
        return Err(BeamFault::NotBeam {
            found: bytes.iter().take(4).copied().collect(),
        });
    };
    // The size counts from after itself.
    let end = size.saturating_add(8);
    if end > bytes.len() {
        return Err(truncated(8, size, bytes));
    }
    let mut chunks = Vec::new();
    let mut at = HEADER_BYTES;
    while at < end {
        let (Some(name), Some(size)) = (bytes.get(at..at + 4), u32_at(bytes, at + 4)) else {
            return Err(truncated(at, CHUNK_HEADER_BYTES, bytes));
        };
        let start = at + CHUNK_HEADER_BYTES;
        if size > end.saturating_sub(start) {
            return Err(truncated(start, size, bytes.get(..end).unwrap_or_default()));
        }
        let name = <[u8; 4]>::try_from(name).unwrap_or_default();
        chunks.push((name, start..start + size));
        at = start + size.next_multiple_of(4);
    }
    Ok(chunks)
}

fn truncated(at: usize, wanted: usize, bytes: &[u8]) -> BeamFault {
    BeamFault::Truncated {
        at,
        wanted,
        left: bytes.len().saturating_sub(at),
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(four.try_into().ok()?) as usize)
}
