//! Elixir's columns, from 1: one a grapheme cluster in quoted text, one a code point everywhere else
//! (`elixir_interpolation.erl`, `elixir_tokenizer.erl`). Lines of ASCII need no table: there it is the byte.

use unicode_segmentation::UnicodeSegmentation;

/// Which Elixir's columns a tree has. They differ on lines with `\#{` or with joined letters of Indic scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnRules {
    /// Elixir 1.14.0 on OTP 25: `\#{` in a string takes one column instead of three (elixir-lang/elixir#12503), and
    /// grapheme clusters are those of Unicode 14.
    #[default]
    Elixir114,
    /// `\#{` takes three columns, and grapheme clusters are those of Unicode 15.1 and later, which join the letters of
    /// an Indic conjunct (rule GB9c of UAX #29).
    Later,
}

/// Corrections of byte columns.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// From this byte on, until the next entry or the line's end, a column is this much less than the byte's.
    excess: Vec<(u32, u32)>,
}

/// Where a file's quoted text is.
#[derive(Debug, Default)]
pub(super) struct QuotedText {
    /// Spans, ascending.
    pub(super) spans: Vec<(u32, u32)>,
    /// Backslashes of `\#{`, ascending.
    pub(super) escaped_holes: Vec<u32>,
}

impl QuotedText {
    /// With what another tree says of the bytes in `start..end`.
    pub(super) fn replace(&mut self, start: u32, end: u32, with: Self) {
        let outside = |at: u32| at < start || at >= end;
        self.spans.retain(|span| outside(span.0));
        let at = self.spans.partition_point(|span| span.0 < start);
        self.spans.splice(at..at, with.spans);
        self.escaped_holes.retain(|hole| outside(*hole));
        let at = self.escaped_holes.partition_point(|hole| *hole < start);
        self.escaped_holes.splice(at..at, with.escaped_holes);
    }
}

impl Columns {
    /// Reads the lines whose columns are not their bytes'.
    pub(super) fn new(text: &str, quoted: &QuotedText, rules: ColumnRules) -> Self {
        let mut columns = Self::default();
        let ascii = text.is_ascii();
        let holes: &[u32] = match rules {
            ColumnRules::Elixir114 => &quoted.escaped_holes,
            ColumnRules::Later => &[],
        };
        if ascii && holes.is_empty() {
            return columns;
        }
        let mut line = Line {
            columns: &mut columns,
            text,
            spans: &quoted.spans,
            holes,
            rules,
        };
        let mut start = 0;
        for piece in text.split_inclusive('\n') {
            let end = start + piece.len();
            let has_hole = line.holes.first().is_some_and(|hole| (*hole as usize) < end);
            if has_hole || !(ascii || piece.is_ascii()) {
                line.read(start, end);
            }
            start = end;
        }
        columns
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

/// Reads lines in order.
struct Line<'a> {
    columns: &'a mut Columns,
    text: &'a str,
    /// Quoted text that does not end before the line.
    spans: &'a [(u32, u32)],
    /// Escaped holes that are not before the line.
    holes: &'a [u32],
    rules: ColumnRules,
}

impl Line<'_> {
    fn read(&mut self, start: usize, end: usize) {
        let (mut at, mut excess) = (start, 0u32);
        while at < end {
            while let [(_, last), after @ ..] = self.spans
                && *last as usize <= at
            {
                self.spans = after;
            }
            let (first, last) = self.spans.first().map_or((usize::MAX, usize::MAX), |span| {
                (span.0 as usize, span.1 as usize)
            });
            let inside = first <= at;
            let until = if inside { last.min(end) } else { first.min(end) };
            let piece = self.text.get(at..until).unwrap_or_default();
            if inside {
                let rules = self.rules;
                clusters(piece, rules, |offset, cluster| {
                    self.note(at + offset, cluster.len(), &mut excess);
                });
            } else {
                for (offset, one) in piece.char_indices() {
                    self.note(at + offset, one.len_utf8(), &mut excess);
                }
            }
            at = until.max(at + 1);
        }
        // The next line begins anew.
        self.columns.excess.push((end as u32, 0));
    }

    /// One column that is `bytes` long.
    fn note(&mut self, start: usize, bytes: usize, excess: &mut u32) {
        if bytes > 1 {
            *excess += bytes as u32 - 1;
            self.columns.excess.push(((start + bytes) as u32, *excess));
        }
        if let [hole, after @ ..] = self.holes
            && *hole as usize <= start
        {
            self.holes = after;
            *excess += 2;
            self.columns.excess.push((start as u32 + 3, *excess));
        }
    }
}

/// Grapheme clusters with their offsets; a backslash is one of its own, whatever follows.
fn clusters(piece: &str, rules: ColumnRules, mut each: impl FnMut(usize, &str)) {
    let mut start = 0;
    for part in piece.split('\\') {
        for (offset, cluster) in part.grapheme_indices(true) {
            if rules == ColumnRules::Elixir114 && cluster.contains(VIRAMAS) {
                conjunct(start + offset, cluster, &mut each);
            } else {
                each(start + offset, cluster);
            }
        }
        start += part.len();
        if start < piece.len() {
            each(start, "\\");
        }
        start += 1;
    }
}

/// Signs that join the consonants around them since Unicode 15.1.
const VIRAMAS: [char; 6] = ['\u{94d}', '\u{9cd}', '\u{acd}', '\u{b4d}', '\u{c4d}', '\u{d4d}'];

/// The clusters that a conjunct was before Unicode 15.1: each letter begins one.
fn conjunct(start: usize, cluster: &str, each: &mut impl FnMut(usize, &str)) {
    let mut from = 0;
    for (offset, one) in cluster.char_indices().skip(1) {
        if begins_cluster(one) {
            each(start + from, cluster.get(from..offset).unwrap_or_default());
            from = offset;
        }
    }
    each(start + from, cluster.get(from..).unwrap_or_default());
}

/// Whether a character stays apart from a letter before it.
fn begins_cluster(one: char) -> bool {
    let pair: String = ['a', one].iter().collect();
    pair.graphemes(true).count() > 1
}
