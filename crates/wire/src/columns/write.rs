//! Writing parts: each a run of bytes of one column, compressed by itself if that pays, so that a reader decompresses only
//! what it asks for and nothing is tried on bytes without redundancy.

use zstd::bulk::Compressor;

use super::bits::{split, width};
use super::intern::Interner;
use crate::bytes::{Put, zigzag};
use crate::frame::FrameTooLarge;

event::codes! {
    /// What a part is of its column.
    PartKind("part kind") {
        /// Numbers of `width` bytes, by plane: all lowest bytes, then all next ones.
        Planes = 1 "planes",
        /// The widths of numbers, a byte each.
        Widths = 2 "widths",
        /// Their bits below the first.
        Bits = 3 "bits",
        /// Distinct numbers of 8 bytes, which planes index.
        Numbers = 4 "numbers",
        /// Lengths of texts, by plane.
        Lengths = 5 "lengths",
        /// Texts, one after the other.
        Texts = 6 "texts",
        /// The column follows from the span's name: by number of the name, the cell, by plane.
        ByName = 7 "by name",
        /// The same from its resource.
        ByResource = 8 "by resource",
        /// The column is the span's duration; `width` says in which unit. The part is one byte that means nothing.
        Duration = 9 "duration",
    }
}

/// Units of numbers; each divides the next.
pub(crate) const UNITS: [i64; 3] = [1, 1_000, 1_000_000];
/// A part whose length stands for a number of rows is at most this many times as long as it is stored ...
pub(crate) const TAG_RATIO: usize = 128;
/// ... plus this many bytes.
pub(crate) const TAG_SLACK: usize = 64 << 10;
/// Shorter parts are not compressed.
const SQUEEZE_BYTES_MIN: usize = 128;
/// The same of frames of events, which are decompressed twice and merged into blocks soon: a part takes the reader 1 to 2 us, however
/// short it is.
const FLUSH_BYTES_MIN: usize = 1024;
const ZSTD_LEVEL: i32 = 1;
/// Of frames that are merged soon, texts shorter than this are not compressed either: writing them is less work.
const QUICK_BYTES_MIN: usize = 64 << 10;
/// Distinct numbers that are worth a dictionary.
const NUMBERS_MAX: usize = 255;

/// Compresses parts; keeps its memory from frame to frame.
pub(crate) struct Squeezer {
    zstd: Option<Compressor<'static>>,
    what: Squeezed,
    bytes_min: usize,
    squeezed: Vec<u8>,
    raw: Vec<u8>,
    /// Memory of the last [`PartWriter`].
    directory: Vec<u8>,
    data: Vec<u8>,
}

impl std::fmt::Debug for Squeezer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Squeezer").finish_non_exhaustive()
    }
}

impl Default for Squeezer {
    fn default() -> Self {
        Self {
            // Without it, parts go uncompressed.
            zstd: Compressor::new(ZSTD_LEVEL).ok(),
            what: Squeezed::All,
            bytes_min: SQUEEZE_BYTES_MIN,
            squeezed: Vec::new(),
            raw: Vec::new(),
            directory: Vec::new(),
            data: Vec::new(),
        }
    }
}

impl Squeezer {
    /// Compresses texts alone, if they are large.
    pub(crate) fn quick() -> Self {
        Self {
            what: Squeezed::Texts,
            ..Self::default()
        }
    }
    /// Compresses parts that are not short.
    pub(crate) fn of_flushes() -> Self {
        Self {
            bytes_min: FLUSH_BYTES_MIN,
            ..Self::default()
        }
    }
    /// Does it compress all parts?
    pub(crate) fn is_thorough(&self) -> bool {
        self.what == Squeezed::All
    }
    fn takes(&self, kind: PartKind, raw_len: usize) -> bool {
        match self.what {
            Squeezed::All => true,
            Squeezed::Texts => kind == PartKind::Texts && raw_len >= QUICK_BYTES_MIN,
            Squeezed::Nothing => false,
        }
    }
    /// Compresses nothing.
    pub(crate) fn nothing() -> Self {
        Self {
            what: Squeezed::Nothing,
            ..Self::default()
        }
    }
}

/// Which parts are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Squeezed {
    All,
    Texts,
    Nothing,
}

/// Parts while they are written.
pub(crate) struct PartWriter<'p> {
    squeezer: &'p mut Squeezer,
    pub(crate) count: u32,
    pub(crate) directory: Vec<u8>,
    pub(crate) data: Vec<u8>,
    /// Length of all parts, decompressed.
    pub(crate) raw_len: usize,
}

