//! Reading parts: their directory checked, each decompressed when it is first asked for.

use std::cell::RefCell;
use std::ops::{BitOrAssign, Range, Shl};
use std::sync::OnceLock;

use zstd::bulk::Decompressor;

use super::bits::{BitReader, join, stream_bits};
use super::write::{PartKind, UNITS};
use crate::bytes::{Reader, unzigzag};
use crate::frame::{FrameError, PAYLOAD_BYTES_MAX};

const PART_BYTES: usize = 12;

#[derive(Clone, Debug)]
struct Part<'a> {
    column: u16,
    kind: PartKind,
    width: u8,
    raw_len: usize,
    stored: &'a [u8],
    /// Decompressed, once somebody asked.
    raw: OnceLock<Box<[u8]>>,
}

/// The parts of a frame, by column.
#[derive(Clone, Debug)]
pub(crate) struct Parts<'a>(Vec<Part<'a>>);

/// A dictionary of texts.
#[derive(Clone, Debug, Default)]
pub struct Texts<'a> {
    bytes: &'a [u8],
    ends: Vec<u32>,
}

impl Texts<'_> {
    /// A text, by number; empty beyond the last.
    #[inline]
    pub fn get(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let Some(end) = self.ends.get(at) else {
            return &[];
        };
        let start = at
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied();
        let range = start.unwrap_or_default() as usize..*end as usize;
        self.bytes.get(range).unwrap_or_default()
    }
    /// Texts in it.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// None?
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
}

impl<'a> Parts<'a> {
    /// Length of a part, decompressed; 0 of one that is left out.
    pub(crate) fn raw_len(&self, column: u16, kind: PartKind) -> usize {
        self.part(column, kind).map_or(0, |part| part.raw_len)
    }
    /// Length of a part as it is here.
    pub(crate) fn stored_len(&self, column: u16, kind: PartKind) -> usize {
        self.part(column, kind).map_or(0, |part| part.stored.len())
    }
    /// Is the part there?
    pub(crate) fn has(&self, column: u16, kind: PartKind) -> bool {
        self.part(column, kind).is_some()
    }
    /// The width of a part.
    pub(crate) fn width(&self, column: u16, kind: PartKind) -> Option<u8> {
        self.part(column, kind).map(|part| part.width)
    }
    /// Column, kind, length here and length decompressed of each.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (u16, PartKind, usize, usize)> + '_ {
        let of = |part: &Part<'_>| (part.column, part.kind, part.stored.len(), part.raw_len);
        self.0.iter().map(of)
    }
    /// All numbers of a part that has them by plane.
    pub(crate) fn all(&self, column: u16, kind: PartKind) -> Result<Option<Vec<u64>>, FrameError> {
        let Some(part) = self.part(column, kind) else {
            return Ok(None);
        };
        self.planes(column, kind, 0..Self::count(part)).map(Some)
    }

    fn part(&self, column: u16, kind: PartKind) -> Option<&Part<'a>> {
        let first = self.0.partition_point(|part| part.column < column);
        let of_column = self.0.iter().skip(first).take_while(|part| part.column == column);
        of_column.into_iter().find(|part| part.kind == kind)
    }

    /// The bytes of a part; none of one that is left out.
    pub(crate) fn bytes(&self, column: u16, kind: PartKind) -> Result<&[u8], FrameError> {
        let Some(part) = self.part(column, kind) else {
            return Ok(&[]);
        };
        if part.stored.len() == part.raw_len {
            return Ok(part.stored);
        }
        if let Some(raw) = part.raw.get() {
            return Ok(raw);
        }
        let raw = decompress(part.stored, part.raw_len)?;
        FrameError::check_equal("length of a part", raw.len() as u64, part.raw_len as u64)?;
        Ok(part.raw.get_or_init(|| raw.into()))
    }

    /// Indices of some rows; zeros if the column is left out.
    pub(crate) fn indices(&self, column: u16, rows: Range<usize>) -> Result<Vec<u32>, FrameError> {
        self.planes(column, PartKind::Planes, rows)
    }

    /// Numbers of a part that has them by plane; zeros if it is left out.
    fn planes<T>(&self, column: u16, kind: PartKind, rows: Range<usize>) -> Result<Vec<T>, FrameError>
    where
        T: Copy + Default + From<u8> + BitOrAssign + Shl<u32, Output = T>,
    {
        match self.part(column, kind) {
            Some(part) => unplane(self.bytes(column, kind)?, part.width, rows),
            None => Ok(vec![T::default(); rows.len()]),
        }
    }

    /// How many numbers a part has by plane.
    fn count(part: &Part<'_>) -> usize {
        part.raw_len / usize::from(part.width.max(1))
    }

    /// Numbers of some rows, as they are or by dictionary, by planes, or by width and bits.
    pub(crate) fn numbers(&self, column: u16, rows: Range<usize>) -> Result<Vec<u64>, FrameError> {
        if self.part(column, PartKind::Widths).is_some() {
            return Ok(self
                .spread(column, rows)?
                .into_iter()
                .map(|value| value as u64)
                .collect());
        }
        if self.part(column, PartKind::Numbers).is_some() {
            let distinct = self.bytes(column, PartKind::Numbers)?;
            let (distinct, _) = distinct.as_chunks::<8>();
            let indices = self.indices(column, rows)?;
            let number = |index: u32| {
                distinct
                    .get(index as usize)
                    .map(|bytes| u64::from_le_bytes(*bytes))
            };
            return Ok(indices
                .into_iter()
                .map(|index| number(index).unwrap_or_default())
                .collect());
        }
        self.planes(column, PartKind::Planes, rows)
    }

    /// Signed numbers of some rows by width and bits.
    pub(crate) fn spread(&self, column: u16, rows: Range<usize>) -> Result<Vec<i64>, FrameError> {
        let Some(part) = self.part(column, PartKind::Widths) else {
            return Ok(vec![0; rows.len()]);
        };
        let unit = UNITS.get(usize::from(part.width)).copied().unwrap_or(1);
        let widths = self.bytes(column, PartKind::Widths)?;
        let bits = self.bytes(column, PartKind::Bits)?;
        let before = widths.get(..rows.start).unwrap_or_default();
        let first: usize = before.iter().map(|width| stream_bits(*width) as usize).sum();
        let mut reader = BitReader::new(bits, first);
        let Some(widths) = widths.get(rows.clone()) else {
            return Err(missing(widths.len(), rows.end));
        };
        let number = |width: &u8| unzigzag(join(*width, &mut reader)).wrapping_mul(unit);
        Ok(widths.iter().map(number).collect())
    }

    /// Numbers of eight bytes each, as they are.
    pub(crate) fn wide(&self, column: u16, rows: Range<usize>) -> Result<Vec<u64>, FrameError> {
        let raw = self.bytes(column, PartKind::Planes)?;
        let (all, _) = raw.as_chunks::<8>();
        let some = all
            .get(rows.clone())
            .ok_or_else(|| missing(all.len(), rows.end))?;
        Ok(some.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
    }

    /// A dictionary.
    pub(crate) fn texts(&self, column: u16) -> Result<Texts<'_>, FrameError> {
        let Some(part) = self.part(column, PartKind::Lengths) else {
            return Ok(Texts::default());
        };
        let lengths: Vec<u32> = self.planes(column, PartKind::Lengths, 0..Self::count(part))?;
        let bytes = self.bytes(column, PartKind::Texts)?;
        let mut end = 0u32;
        let ends: Vec<u32> = lengths
            .into_iter()
            .map(|length| {
                end = end.saturating_add(length);
                end
            })
            .collect();
        FrameError::check_equal("bytes of all texts", bytes.len() as u64, end.into())?;
        Ok(Texts { bytes, ends })
    }

    /// Reads the directory and what follows it, to the end of the parts.
    pub(crate) fn read(r: &mut Reader<'a>) -> Result<Self, FrameError> {
        let read = FrameError::read("parts");
        let n = r.u32().map_err(&read)? as usize;
        let n = r.count(n, PART_BYTES).map_err(&read)?;
        let directory = r.bytes(n * PART_BYTES).map_err(&read)?;
        let mut d = Reader::new(directory);
        let mut parts = Vec::with_capacity(n);
        let mut total = 0usize;
        for _ in 0..n {
            let (column, kind, width) = (d.u16(), d.u8(), d.u8());
            let (raw_len, stored_len) = (d.u32(), d.u32());
            let kind = kind.map_err(&read)?;
            let kind = PartKind::try_from(kind).map_err(|_| FrameError::Disagree {
                what: "part kind",
                found: kind.into(),
                expected: PartKind::Texts.code().into(),
            })?;
            let raw_len = raw_len.map_err(&read)? as usize;
            let stored = r.bytes(stored_len.map_err(&read)? as usize).map_err(&read)?;
            total = total.saturating_add(raw_len);
            if total > PAYLOAD_BYTES_MAX || stored.len() > raw_len {
                return Err(FrameError::PayloadTooLarge(raw_len as u32));
            }
            parts.push(Part {
                column: column.map_err(&read)?,
                kind,
                width: width.map_err(&read)?,
                raw_len,
                stored,
                raw: OnceLock::new(),
            });
        }
        parts.sort_by_key(|part| part.column);
        Ok(Self(parts))
    }
}

