//! Reading and writing little-endian bytes. [`Reader`] is total: every read checks what is left, nothing panics,
//! nothing is allocated.

/// Why a read failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes end before the value does.
    #[error("truncated at byte {at}: {wanted} bytes wanted, {left} left")]
    Truncated {
        /// Offset of the value.
        at: usize,
        /// Bytes that it needs.
        wanted: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// Text that is not UTF-8.
    #[error("text at byte {at} is not UTF-8")]
    Utf8 {
        /// Offset of the text.
        at: usize,
    },
    /// A varint of more than 64 bits.
    #[error("varint at byte {at} does not fit in 64 bits")]
    Varint {
        /// Offset of the varint.
        at: usize,
    },
    /// An index into a dictionary that is shorter.
    #[error("index {index} at byte {at} is not below {len}")]
    Index {
        /// Offset of the index.
        at: usize,
        /// The index.
        index: u64,
        /// Entries of the dictionary.
        len: usize,
    },
    /// Bytes after the end.
    #[error("{left} bytes are left over at byte {at}")]
    Trailing {
        /// Where the value ended.
        at: usize,
        /// Bytes after it.
        left: usize,
    },
}

/// A place in bytes. Reads advance it; a failed read leaves it where it was.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    /// At the first byte.
    pub fn new(data: &'a [u8]) -> Self {
        Self {
            rest: data,
            total: data.len(),
        }
    }
    /// Offset of the next byte.
    pub fn position(&self) -> usize {
        self.total - self.rest.len()
    }
    /// Bytes that are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }
    /// Nothing left?
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
    /// All that is left, without advancing.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn truncated(&self, wanted: usize) -> ReadError {
        ReadError::Truncated {
            at: self.position(),
            wanted,
            left: self.rest.len(),
        }
    }

    /// `N` bytes by value.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (head, tail) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| self.truncated(N))?;
        self.rest = tail;
        Ok(*head)
    }
    /// One byte.
    pub fn u8(&mut self) -> Result<u8, ReadError> {
        self.array::<1>().map(u8::from_le_bytes)
    }
    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, ReadError> {
        self.array().map(u16::from_le_bytes)
    }
    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, ReadError> {
        self.array().map(u32::from_le_bytes)
    }
    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, ReadError> {
        self.array().map(u64::from_le_bytes)
    }
    /// Sixteen bytes.
    pub fn u128(&mut self) -> Result<u128, ReadError> {
        self.array().map(u128::from_le_bytes)
    }
    /// `n` bytes, borrowed.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], ReadError> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or_else(|| self.truncated(n))?;
        self.rest = tail;
        Ok(head)
    }
    /// `str`: u16 length and UTF-8.
    pub fn str(&mut self) -> Result<&'a str, ReadError> {
        let start = *self;
        let text = self.u16().and_then(|n| self.bytes(usize::from(n)));
        let text =
            text.and_then(|b| std::str::from_utf8(b).map_err(|_| ReadError::Utf8 { at: start.position() }));
        text.inspect_err(|_| *self = start)
    }
    /// `str`, owned.
    pub fn string(&mut self) -> Result<String, ReadError> {
        self.str().map(str::to_owned)
    }
    /// Unsigned LEB128 of a u64, at most ten bytes.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, ReadError> {
        match self.rest.split_first() {
            Some((&first, tail)) if first < 0x80 => {
                self.rest = tail;
                Ok(u64::from(first))
            }
            _ => self.varint_long(),
        }
    }
    fn varint_long(&mut self) -> Result<u64, ReadError> {
        let mut value = 0u64;
        let mut shift = 0u32;
        for (i, &byte) in self.rest.iter().enumerate() {
            let bits = u64::from(byte & 0x7f);
            if shift > 63 || (shift == 63 && bits > 1) {
                return Err(ReadError::Varint { at: self.position() });
            }
            value |= bits << shift;
            if byte < 0x80 {
                self.rest = self.rest.get(i + 1..).unwrap_or_default();
                return Ok(value);
            }
            shift += 7;
        }
        Err(self.truncated(self.rest.len() + 1))
    }
    /// Checks, before anything is allocated, that `n` items of at least `each_min` bytes can be there.
    pub fn count(&self, n: usize, each_min: usize) -> Result<usize, ReadError> {
        let wanted = n.saturating_mul(each_min);
        if wanted > self.rest.len() {
            Err(self.truncated(wanted))
        } else {
            Ok(n)
        }
    }
    /// Nothing may be left.
    pub fn finish(self) -> Result<(), ReadError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(ReadError::Trailing {
            at: self.position(),
            left: self.rest.len(),
        })
    }
}

