//! Bounded reading and writing of variable-length numbers, texts and hashes. Numbers are LEB128, at most 5 bytes, in
//! their shortest form, so that one value has one encoding.

/// Bytes that are no document or manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More bytes than are ever written.
    #[error("{bytes} bytes exceed the limit of {max}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
        /// How many may be.
        max: usize,
    },
    /// The bytes end in the middle of something.
    #[error("the bytes end at {at}, within {what}")]
    Truncated {
        /// Offset in bytes.
        at: usize,
        /// What was being read.
        what: &'static str,
    },
    /// A value that cannot be.
    #[error("at byte {at}: {what} is not valid")]
    Invalid {
        /// Offset in bytes.
        at: usize,
        /// What was being read.
        what: &'static str,
    },
    /// A version that this program does not know.
    #[error("version {found} is not known; this program reads version {known}")]
    Version {
        /// What the bytes say.
        found: u8,
        /// What is read.
        known: u8,
    },
}

/// Appends values to a buffer.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn number(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(crate) fn count(&mut self, value: usize) {
        self.number(u32::try_from(value).unwrap_or(u32::MAX));
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.count(value.len());
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// Bytes with their length.
    pub(crate) fn slice(&mut self, value: &[u8]) {
        self.count(value.len());
        self.raw(value);
    }

    /// A number that may be missing; the largest is none.
    pub(crate) fn optional(&mut self, value: Option<u32>) {
        self.number(value.map_or(0, |value| value.saturating_add(1)));
    }

    pub(crate) fn texts(&mut self, values: &[String]) {
        self.count(values.len());
        for value in values {
            self.text(value);
        }
    }

    pub(crate) fn raw(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }
}

/// Takes values from the front of a slice.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], max: usize) -> Result<Self, Malformed> {
        if bytes.len() > max {
            return Err(Malformed::TooLarge {
                bytes: bytes.len(),
                max,
            });
        }
        Ok(Self { bytes, at: 0 })
    }

    pub(crate) fn invalid(&self, what: &'static str) -> Malformed {
        Malformed::Invalid { at: self.at, what }
    }

    pub(crate) fn raw(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(len).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Malformed::Truncated {
            at: self.bytes.len(),
            what,
        })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, Malformed> {
        Ok(self.raw(1, what)?[0])
    }

    pub(crate) fn flag(&mut self, what: &'static str) -> Result<bool, Malformed> {
        match self.byte(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.invalid(what)),
        }
    }

    pub(crate) fn number(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte(what)?;
            let part = u32::from(byte & 0x7f);
            if shift == 28 && byte > 0x0f || shift > 0 && byte == 0 {
                return Err(self.invalid(what));
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.invalid(what))
    }

    /// A number of things to come, each of at least `each_min` bytes: never more than the bytes left can hold.
    pub(crate) fn count(&mut self, each_min: usize, what: &'static str) -> Result<usize, Malformed> {
        let count = self.number(what)? as usize;
        self.holds(count.saturating_mul(each_min), what)?;
        Ok(count)
    }

    /// Fails unless so many bytes are left.
    pub(crate) fn holds(&self, bytes: usize, what: &'static str) -> Result<(), Malformed> {
        if bytes > self.bytes.len() - self.at {
            return Err(Malformed::Truncated {
                at: self.bytes.len(),
                what,
            });
        }
        Ok(())
    }

    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        let len = self.count(1, what)?;
        let bytes = self.raw(len, what)?;
        std::str::from_utf8(bytes).map_err(|_| self.invalid(what))
    }

    pub(crate) fn slice(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let len = self.count(1, what)?;
        self.raw(len, what)
    }

    pub(crate) fn optional(&mut self, what: &'static str) -> Result<Option<u32>, Malformed> {
        Ok(self.number(what)?.checked_sub(1))
    }

    pub(crate) fn texts(&mut self, what: &'static str) -> Result<Vec<String>, Malformed> {
        let count = self.count(1, what)?;
        (0..count).map(|_| Ok(self.text(what)?.to_owned())).collect()
    }

    pub(crate) fn hash(&mut self, what: &'static str) -> Result<[u8; 32], Malformed> {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.raw(32, what)?);
        Ok(hash)
    }

    pub(crate) fn finish(&self) -> Result<(), Malformed> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(self.invalid("what follows the end"))
        }
    }
}