/// With a context that a thread keeps: making one costs more than most parts.
fn decompress(stored: &[u8], raw_len: usize) -> Result<Vec<u8>, FrameError> {
    thread_local! {
        static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let error = |_| FrameError::Zstd("a part does not decompress within its declared length");
    ZSTD.with_borrow_mut(|zstd| {
        if zstd.is_none() {
            *zstd = Some(Decompressor::new().map_err(error)?);
        }
        match zstd {
            Some(zstd) => zstd.decompress(stored, raw_len).map_err(error),
            None => Err(FrameError::Zstd("no memory for a part")),
        }
    })
}

/// Numbers of some rows out of their planes; planes beyond the number's size count for nothing.
fn unplane<T>(raw: &[u8], width: u8, rows: Range<usize>) -> Result<Vec<T>, FrameError>
where
    T: Copy + Default + From<u8> + BitOrAssign + Shl<u32, Output = T>,
{
    let mut values = vec![T::default(); rows.len()];
    let n = raw.len() / usize::from(width.max(1));
    for (plane, bytes) in (0u32..).zip(raw.chunks_exact(n.max(1))) {
        let bytes = bytes.get(rows.clone()).ok_or_else(|| missing(n, rows.end))?;
        if plane as usize >= size_of::<T>() {
            continue;
        }
        for (value, byte) in values.iter_mut().zip(bytes) {
            *value |= T::from(*byte) << (plane * 8);
        }
    }
    Ok(values)
}

#[cold]
pub(crate) fn missing(found: usize, expected: usize) -> FrameError {
    FrameError::Disagree {
        what: "values of a column",
        found: found as u64,
        expected: expected as u64,
    }
}