impl<'p> PartWriter<'p> {
    pub(crate) fn new(squeezer: &'p mut Squeezer) -> Self {
        let (mut directory, mut data) = (
            std::mem::take(&mut squeezer.directory),
            std::mem::take(&mut squeezer.data),
        );
        directory.clear();
        data.clear();
        Self {
            squeezer,
            count: 0,
            directory,
            data,
            raw_len: 0,
        }
    }

    /// Gives the squeezer back what it took of its memory.
    pub(crate) fn give_back(self) {
        self.squeezer.directory = self.directory;
        self.squeezer.data = self.data;
    }

    /// A part as it is, zeros too.
    pub(crate) fn always(&mut self, column: u16, kind: PartKind, width: u8, raw: &[u8]) {
        if !raw.is_empty() {
            self.put(column, kind, width, raw, None);
        }
    }

    /// A part as it is; one of numbers that are all zeros is left out.
    pub(crate) fn part(&mut self, column: u16, kind: PartKind, width: u8, raw: &[u8], squeeze: bool) {
        if raw.is_empty() || kind != PartKind::Texts && raw.iter().all(|byte| *byte == 0) {
            return;
        }
        let squeeze = squeeze && self.squeezer.takes(kind, raw.len());
        let squeezed = if squeeze { self.squeeze(raw) } else { None };
        self.put(column, kind, width, raw, squeezed);
    }

    fn put(&mut self, column: u16, kind: PartKind, width: u8, raw: &[u8], squeezed: Option<usize>) {
        let stored = squeezed.unwrap_or(raw.len());
        self.count += 1;
        self.directory.put_u16(column);
        self.directory.put_u8(kind.code());
        self.directory.put_u8(width);
        self.directory.put_u32(raw.len() as u32);
        self.directory.put_u32(stored as u32);
        self.raw_len += raw.len();
        match squeezed {
            Some(_) => self.data.put(&self.squeezer.squeezed),
            None => self.data.put(raw),
        }
    }

    /// Length of the compressed part, if compressing pays.
    fn squeeze(&mut self, raw: &[u8]) -> Option<usize> {
        if raw.len() < self.squeezer.bytes_min {
            return None;
        }
        let Squeezer { zstd, squeezed, .. } = &mut *self.squeezer;
        squeezed.clear();
        squeezed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        let len = zstd.as_mut()?.compress_to_buffer(raw, squeezed).ok()?;
        (len + len / 32 < raw.len()).then_some(len)
    }

    /// Numbers that are indices: as few bytes each as the greatest needs.
    pub(crate) fn indices(&mut self, column: u16, values: &[u32]) {
        self.planes(
            column,
            PartKind::Planes,
            values.len(),
            values.iter().map(|v| u64::from(*v)),
        );
    }

    /// Indices of which none is 0, compressed no further than [`TAG_RATIO`] allows: the length of the part stands for
    /// a number of rows.
    pub(crate) fn bounded_indices(&mut self, column: u16, values: &[u32]) {
        let all = values.iter().fold(0, |all, value| all | value);
        let bytes = usize::from(width(all.into())).div_ceil(8);
        let mut raw = std::mem::take(&mut self.squeezer.raw);
        raw.clear();
        for plane in 0..bytes {
            raw.extend(values.iter().map(|value| (value >> (plane * 8)) as u8));
        }
        if !raw.is_empty() {
            let squeezed = if self.squeezer.takes(PartKind::Planes, raw.len()) {
                self.squeeze(&raw)
            } else {
                None
            };
            let squeezed = squeezed.filter(|stored| raw.len() <= TAG_RATIO * stored + TAG_SLACK);
            self.put(column, PartKind::Planes, bytes as u8, &raw, squeezed);
        }
        self.squeezer.raw = raw;
    }

    /// Numbers of any size, by plane.
    #[expect(clippy::needless_pass_by_value, reason = "iterators are values")]
    fn planes(&mut self, column: u16, kind: PartKind, len: usize, values: impl Iterator<Item = u64> + Clone) {
        let all = values.clone().fold(0, |all, value| all | value);
        let bytes = usize::from(width(all)).div_ceil(8);
        let mut raw = std::mem::take(&mut self.squeezer.raw);
        raw.clear();
        raw.reserve(len * bytes);
        for plane in 0..bytes {
            raw.extend(values.clone().map(|value| (value >> (plane * 8)) as u8));
        }
        self.part(column, kind, bytes as u8, &raw, true);
        self.squeezer.raw = raw;
    }

