//! A text made of pieces of another, which knows where each piece went: the truth that ids are measured against.

use std::collections::HashMap;
use std::ops::Range;

use codegraph::quoted::{Kind, Quoted};

/// A piece of the new text.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Text that was not there.
    Fresh(String),
    /// A range of the old text.
    Copy(Range<usize>),
    /// Another text in the place of this range: a renamed token.
    Renamed(String, Range<usize>),
}

/// Replaces a range of the old text by pieces.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    /// What is replaced.
    pub(crate) range: Range<usize>,
    /// By what.
    pub(crate) pieces: Vec<Piece>,
}

/// The new text, and where what was kept is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edited {
    /// The new text.
    pub(crate) text: String,
    // Old range, new range; equal bytes if they are copied.
    kept: Vec<(Range<usize>, Range<usize>, bool)>,
    /// Ranges of the old text that were edited.
    pub(crate) touched: Vec<Range<usize>>,
}

impl Edited {
    /// Applies edits; those that overlap an earlier one are left out.
    pub(crate) fn new(old: &str, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        let mut edited = Self::default();
        let mut at = 0;
        for edit in edits {
            if edit.range.start < at {
                continue;
            }
            edited.add(old, Piece::Copy(at..edit.range.start));
            at = edit.range.end;
            for piece in edit.pieces {
                edited.add(old, piece);
            }
            edited.touched.push(edit.range);
        }
        edited.add(old, Piece::Copy(at..old.len()));
        edited
    }

    fn add(&mut self, old: &str, piece: Piece) {
        let start = self.text.len();
        match piece {
            Piece::Fresh(text) => self.text.push_str(&text),
            Piece::Copy(range) => {
                self.text.push_str(&old[range.clone()]);
                self.kept.push((range, start..self.text.len(), true));
            }
            Piece::Renamed(text, range) => {
                self.text.push_str(&text);
                self.kept.push((range, start..self.text.len(), false));
            }
        }
    }

    fn start(&self, old: usize) -> Option<usize> {
        self.kept.iter().find_map(|(from, to, copied)| match copied {
            true => from.contains(&old).then(|| to.start + old - from.start),
            false => (from.start == old).then_some(to.start),
        })
    }

    fn end(&self, old: usize) -> Option<usize> {
        self.kept.iter().find_map(|(from, to, copied)| match copied {
            true => (from.start < old && old <= from.end).then(|| to.start + old - from.start),
            false => (from.end == old).then_some(to.end),
        })
    }

    /// The nodes of the old tree that still exist, with what they are in the new: same kind, at the mapped bytes. Where
    /// several nodes of a kind have the same bytes, the first is the first; if their number differs, none counts.
    pub(crate) fn truth(&self, old: &Quoted, new: &Quoted) -> Vec<(usize, usize)> {
        let group = |tree: &Quoted| {
            let mut by_place: HashMap<(Kind, usize, usize), Vec<usize>> = HashMap::new();
            for (index, node) in tree.nodes().iter().enumerate() {
                if node.end > node.start {
                    let key = (node.kind, node.start as usize, node.end as usize);
                    by_place.entry(key).or_default().push(index);
                }
            }
            by_place
        };
        let new = group(new);
        let mut pairs = Vec::new();
        for ((kind, start, end), olds) in group(old) {
            let (Some(start), Some(end)) = (self.start(start), self.end(end)) else {
                continue;
            };
            if let Some(news) = new
                .get(&(kind, start, end))
                .filter(|news| news.len() == olds.len())
            {
                pairs.extend(olds.into_iter().zip(news.iter().copied()));
            }
        }
        pairs.sort_unstable();
        pairs
    }
}
