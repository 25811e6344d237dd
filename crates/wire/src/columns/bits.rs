//! Numbers of many sizes: the width of each in a byte, and its bits below the first one in a stream. Widths have little
//! entropy and compress well; the bits have all of theirs and are not worth compressing. (Elias's gamma code with the
//! lengths set apart: Elias 1975, "Universal codeword sets".)

/// Bits in a row, lowest first.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    out: Vec<u8>,
    word: u64,
    fill: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`; the bits above must be 0, `count` at most 63.
    #[inline]
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        self.word |= value << self.fill;
        let fill = self.fill + count;
        if fill >= 64 {
            self.out.extend_from_slice(&self.word.to_le_bytes());
            self.word = if self.fill == 0 {
                0
            } else {
                value >> (64 - self.fill)
            };
            self.fill = fill - 64;
        } else {
            self.fill = fill;
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.flush();
        self.out
    }

    /// Fills the last byte with zeros; then all bytes.
    pub(crate) fn flush(&mut self) -> &[u8] {
        let bytes = self.fill.div_ceil(8) as usize;
        let word = self.word.to_le_bytes();
        self.out.extend_from_slice(word.get(..bytes).unwrap_or_default());
        (self.word, self.fill) = (0, 0);
        &self.out
    }

    /// Forgets all bits and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.out.clear();
        (self.word, self.fill) = (0, 0);
    }
}

/// Reads what [`BitWriter`] wrote; beyond the end all bits are 0.
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// At bit `at`.
    pub(crate) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next `count` bits, at most 63.
    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> u64 {
        let (byte, shift) = (self.at / 8, (self.at % 8) as u32);
        self.at += count as usize;
        let low = word(self.bytes, byte) >> shift;
        let value = if shift + count > 64 {
            low | word(self.bytes, byte + 8) << (64 - shift)
        } else {
            low
        };
        value & ((1u64 << count) - 1)
    }
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    if let Some(whole) = rest.first_chunk() {
        return u64::from_le_bytes(*whole);
    }
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(rest) {
        *to = *from;
    }
    u64::from_le_bytes(word)
}

/// The number of significant bits, 0 to 64.
#[inline]
pub(crate) fn width(value: u64) -> u8 {
    (64 - value.leading_zeros()) as u8
}

/// Bits of a number of this width that the stream holds; a width above 64 is 64.
#[inline]
pub(crate) fn stream_bits(width: u8) -> u32 {
    u32::from(width.min(64)).saturating_sub(1)
}

/// Splits numbers into widths and a stream of bits.
pub(crate) fn split(values: impl Iterator<Item = u64>) -> (Vec<u8>, Vec<u8>) {
    let mut widths = Vec::with_capacity(values.size_hint().0);
    let mut bits = BitWriter::default();
    for value in values {
        let width = width(value);
        let count = stream_bits(width);
        widths.push(width);
        // The highest bit is always 1: it is not written.
        bits.put(value & !(1u64 << count), count);
    }
    (widths, bits.finish())
}

/// Undoes [`split`]: the number of this width whose lower bits come next.
#[inline]
pub(crate) fn join(width: u8, bits: &mut BitReader<'_>) -> u64 {
    if width == 0 {
        return 0;
    }
    let count = stream_bits(width);
    1u64 << count | bits.take(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: numbers of all sizes. Guarantee: they come back, from the start and from any place in the middle.
        #[test]
        fn numbers_come_back(values in prop::collection::vec((any::<u64>(), 0u32..65), 0..200), from in 0usize..200) {
            let values: Vec<u64> = values.into_iter().map(|(v, s)| v.checked_shr(s).unwrap_or(0)).collect();
            let (widths, bits) = split(values.iter().copied());
            let from = from.min(values.len());
            let before: usize = widths[..from].iter().map(|w| stream_bits(*w) as usize).sum();
            let mut reader = BitReader::new(&bits, before);
            for (width, value) in widths[from..].iter().zip(&values[from..]) {
                prop_assert_eq!(join(*width, &mut reader), *value);
            }
        }

        /// Scenario: any widths over any bytes. Guarantee: no panic; who skips numbers is where who reads them is.
        #[test]
        fn total(widths: Vec<u8>, bytes: Vec<u8>) {
            let mut reader = BitReader::new(&bytes, 0);
            let mut at = 0;
            for width in widths {
                join(width, &mut reader);
                at += stream_bits(width) as usize;
                prop_assert_eq!(reader.at, at);
            }
        }
    }
}
