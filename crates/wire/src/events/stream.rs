//! Numbers of a column one after the other: written by width and bits, read by plane or by width and bits.

use crate::columns::{BitReader, BitWriter, PartKind, PartWriter, Parts, join, missing, stream_bits, width};
use crate::frame::FrameError;

/// Numbers by width and bits while they are written.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    widths: Vec<u8>,
    bits: BitWriter,
}

impl Numbers {
    #[inline]
    pub(super) fn push(&mut self, value: u64) {
        let width = width(value);
        let count = stream_bits(width);
        self.widths.push(width);
        // The highest bit is always 1: it is not written.
        self.bits.put(value & !(1u64 << count), count);
    }

    /// Writes them and keeps the room.
    pub(super) fn write(&mut self, column: u16, parts: &mut PartWriter<'_>) {
        parts.part(column, PartKind::Widths, 0, &self.widths, true);
        parts.part(column, PartKind::Bits, 1, self.bits.flush(), false);
        self.clear();
    }

    pub(super) fn clear(&mut self) {
        self.widths.clear();
        self.bits.clear();
    }
}

/// Numbers by width and bits while they are read; zeros if the column is left out.
#[derive(Debug)]
pub(super) struct NumberReader<'f> {
    widths: &'f [u8],
    bits: BitReader<'f>,
    at: usize,
}

impl<'f> NumberReader<'f> {
    /// From number `at` on.
    pub(super) fn new(parts: &'f Parts<'_>, column: u16, at: usize) -> Result<Self, FrameError> {
        let widths = parts.bytes(column, PartKind::Widths)?;
        let before = widths.get(..at).unwrap_or(widths);
        let first: usize = before.iter().map(|width| stream_bits(*width) as usize).sum();
        let bits = BitReader::new(parts.bytes(column, PartKind::Bits)?, first);
        Ok(Self { widths, bits, at })
    }

    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        let width = self.widths.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        join(width, &mut self.bits)
    }

    /// Were all read, and no more than there are?
    pub(super) fn finish(&self) -> Result<(), FrameError> {
        end(self.widths.len(), self.at)
    }
}

/// Numbers by plane while they are read; zeros if the column is left out.
#[derive(Debug)]
pub(super) struct PlaneReader<'f> {
    raw: &'f [u8],
    width: usize,
    len: usize,
    at: usize,
}

impl<'f> PlaneReader<'f> {
    /// From number `at` on.
    pub(super) fn new(parts: &'f Parts<'_>, column: u16, at: usize) -> Result<Self, FrameError> {
        let raw = parts.bytes(column, PartKind::Planes)?;
        let width = parts.width(column, PartKind::Planes).unwrap_or_default();
        let width = usize::from(width.clamp(1, 4));
        Ok(Self {
            raw,
            width,
            len: raw.len() / width,
            at,
        })
    }

    #[inline]
    pub(super) fn next(&mut self) -> u32 {
        let at = self.at;
        self.at += 1;
        if at >= self.len {
            return 0;
        }
        let plane =
            |plane: usize| u32::from(self.raw.get(plane * self.len + at).copied().unwrap_or_default());
        match self.width {
            1 => plane(0),
            2 => plane(0) | plane(1) << 8,
            3 => plane(0) | plane(1) << 8 | plane(2) << 16,
            _ => plane(0) | plane(1) << 8 | plane(2) << 16 | plane(3) << 24,
        }
    }

    /// Were all read, and no more than there are?
    pub(super) fn finish(&self) -> Result<(), FrameError> {
        end(self.len, self.at)
    }
}

/// A column that is left out has any number of zeros.
fn end(len: usize, read: usize) -> Result<(), FrameError> {
    if len == 0 || len == read {
        return Ok(());
    }
    Err(missing(len, read))
}
