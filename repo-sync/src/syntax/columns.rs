//! Elixir's columns: from 1, one a grapheme cluster inside strings, sigils, charlists and quoted atoms, one a code point
//! everywhere else (`elixir_interpolation.erl`, `elixir_tokenizer.erl`). On ASCII lines this is the byte column.

use unicode_segmentation::UnicodeSegmentation;

use super::flat::FlatTree;

/// Converts ascending byte offsets.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    text: &'a str,
    line_starts: &'a [u32],
    quoted: Vec<(usize, usize)>,
    /// Number of the current line; 0 before the first.
    line: usize,
    ascii: bool,
    at: usize,
    column: u32,
    next_quoted: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn new(flat: &FlatTree<'a>, line_starts: &'a [u32]) -> Self {
        let mut quoted: Vec<(usize, usize)> = Vec::new();
        for node in &flat.nodes {
            let (start, end) = (node.start as usize, node.end as usize);
            if !matches!(node.kind, "quoted_content" | "escape_sequence") {
                continue;
            }
            match quoted.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => quoted.push((start, end)),
            }
        }
        Self {
            text: flat.text,
            line_starts,
            quoted,
            line: 0,
            ascii: true,
            at: 0,
            column: 1,
            next_quoted: 0,
        }
    }

    /// Line and column of a byte, which is not before the last one asked for.
    pub(super) fn locate(&mut self, byte: u32) -> (u32, u32) {
        let line = self.line + self.line_starts[self.line..].partition_point(|start| *start <= byte);
        let byte = byte as usize;
        if line != self.line {
            let start = self.line_starts[line - 1] as usize;
            let end = self
                .line_starts
                .get(line)
                .map_or(self.text.len(), |end| *end as usize);
            self.line = line;
            self.ascii = self.text.as_bytes()[start..end].is_ascii();
            (self.at, self.column) = (start, 1);
        }
        if self.ascii {
            let start = self.line_starts[line - 1] as usize;
            return (line as u32, (byte - start) as u32 + 1);
        }
        while self.at < byte {
            self.advance(byte);
        }
        (line as u32, self.column)
    }

    /// Goes on to `byte`, or to where quoted text begins or ends before it.
    fn advance(&mut self, byte: usize) {
        while self
            .quoted
            .get(self.next_quoted)
            .is_some_and(|(_, end)| *end <= self.at)
        {
            self.next_quoted += 1;
        }
        let (start, end) = self
            .quoted
            .get(self.next_quoted)
            .copied()
            .unwrap_or((usize::MAX, usize::MAX));
        let inside = start <= self.at;
        let until = if inside { end.min(byte) } else { start.min(byte) };
        let piece = self.text.get(self.at..until).unwrap_or_default();
        let count = if inside {
            clusters(piece)
        } else {
            piece.chars().count()
        };
        self.column += count as u32;
        self.at = until;
    }
}

/// Grapheme clusters; a backslash is one of its own, whatever follows.
fn clusters(piece: &str) -> usize {
    let between: usize = piece.split('\\').map(|part| part.graphemes(true).count()).sum();
    between + piece.bytes().filter(|byte| *byte == b'\\').count()
}
