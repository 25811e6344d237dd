//! One text as the grammar reads it once masks and grafts have put right what it would read wrong: the one way in which
//! this program parses Elixir. Quoted forms are made of it, and syntax documents.

use tree_sitter::{Language, Tree};

use super::flat::Flat;
use super::{Graft, Lowerer, grafts, masks, names};

/// Most escapes of one file that are hidden from the grammar because it reads them wrong.
const ESCAPES_MAX: usize = 32;

/// A text that was parsed.
pub(crate) struct Reading {
    /// The tree of the text, or of what the grammar was shown instead of it: of the same length, with the same lines.
    pub(crate) tree: Tree,
    /// Parts that were parsed on their own and stand in the place of what the tree has there: by pass, each in the order
    /// of the text.
    pub(crate) grafts: Vec<Vec<Graft>>,
    /// Both as one list.
    pub(super) flat: Flat,
}

/// What the grammar saw, and what it made of it.
struct Seen {
    tree: Tree,
    flat: Flat,
    // Empty: the source.
    bytes: Vec<u8>,
}

impl Lowerer {
    /// The grammar.
    pub(crate) fn language(&self) -> &Language {
        self.parser.language()
    }

    /// Reads a text; `None` if that takes too long.
    pub(crate) fn read(&mut self, source: &str) -> Option<Reading> {
        let shown = without_zeros(source).unwrap_or_default();
        let bytes = if shown.is_empty() {
            source.as_bytes()
        } else {
            &shown
        };
        let tree = self.parser.parse(bytes)?;
        let mut seen = Seen {
            flat: Flat::new(&tree, &self.grammar, source),
            tree,
            bytes: shown,
        };
        if !seen.flat.errors.is_empty()
            && let Some(known) = names::with_known_letters(source)
            && let Some(again) = self.see(source, without_zeros_in(known))
        {
            seen = again;
        }
        for _ in 0..ESCAPES_MAX {
            let Some(escape) = seen.flat.misread else { break };
            let mut masked = seen.bytes_or(source);
            let pair = (escape as usize).saturating_sub(1)..=escape as usize;
            masked.get_mut(pair).unwrap_or_default().fill(b'_');
            let Some(again) = self.see(source, masked) else {
                break;
            };
            seen = again;
        }
        self.put_right(source, &mut seen);
        let bytes = if seen.bytes.is_empty() {
            source.as_bytes()
        } else {
            &seen.bytes
        };
        let grafts = grafts::apply(&mut seen.flat, &mut self.parser, &self.grammar, bytes, source);
        Some(Reading {
            tree: seen.tree,
            grafts,
            flat: seen.flat,
        })
    }

    fn see(&mut self, source: &str, bytes: Vec<u8>) -> Option<Seen> {
        let tree = self.parser.parse(&bytes)?;
        let flat = Flat::new(&tree, &self.grammar, source);
        Some(Seen { tree, flat, bytes })
    }

    /// Reads again what the grammar reads wrong and Elixir does not.
    fn put_right(&mut self, source: &str, seen: &mut Seen) {
        for _ in 0..masks::PASSES_MAX {
            let mut places = masks::certain(&seen.flat, source);
            let certain = !places.is_empty();
            if !certain && !seen.flat.errors.is_empty() {
                places = masks::likely(&seen.flat, source);
            }
            if places.is_empty() {
                break;
            }
            let mut masked = seen.bytes_or(source);
            for mask in places {
                let place = mask.start as usize..mask.end as usize;
                masked.get_mut(place).unwrap_or_default().fill(mask.with);
            }
            let Some(again) = self.see(source, masked) else {
                break;
            };
            let (after, before) = (again.flat.errors.len(), seen.flat.errors.len());
            if after > before || (after == before && !certain) {
                break;
            }
            *seen = again;
        }
    }
}

/// A text with another control character, of as little meaning to Elixir, for each zero byte: the grammar takes that for
/// the end of the text. `None` if there is none.
fn without_zeros(source: &str) -> Option<Vec<u8>> {
    let has_zero = source.as_bytes().contains(&0);
    has_zero.then(|| without_zeros_in(source.as_bytes().to_vec()))
}

fn without_zeros_in(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in bytes.iter_mut().filter(|byte| **byte == 0) {
        *byte = 1;
    }
    bytes
}

impl Seen {
    fn bytes_or(&self, source: &str) -> Vec<u8> {
        if self.bytes.is_empty() {
            source.as_bytes().to_vec()
        } else {
            self.bytes.clone()
        }
    }
}
