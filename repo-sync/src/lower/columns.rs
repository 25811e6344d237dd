//! Elixir's columns, from 1: one a grapheme cluster in quoted text, one a code point everywhere else
//! (`elixir_interpolation.erl`, `elixir_tokenizer.erl`). Lines of ASCII need no table: there it is the byte.

use unicode_segmentation::UnicodeSegmentation;

/// Corrections of byte columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// From this byte on, until the next entry or the line's end, a column is this much less than the byte's.
    excess: Vec<(u32, u32)>,
}

impl Columns {
    /// Reads the lines that are not ASCII. `quoted` are the spans of quoted text, ascending.
    pub(super) fn new(text: &str, quoted: &[(u32, u32)]) -> Self {
        let mut columns = Self::default();
        if text.is_ascii() {
            return columns;
        }
        let (mut start, mut next) = (0, 0);
        for line in text.split_inclusive('\n') {
            if !line.is_ascii() {
                columns.read_line(text, start, start + line.len(), quoted, &mut next);
            }
            start += line.len();
        }
        columns
    }

    fn read_line(&mut self, text: &str, start: usize, end: usize, quoted: &[(u32, u32)], next: &mut usize) {
        let (mut at, mut excess) = (start, 0u32);
        while at < end {
            while quoted.get(*next).is_some_and(|(_, last)| *last as usize <= at) {
                *next += 1;
            }
            let (first, last) = quoted.get(*next).map_or((usize::MAX, usize::MAX), |span| {
                (span.0 as usize, span.1 as usize)
            });
            let inside = first <= at;
            let until = if inside { last.min(end) } else { first.min(end) };
            let piece = text.get(at..until).unwrap_or_default();
            let mut note = |from: usize, unit: &str| {
                if unit.len() > 1 {
                    excess += unit.len() as u32 - 1;
                    self.excess.push(((from + unit.len()) as u32, excess));
                }
            };
            if inside {
                clusters(piece, |offset, cluster| note(at + offset, cluster));
            } else {
                for (offset, one) in piece.char_indices() {
                    note(
                        at + offset,
                        piece.get(offset..offset + one.len_utf8()).unwrap_or_default(),
                    );
                }
            }
            at = until.max(at + 1);
        }
        // The next line begins anew.
        self.excess.push((end as u32, 0));
    }

    /// The column of a byte that is `offset` bytes from its line's start.
    pub(super) fn column(&self, byte: u32, offset: u32) -> u32 {
        if self.excess.is_empty() {
            return offset + 1;
        }
        let after = self.excess.partition_point(|entry| entry.0 <= byte);
        let excess = after
            .checked_sub(1)
            .and_then(|index| self.excess.get(index))
            .map_or(0, |entry| entry.1);
        (offset + 1).saturating_sub(excess)
    }
}

/// Grapheme clusters with their offsets; a backslash is one of its own, whatever follows.
fn clusters(piece: &str, mut each: impl FnMut(usize, &str)) {
    let mut start = 0;
    for part in piece.split('\\') {
        for (offset, cluster) in part.grapheme_indices(true) {
            each(start + offset, cluster);
        }
        start += part.len() + 1;
    }
}