    /// Signed numbers: few distinct ones by a dictionary, others by width and bits.
    pub(crate) fn numbers(&mut self, column: u16, values: &[u64]) {
        if !self.dictionary(column, values) {
            let signed: Vec<i64> = values.iter().map(|value| *value as i64).collect();
            self.spread(column, &signed);
        }
    }

    /// Signed numbers by width and bits, in the greatest of a few units that divides them all: many clocks tick in
    /// microseconds and are told in nanoseconds.
    pub(crate) fn spread(&mut self, column: u16, values: &[i64]) {
        // Each with a divisor that is known when this is compiled: a division is many times dearer.
        let (unit, (widths, bits)) = if values.iter().any(|value| value % UNITS[1] != 0) {
            (0, split(values.iter().map(|value| zigzag(*value))))
        } else if values.iter().any(|value| value % UNITS[2] != 0) {
            (1, split(values.iter().map(|value| zigzag(value / UNITS[1]))))
        } else {
            (2, split(values.iter().map(|value| zigzag(value / UNITS[2]))))
        };
        self.part(column, PartKind::Widths, unit, &widths, true);
        self.part(column, PartKind::Bits, 1, &bits, false);
    }

    /// Cells that follow from something else of their span: what they are for each number of it.
    pub(crate) fn follows(&mut self, column: u16, kind: PartKind, cells: &[u64]) {
        // One more than there are, so that a part of zeros is not left out.
        let cells = cells.iter().copied().chain([1]);
        self.planes(column, kind, cells.clone().count(), cells);
    }

    /// Does it take the time to look for what follows from what?
    pub(crate) fn is_thorough(&self) -> bool {
        self.squeezer.what == Squeezed::All
    }

    /// Numbers by dictionary, if they are few; were they?
    fn dictionary(&mut self, column: u16, values: &[u64]) -> bool {
        let Some((distinct, indices)) = few(values) else {
            return false;
        };
        let raw: Vec<u8> = distinct.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.part(column, PartKind::Numbers, 8, &raw, true);
        self.part(column, PartKind::Planes, 1, &indices, true);
        true
    }

    /// Doubles and the like: dictionary, or planes.
    pub(crate) fn doubles(&mut self, column: u16, values: &[u64]) {
        if !self.dictionary(column, values) {
            self.planes(column, PartKind::Planes, values.len(), values.iter().copied());
        }
    }

    /// A dictionary of texts.
    pub(crate) fn texts(&mut self, column: u16, texts: &Interner) {
        let lengths = texts.lengths().map(u64::from);
        let lengths: Vec<u64> = lengths.collect();
        self.planes(column, PartKind::Lengths, lengths.len(), lengths.iter().copied());
        self.part(column, PartKind::Texts, 1, texts.bytes(), true);
    }

    pub(crate) fn check(&self) -> Result<(), FrameTooLarge> {
        let max = crate::frame::PAYLOAD_BYTES_MAX;
        if self.raw_len > max {
            return Err(FrameTooLarge::Bytes {
                what: "payload",
                found: self.raw_len,
                max,
            });
        }
        Ok(())
    }
}

/// The distinct numbers and an index for each, if there are few and they repeat.
fn few(values: &[u64]) -> Option<(Vec<u64>, Vec<u8>)> {
    const SLOTS: usize = 1024;
    let mut slots = [u16::MAX; SLOTS];
    let mut distinct: Vec<u64> = Vec::new();
    let mut indices = Vec::with_capacity(values.len());
    for value in values {
        let mut at = (value.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize;
        let index = loop {
            // At most 255 of 1,024 slots are taken: there is a free one.
            let slot = slots.get_mut(at)?;
            if *slot == u16::MAX {
                if distinct.len() >= NUMBERS_MAX {
                    return None;
                }
                *slot = distinct.len() as u16;
                distinct.push(*value);
                break *slot;
            }
            if distinct.get(usize::from(*slot)) == Some(value) {
                break *slot;
            }
            at = (at + 1) % SLOTS;
        };
        indices.push(index as u8);
    }
    (distinct.len() * 4 <= values.len() || distinct.len() <= 1).then_some((distinct, indices))
}
