//! Names outside ASCII: what Elixir makes of them, and what the grammar does not know of them.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// A name as Elixir's tokenizer gives it: in NFC, the micro sign as a mu (`String.Tokenizer`).
pub(super) fn normal(name: &str) -> Cow<'_, str> {
    if name.is_ascii() || (is_nfc(name) && !name.contains('\u{b5}')) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(
        name.nfc()
            .map(|one| if one == '\u{b5}' { '\u{3bc}' } else { one })
            .collect(),
    )
}

/// Letters that Elixir takes in names and the grammar does not: the blocks that Unicode's data file lists by their first
/// and last character only.
const UNKNOWN: [(char, char); 8] = [
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{ac00}', '\u{d7a3}'),
    ('\u{17000}', '\u{187f7}'),
    ('\u{18d00}', '\u{18d08}'),
    ('\u{20000}', '\u{2a6df}'),
    ('\u{2a700}', '\u{2ebe0}'),
    ('\u{30000}', '\u{323af}'),
];

/// The text with these letters as others of the same length, which the grammar knows; `None` if there are none.
pub(super) fn with_known_letters(text: &str) -> Option<Vec<u8>> {
    let unknown = |one: char| {
        UNKNOWN
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&one))
    };
    if text.is_ascii() || !text.contains(unknown) {
        return None;
    }
    let mut known = String::with_capacity(text.len());
    for one in text.chars() {
        known.push(match (unknown(one), one.len_utf8()) {
            // Thai and Shavian letters.
            (true, 3) => '\u{e01}',
            (true, 4) => '\u{10450}',
            _ => one,
        });
    }
    Some(known.into_bytes())
}
