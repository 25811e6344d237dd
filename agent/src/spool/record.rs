//! Records of a segment file: magic, u32 length, u32 CRC-32 of what follows, u8 kind, body; little-endian.
//! Scanning is total: damaged bytes are skipped up to the next record that is whole.

use std::ops::Range;

use wire::bytes::Put;

/// First bytes of a record; what scanning looks for after damage.
const MAGIC: [u8; 4] = *b"ESR1";
/// Bytes before the body: magic, length, CRC, kind.
pub(crate) const HEADER_BYTES: usize = 13;
/// A longer body is damage.
const BODY_BYTES_MAX: usize = 64 << 20;

/// What a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All marks, and the next seqs: first record of a segment.
    Snapshot = 1,
    /// Marks and frames of one commit.
    Batch = 2,
    /// A NODE, DEFINE or MODULES message.
    Describe = 3,
    /// Tokens that the collector has noted.
    Noted = 4,
    /// Ranges that the collector has on disk.
    Acks = 5,
}

impl Kind {
    fn from_code(code: u8) -> Option<Self> {
        [
            Self::Snapshot,
            Self::Batch,
            Self::Describe,
            Self::Noted,
            Self::Acks,
        ]
        .into_iter()
        .find(|k| *k as u8 == code)
    }
}

/// Appends a record.
pub(crate) fn put_record(out: &mut Vec<u8>, kind: Kind, body: &[u8]) {
    out.put(&MAGIC);
    out.put_u32(u32::try_from(body.len()).unwrap_or(u32::MAX));
    out.put_u32(checksum(kind as u8, body));
    out.put_u8(kind as u8);
    out.put(body);
}

fn checksum(kind: u8, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(body.len() as u64).to_le_bytes());
    hasher.update(&[kind]);
    hasher.update(body);
    hasher.finalize()
}

/// What scanning finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// A whole record; where its body is.
    Record(Kind, Range<usize>),
    /// Bytes that are no record, with a whole record after them.
    Corrupt(Range<usize>),
    /// Bytes at the end that are no whole record.
    Torn(Range<usize>),
}

/// All of `bytes`, in order.
pub(crate) fn scan(bytes: &[u8]) -> Vec<Scanned> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if let Some((kind, body)) = whole(bytes, at) {
            at = body.end;
            found.push(Scanned::Record(kind, body));
            continue;
        }
        let next = (at + 1..bytes.len()).find(|&i| whole(bytes, i).is_some());
        let Some(next) = next else {
            found.push(Scanned::Torn(at..bytes.len()));
            break;
        };
        found.push(Scanned::Corrupt(at..next));
        at = next;
    }
    found
}

/// The record at `at`, if it is whole.
fn whole(bytes: &[u8], at: usize) -> Option<(Kind, Range<usize>)> {
    let header = bytes.get(at..)?.first_chunk::<HEADER_BYTES>()?;
    if header.first_chunk::<4>()? != &MAGIC {
        return None;
    }
    let word = |i: usize| Some(u32::from_le_bytes(*header.get(i..)?.first_chunk::<4>()?));
    let length = usize::try_from(word(4)?).ok().filter(|l| *l <= BODY_BYTES_MAX)?;
    let kind = Kind::from_code(*header.last()?)?;
    let start = at + HEADER_BYTES;
    let body = bytes.get(start..start.checked_add(length)?)?;
    (checksum(kind as u8, body) == word(8)?).then_some((kind, start..start + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Guarantee: any bytes are scanned to their end, in order, without overlap.
        #[test]
        fn total(mut bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0..40_usize) {
            put_record(&mut bytes, Kind::Batch, &[1, 2, 3]);
            bytes.truncate(bytes.len().saturating_sub(cut));
            let mut at = 0;
            for part in scan(&bytes) {
                let (from, to) = match part {
                    Scanned::Record(_, body) => (body.start - HEADER_BYTES, body.end),
                    Scanned::Corrupt(r) | Scanned::Torn(r) => (r.start, r.end),
                };
                prop_assert_eq!(from, at);
                at = to;
            }
            prop_assert_eq!(at, bytes.len());
        }

        /// Guarantee: one flipped bit costs one record and no other.
        #[test]
        fn one_bit(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..8), bit in any::<usize>()) {
            let mut bytes = Vec::new();
            for body in &bodies { put_record(&mut bytes, Kind::Acks, body); }
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let whole = scan(&bytes).into_iter().filter(|s| matches!(s, Scanned::Record(..))).count();
            prop_assert_eq!(whole, bodies.len() - 1);
        }
    }
}
