//! Columns of version 1: their ids, their encodings, simple loops to read them.

use super::FrameError;
use crate::bytes::{ReadError, Reader, unzigzag};

/// Ids of columns.
pub(super) mod id {
    pub(in crate::frame) const ID: u8 = 1;
    pub(in crate::frame) const KIND: u8 = 2;
    pub(in crate::frame) const CLASS: u8 = 3;
    pub(in crate::frame) const FLAGS: u8 = 4;
    pub(in crate::frame) const MODULE: u8 = 5;
    pub(in crate::frame) const SITE: u8 = 6;
    pub(in crate::frame) const NODE: u8 = 7;
    pub(in crate::frame) const PID: u8 = 8;
    pub(in crate::frame) const PARENT: u8 = 9;
    pub(in crate::frame) const HLC: u8 = 10;
    pub(in crate::frame) const TIME: u8 = 11;
    pub(in crate::frame) const ORDINAL: u8 = 12;
    pub(in crate::frame) const SHAPE: u8 = 13;
    pub(in crate::frame) const REMOTE_NODE: u8 = 14;
    pub(in crate::frame) const REMOTE_TIME: u8 = 15;
    pub(in crate::frame) const LINKED: u8 = 16;
    pub(in crate::frame) const PAYLOAD_LEN: u8 = 17;
    pub(in crate::frame) const PAYLOAD: u8 = 18;
}

pub(super) const BYTES: u8 = 1;
pub(super) const VARINT: u8 = 2;
pub(super) const DELTA: u8 = 3;
pub(super) const DICT64: u8 = 4;
pub(super) const DICT128: u8 = 5;
pub(super) const RAW: u8 = 6;

/// Length of an entry of the column directory, in bytes.
const ENTRY_BYTES: usize = 6;

/// One column of a section, as it lies in the payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    pub(super) id: u8,
    encoding: u8,
    pub(super) data: &'a [u8],
}

impl<'a> Column<'a> {
    /// Reads a section's column directory; lengths are checked, columns are not looked into.
    pub(super) fn read_all(section: &'a [u8]) -> Result<Vec<Self>, ReadError> {
        let mut r = Reader::new(section);
        let n = usize::from(r.u16()?);
        r.count(n, ENTRY_BYTES)?;
        let mut data = r;
        data.bytes(n * ENTRY_BYTES)?;
        let mut columns = Vec::with_capacity(n);
        for _ in 0..n {
            let (id, encoding, len) = (r.u8()?, r.u8()?, r.u32()?);
            columns.push(Self {
                id,
                encoding,
                data: data.bytes(len as usize)?,
            });
        }
        data.finish()?;
        Ok(columns)
    }

    /// Gives each row its number; `set` says whether it is allowed.
    pub(super) fn each<T>(
        &self,
        rows: &mut [T],
        mut set: impl FnMut(&mut T, u64) -> bool,
    ) -> Result<(), FrameError> {
        let mut r = Reader::new(self.data);
        match self.encoding {
            BYTES => self.apply(rows, || r.u8().map(u64::from), &mut set)?,
            VARINT => self.apply(rows, || r.varint(), &mut set)?,
            DELTA => {
                let mut last = 0u64;
                let next = || {
                    last = last.wrapping_add(unzigzag(r.varint()?) as u64);
                    Ok(last)
                };
                self.apply(rows, next, &mut set)?;
            }
            DICT64 => {
                let dict = read_dict::<8>(&mut r).map_err(FrameError::read("dictionary"))?;
                let next = || entry(dict, &mut r).map(|bytes| u64::from_le_bytes(*bytes));
                self.apply(rows, next, &mut set)?;
            }
            encoding => {
                return Err(FrameError::Encoding {
                    column: self.id,
                    encoding,
                });
            }
        }
        r.finish().map_err(FrameError::read("column"))
    }

    /// The same for numbers of 128 bits.
    pub(super) fn each_u128<T>(
        &self,
        rows: &mut [T],
        mut set: impl FnMut(&mut T, u128),
    ) -> Result<(), FrameError> {
        if self.encoding != DICT128 {
            return Err(FrameError::Encoding {
                column: self.id,
                encoding: self.encoding,
            });
        }
        let mut r = Reader::new(self.data);
        let dict = read_dict::<16>(&mut r).map_err(FrameError::read("dictionary"))?;
        for row in rows {
            let bytes = entry(dict, &mut r).map_err(FrameError::read("column"))?;
            set(row, u128::from_le_bytes(*bytes));
        }
        r.finish().map_err(FrameError::read("column"))
    }

    /// The bytes of a raw column.
    pub(super) fn raw(&self) -> Result<Reader<'a>, FrameError> {
        if self.encoding == RAW {
            return Ok(Reader::new(self.data));
        }
        Err(FrameError::Encoding {
            column: self.id,
            encoding: self.encoding,
        })
    }

    #[inline]
    fn apply<T>(
        &self,
        rows: &mut [T],
        mut next: impl FnMut() -> Result<u64, ReadError>,
        set: &mut impl FnMut(&mut T, u64) -> bool,
    ) -> Result<(), FrameError> {
        for (i, row) in rows.iter_mut().enumerate() {
            let value = next().map_err(FrameError::read("column"))?;
            if !set(row, value) {
                return Err(FrameError::Value {
                    column: self.id,
                    row: i,
                    value,
                });
            }
        }
        Ok(())
    }
}

fn read_dict<'a, const N: usize>(r: &mut Reader<'a>) -> Result<&'a [[u8; N]], ReadError> {
    let n = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
    let n = r.count(n, N)?;
    Ok(r.bytes(n * N)?.as_chunks().0)
}

#[inline]
fn entry<'a, const N: usize>(dict: &'a [[u8; N]], r: &mut Reader<'_>) -> Result<&'a [u8; N], ReadError> {
    let at = r.position();
    let i = usize::try_from(r.varint()?).unwrap_or(usize::MAX);
    dict.get(i).ok_or(ReadError::Index {
        at,
        index: i as u64,
        len: dict.len(),
    })
}
