//! Reading.

use super::{END_GROUP, FIXED32, FIXED64, GROUP, GROUPS_MAX, LENGTH, ProtoError, VARINT};

/// A place in a message. Borrows, allocates nothing, is total: no bytes make it panic.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Offset of the end of `rest` in the whole message.
    end: usize,
}

impl<'a> Reader<'a> {
    /// At the first byte of a whole message.
    #[inline]
    pub fn new(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            end: message.len(),
        }
    }
    /// Offset of the next byte in the whole message.
    #[inline]
    pub fn position(&self) -> usize {
        self.end - self.rest.len()
    }
    /// Nothing left?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
    /// All that is left, without advancing.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[cold]
    fn truncated(&self, wanted: u64) -> ProtoError {
        ProtoError::Truncated {
            at: self.position(),
            wanted,
            left: self.rest.len(),
        }
    }

    /// Base-128 varint of at most ten bytes.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, ProtoError> {
        match *self.rest {
            [a, ref tail @ ..] if a < 0x80 => {
                self.rest = tail;
                Ok(u64::from(a))
            }
            [a, b, ref tail @ ..] if b < 0x80 => {
                self.rest = tail;
                Ok(u64::from(a & 0x7f) | u64::from(b) << 7)
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, ProtoError> {
        let mut value = 0u64;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            if index == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (index * 7);
            if byte < 0x80 {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        if self.rest.len() < 10 {
            return Err(self.truncated(self.rest.len() as u64 + 1));
        }
        Err(ProtoError::Varint { at: self.position() })
    }

    /// The next field's key (`field number << 3 | wire type`), `None` at the end of the message. The number is at least 1,
    /// the wire type at most 5.
    #[inline]
    pub fn key(&mut self) -> Result<Option<u32>, ProtoError> {
        match *self.rest {
            [] => Ok(None),
            [a, ref tail @ ..] if (8..0x80).contains(&a) && u32::from(a & 7) <= FIXED32 => {
                self.rest = tail;
                Ok(Some(u32::from(a)))
            }
            _ => self.long_key().map(Some),
        }
    }

    fn long_key(&mut self) -> Result<u32, ProtoError> {
        let raw = self.varint()?;
        match u32::try_from(raw) {
            Ok(key) if key >= 8 && key & 7 <= FIXED32 => Ok(key),
            _ => Err(ProtoError::Key { at: self.position() }),
        }
    }

    /// Eight bytes, little-endian.
    #[inline]
    pub fn fixed64(&mut self) -> Result<u64, ProtoError> {
        match self.rest.split_first_chunk::<8>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(u64::from_le_bytes(*head))
            }
            None => Err(self.truncated(8)),
        }
    }

    /// Four bytes, little-endian.
    #[inline]
    pub fn fixed32(&mut self) -> Result<u32, ProtoError> {
        match self.rest.split_first_chunk::<4>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(u32::from_le_bytes(*head))
            }
            None => Err(self.truncated(4)),
        }
    }

    /// Length and bytes, borrowed.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], ProtoError> {
        let length = self.varint()?;
        let split = usize::try_from(length)
            .ok()
            .and_then(|n| self.rest.split_at_checked(n));
        match split {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.truncated(length)),
        }
    }

    /// Length and a message, to be read by a reader of its own, whose offsets are those of the whole.
    #[inline]
    pub fn message(&mut self) -> Result<Reader<'a>, ProtoError> {
        let rest = self.bytes()?;
        Ok(Self {
            rest,
            end: self.position(),
        })
    }

    /// Skips the value of a field that the caller does not read. `known_fields` ([`super::known`]) are the numbers that it does
    /// read, with another wire type: these are an error.
    #[cold]
    pub fn skip_unknown(&mut self, key: u32, known_fields: u64) -> Result<(), ProtoError> {
        let (number, wire_type) = (key >> 3, key & 7);
        if number < 64 && known_fields >> number & 1 == 1 {
            return Err(ProtoError::WireType {
                at: self.position(),
                number,
                wire_type,
            });
        }
        self.skip(key)
    }

    /// Skips the value of a field, a whole group too.
    pub fn skip(&mut self, key: u32) -> Result<(), ProtoError> {
        match key & 7 {
            VARINT => self.varint().map(|_| ()),
            FIXED64 => self.fixed64().map(|_| ()),
            LENGTH => self.bytes().map(|_| ()),
            FIXED32 => self.fixed32().map(|_| ()),
            GROUP => self.skip_group(key >> 3),
            _ => Err(ProtoError::Group { at: self.position() }),
        }
    }

    fn skip_group(&mut self, number: u32) -> Result<(), ProtoError> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let Some(key) = self.key()? else {
                return Err(ProtoError::Group { at: self.position() });
            };
            let matches = key >> 3 == innermost;
            match key & 7 {
                GROUP if open.len() < GROUPS_MAX => open.push(key >> 3),
                END_GROUP if matches => drop(open.pop()),
                GROUP | END_GROUP => return Err(ProtoError::Group { at: self.position() }),
                _ => self.skip(key)?,
            }
        }
        Ok(())
    }
}