/// Appending little-endian values.
pub trait Put {
    /// Raw bytes.
    fn put(&mut self, bytes: &[u8]);
    /// One byte.
    fn put_u8(&mut self, value: u8) {
        self.put(&[value]);
    }
    /// Two bytes.
    fn put_u16(&mut self, value: u16) {
        self.put(&value.to_le_bytes());
    }
    /// Four bytes.
    fn put_u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }
    /// Eight bytes.
    fn put_u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }
    /// Sixteen bytes.
    fn put_u128(&mut self, value: u128) {
        self.put(&value.to_le_bytes());
    }
    /// `str`; text of more than 65,535 bytes is cut at a character.
    fn put_str(&mut self, text: &str) {
        let cut = text.floor_char_boundary(usize::from(u16::MAX));
        let text = text.get(..cut).unwrap_or_default();
        self.put_u16(text.len() as u16);
        self.put(text.as_bytes());
    }
    /// Unsigned LEB128.
    #[inline]
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.put_u8(value as u8);
    }
}

impl Put for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    #[inline]
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }
}

/// `varint`'s partner for signed numbers: small absolute values become small.
#[inline]
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Undoes [`zigzag`].
#[inline]
pub fn unzigzag(value: u64) -> i64 {
    ((value >> 1) as i64) ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any numbers. Guarantee: they come back, and nothing is left over.
        #[test]
        fn varints_and_zigzags_come_back(values: Vec<u64>) {
            let mut out = Vec::new();
            for v in &values {
                out.put_varint(*v);
                out.put_varint(zigzag(*v as i64));
            }
            let mut r = Reader::new(&out);
            for v in &values {
                prop_assert_eq!(r.varint().unwrap(), *v);
                prop_assert_eq!(unzigzag(r.varint().unwrap()) as u64, *v);
            }
            prop_assert!(r.finish().is_ok());
        }

        /// Scenario: any bytes, read as text and varints. Guarantee: no panic, and a failed read does not advance.
        #[test]
        fn any_bytes_are_read_or_refused(data: Vec<u8>) {
            let mut r = Reader::new(&data);
            let before = r.position();
            if r.varint().is_err() {
                prop_assert_eq!(r.position(), before);
            }
            let before = r.position();
            if r.str().is_err() {
                prop_assert_eq!(r.position(), before);
            }
        }
    }

    /// Scenario: a varint of eleven bytes, one of 65 bits, one without an end. Guarantee: each is refused.
    #[test]
    fn long_varints_are_refused() {
        let eleven = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
        assert_eq!(Reader::new(&eleven).varint(), Err(ReadError::Varint { at: 0 }));
        let bits65 = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(Reader::new(&bits65).varint(), Err(ReadError::Varint { at: 0 }));
        assert!(matches!(
            Reader::new(&[0x80]).varint(),
            Err(ReadError::Truncated { .. })
        ));
    }

    /// Scenario: a text longer than its length field can say. Guarantee: it is cut at a character, not in one.
    #[test]
    fn long_text_is_cut_at_a_character() {
        let mut out = Vec::new();
        out.put_str(&"\u{e9}".repeat(40_000));
        let mut r = Reader::new(&out);
        assert_eq!(r.str().unwrap().len(), 65_534);
        assert!(r.finish().is_ok());
    }
}
