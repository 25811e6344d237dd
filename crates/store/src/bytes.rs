//! Reading and writing of small binary values. The reader is total: it never reads beyond its bytes and never allocates
//! more than they can hold.

use crate::damage::Damage;

/// Appends numbers and strings to a byte vector.
pub(crate) trait Put {
    fn u8(&mut self, n: u8);
    fn raw(&mut self, bytes: &[u8]);

    fn u16_be(&mut self, n: u16) {
        self.raw(&n.to_be_bytes());
    }
    fn u32_be(&mut self, n: u32) {
        self.raw(&n.to_be_bytes());
    }
    fn u64_be(&mut self, n: u64) {
        self.raw(&n.to_be_bytes());
    }
    fn u128_be(&mut self, n: u128) {
        self.raw(&n.to_be_bytes());
    }
    fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.u8(n as u8 | 0x80);
            n >>= 7;
        }
        self.u8(n as u8);
    }
    /// Length as a varint, then the bytes.
    fn text(&mut self, s: &str) {
        self.varint(s.len() as u64);
        self.raw(s.as_bytes());
    }
}

impl Put for Vec<u8> {
    fn u8(&mut self, n: u8) {
        self.push(n);
    }
    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Reads from the front of a value or key of one family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    family: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(family: &'static str, bytes: &'a [u8]) -> Self {
        Self { bytes, family }
    }
    pub(crate) fn damage(&self, what: &'static str) -> Damage {
        Damage {
            family: self.family,
            what,
        }
    }
    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Damage> {
        let (front, rest) = self
            .bytes
            .split_at_checked(n)
            .ok_or_else(|| self.damage("cut off"))?;
        self.bytes = rest;
        Ok(front)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (front, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or_else(|| self.damage("cut off"))?;
        self.bytes = rest;
        Ok(*front)
    }
    pub(crate) fn u8(&mut self) -> Result<u8, Damage> {
        Ok(u8::from_be_bytes(self.array()?))
    }
    pub(crate) fn u16_be(&mut self) -> Result<u16, Damage> {
        Ok(u16::from_be_bytes(self.array()?))
    }
    pub(crate) fn u32_be(&mut self) -> Result<u32, Damage> {
        Ok(u32::from_be_bytes(self.array()?))
    }
    pub(crate) fn u64_be(&mut self) -> Result<u64, Damage> {
        Ok(u64::from_be_bytes(self.array()?))
    }
    pub(crate) fn u128_be(&mut self) -> Result<u128, Damage> {
        Ok(u128::from_be_bytes(self.array()?))
    }
    pub(crate) fn varint(&mut self) -> Result<u64, Damage> {
        let mut n = 0u64;
        for i in 0..10 {
            let b = self.u8()?;
            if i == 9 && b > 1 {
                break;
            }
            n |= u64::from(b & 0x7f) << (7 * i);
            if b & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(self.damage("number beyond 64 bits"))
    }
    /// Takes a varint if it is this one.
    pub(crate) fn next_is(&mut self, n: u64) -> Result<bool, Damage> {
        let mut ahead = *self;
        let same = ahead.varint()? == n;
        if same {
            *self = ahead;
        }
        Ok(same)
    }
    pub(crate) fn varint_u32(&mut self) -> Result<u32, Damage> {
        u32::try_from(self.varint()?).map_err(|_| self.damage("number beyond 32 bits"))
    }
    /// A varint count of items that take at least `item_bytes_min` each: bounded by what is left.
    pub(crate) fn count(&mut self, item_bytes_min: usize) -> Result<usize, Damage> {
        let n = self.varint()?;
        let most = self.bytes.len() / item_bytes_min.max(1);
        usize::try_from(n)
            .ok()
            .filter(|n| *n <= most)
            .ok_or_else(|| self.damage("count beyond its bytes"))
    }
    pub(crate) fn text(&mut self) -> Result<&'a str, Damage> {
        let n = self.count(1)?;
        let bytes = self.take(n)?;
        std::str::from_utf8(bytes).map_err(|_| self.damage("text is not UTF-8"))
    }
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }
    pub(crate) fn set_rest(&mut self, rest: &'a [u8]) {
        self.bytes = rest;
    }
    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), Damage> {
        if self.bytes.is_empty() {
            Ok(())
        } else {
            Err(self.damage("bytes left over"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Scenario: any numbers and text. Guarantee: they come back, and nothing is left.
        #[test]
        fn round_trip(a: u64, b: u16, c: u128, s in "\\PC{0,40}") {
            let mut out = Vec::new();
            out.varint(a);
            out.u16_be(b);
            out.u128_be(c);
            out.text(&s);
            let mut r = Reader::new("t", &out);
            prop_assert_eq!(r.varint().unwrap(), a);
            prop_assert_eq!(r.u16_be().unwrap(), b);
            prop_assert_eq!(r.u128_be().unwrap(), c);
            prop_assert_eq!(r.text().unwrap(), s);
            prop_assert!(r.end().is_ok());
        }

        /// Scenario: any bytes. Guarantee: a value or an error, never a panic.
        #[test]
        fn total(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut r = Reader::new("t", &bytes);
            while r.text().is_ok() && r.varint().is_ok() && r.u32_be().is_ok() {}
        }
    }
}
