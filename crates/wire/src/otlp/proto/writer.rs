//! Writing. A field is named by its whole key (`field number << 3 | wire type`, [`super::key`]).

use super::{FIXED32, FIXED64, LENGTH, VARINT};

/// Writes messages into one buffer. The plain methods leave out what is the default (0, empty), as proto3 does.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }
    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }
    /// What was written, so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }
    /// Removes all, keeps the room.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// A bare varint, without a key.
    #[inline]
    pub fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.out.push(value as u8);
    }
    /// Bytes as they are: fields that were encoded before.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
    /// The key, whose wire type must be that of the method.
    #[inline]
    fn put_key(&mut self, key: u32, wire_type: u32) {
        debug_assert_eq!(key & 7, wire_type, "wire type of field {}", key >> 3);
        self.raw_varint(u64::from(key));
    }

    /// `uint32`, `uint64`, `int64`, an enum; nothing if it is 0.
    #[inline]
    pub fn varint(&mut self, key: u32, value: u64) {
        if value != 0 {
            self.varint_always(key, value);
        }
    }
    /// As [`Self::varint`], 0 too: what a `oneof` holds.
    #[inline]
    pub fn varint_always(&mut self, key: u32, value: u64) {
        self.put_key(key, VARINT);
        self.raw_varint(value);
    }
    /// `fixed64`; nothing if it is 0.
    #[inline]
    pub fn fixed64(&mut self, key: u32, value: u64) {
        if value != 0 {
            self.fixed64_always(key, value);
        }
    }
    /// As [`Self::fixed64`], 0 too; also a `double`'s bits.
    #[inline]
    pub fn fixed64_always(&mut self, key: u32, value: u64) {
        self.put_key(key, FIXED64);
        self.raw(&value.to_le_bytes());
    }
    /// `fixed32`; nothing if it is 0.
    #[inline]
    pub fn fixed32(&mut self, key: u32, value: u32) {
        if value != 0 {
            self.fixed32_always(key, value);
        }
    }
    /// As [`Self::fixed32`], 0 too.
    #[inline]
    pub fn fixed32_always(&mut self, key: u32, value: u32) {
        self.put_key(key, FIXED32);
        self.raw(&value.to_le_bytes());
    }
    /// `string`, `bytes`; nothing if it is empty.
    #[inline]
    pub fn bytes(&mut self, key: u32, value: &[u8]) {
        if !value.is_empty() {
            self.bytes_always(key, value);
        }
    }
    /// As [`Self::bytes`], empty too; also a message that was encoded before.
    #[inline]
    pub fn bytes_always(&mut self, key: u32, value: &[u8]) {
        self.put_key(key, LENGTH);
        self.raw_varint(value.len() as u64);
        self.raw(value);
    }

    /// A message, an empty one too.
    pub fn message(&mut self, key: u32, fields: impl FnOnce(&mut Self)) {
        self.put_key(key, LENGTH);
        self.out.push(0);
        let start = self.out.len();
        fields(self);
        let mut left = self.out.len() - start;
        // One byte was left for the length; a longer one moves the message.
        let (mut prefix, mut used) = ([0u8; 10], 0);
        for byte in &mut prefix {
            used += 1;
            *byte = (left & 0x7f) as u8;
            left >>= 7;
            if left == 0 {
                break;
            }
            *byte |= 0x80;
        }
        let prefix = prefix.get(..used).unwrap_or_default();
        self.out.splice(start - 1..start, prefix.iter().copied());
    }
}
