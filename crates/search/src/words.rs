//! Splits code and prose into words: `reserve_items`, `ReserveItems` and `reserveItems` are `reserve`, `items` and, as a
//! whole, `reserveitems`; `HTTPServer` is `http`, `server`; `base64` is `base`, `64` and `base64`.
//!
//! A run of letters, digits and `_` is one name. It is split at `_`, between letters and digits, where a small letter is
//! followed by a capital, and before the last of several capitals that a small letter follows. Parts are stemmed, wholes
//! are not.

use std::ops::Range;

use crate::document::SEPARATOR;
use crate::stem::stem;

/// Longer words are left out: no one types them (encoded data).
const WORD_BYTES_MAX: usize = 64;
/// Positions that a [`SEPARATOR`] skips, so that no phrase reaches across it.
const GAP: usize = 100;

/// What a word is to the name that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The name has no parts: it is the word.
    Only,
    /// All of a name that has parts, without what separates them.
    Whole,
    /// One part.
    Part,
}

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As the index has it: lower case; a part or an only word is stemmed.
    pub text: String,
    /// Bytes of the text that it comes from.
    pub range: Range<usize>,
    /// Its number among the parts; a whole has that of its first part.
    pub position: usize,
    /// What it is to its name.
    pub role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Letter {
    Small,
    Capital,
    Digit,
    Between,
    Outside,
}

fn letter(char: char) -> Letter {
    if char == '_' {
        Letter::Between
    } else if char.is_numeric() {
        Letter::Digit
    } else if char.is_uppercase() {
        Letter::Capital
    } else if char.is_alphabetic() {
        Letter::Small
    } else {
        Letter::Outside
    }
}

/// All words of a text, in its order; a whole comes before its parts. Time and memory are proportional to the text.
#[must_use]
pub fn words(text: &str) -> Vec<Word> {
    let mut found = Words {
        text,
        out: Vec::new(),
        position: 0,
        parts: Vec::new(),
    };
    let mut run: Option<usize> = None;
    for (at, char) in text.char_indices() {
        if letter(char) == Letter::Outside {
            if let Some(start) = run.take() {
                found.name(start..at);
            }
            if char == SEPARATOR {
                found.position += GAP;
            }
        } else if run.is_none() {
            run = Some(at);
        }
    }
    if let Some(start) = run {
        found.name(start..text.len());
    }
    found.out
}

struct Words<'a> {
    text: &'a str,
    out: Vec<Word>,
    position: usize,
    parts: Vec<Range<usize>>,
}

impl Words<'_> {
    fn name(&mut self, name: Range<usize>) {
        self.split(&name);
        let parts = std::mem::take(&mut self.parts);
        let first = self.position;
        if parts.len() > 1 {
            let whole = parts.iter().filter_map(|part| self.text.get(part.clone()));
            let whole = whole.map(str::to_lowercase).collect();
            self.push(whole, &name, first, Role::Whole);
        }
        let role = if parts.len() > 1 { Role::Part } else { Role::Only };
        for part in &parts {
            let mut text = self.text.get(part.clone()).unwrap_or_default().to_lowercase();
            stem(&mut text);
            self.push(text, part, self.position, role);
            self.position += 1;
        }
        self.parts = parts;
        self.parts.clear();
    }

    fn push(&mut self, text: String, range: &Range<usize>, position: usize, role: Role) {
        if text.len() <= WORD_BYTES_MAX {
            self.out.push(Word {
                text,
                range: range.clone(),
                position,
                role,
            });
        }
    }

    fn split(&mut self, name: &Range<usize>) {
        let text = self.text.get(name.clone()).unwrap_or_default();
        let mut chars = text
            .char_indices()
            .map(|(at, char)| (at, letter(char)))
            .peekable();
        let mut start: Option<usize> = None;
        let mut before = Letter::Between;
        while let Some((at, now)) = chars.next() {
            let next = chars.peek().map_or(Letter::Between, |(_, next)| *next);
            let begins = match (before, now) {
                (_, Letter::Between | Letter::Outside) => {
                    self.part(name.start, start.take(), at);
                    false
                }
                (Letter::Between | Letter::Outside, _)
                | (Letter::Digit, Letter::Small | Letter::Capital)
                | (Letter::Small | Letter::Capital, Letter::Digit)
                | (Letter::Small, Letter::Capital) => true,
                (Letter::Capital, Letter::Capital) => next == Letter::Small,
                _ => false,
            };
            if begins {
                self.part(name.start, start.replace(at), at);
            }
            before = now;
        }
        self.part(name.start, start, text.len());
    }

    fn part(&mut self, base: usize, start: Option<usize>, end: usize) {
        if let Some(start) = start {
            self.parts.push(base + start..base + end);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Role, words};

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    /// Scenario: names in each way of writing. Guarantee: the parts, with the whole before them, the same for all ways.
    #[test]
    fn names_are_split_into_their_parts() {
        assert_eq!(texts("reserve_items"), ["reserveitems", "reserve", "item"]);
        assert_eq!(texts("ReserveItems"), ["reserveitems", "reserve", "item"]);
        assert_eq!(texts("HTTPServer"), ["httpserver", "http", "server"]);
        assert_eq!(texts("parseURL"), ["parseurl", "parse", "url"]);
        assert_eq!(texts("base64"), ["base64", "base", "64"]);
        assert_eq!(texts("utf8_to_16!"), ["utf8to16", "utf", "8", "to", "16"]);
        assert_eq!(texts("__using__"), ["using"]);
        assert_eq!(texts("Shop.Stock.reserve/2"), ["shop", "stock", "reserve", "2"]);
        assert_eq!(
            texts("\u{dc}ber_gr\u{f6}\u{df}e"),
            ["\u{fc}bergr\u{f6}\u{df}e", "\u{fc}ber", "gr\u{f6}\u{df}e"]
        );
        assert!(texts("_ + - ()").is_empty());
    }

    /// Scenario: two texts of one field. Guarantee: the words before and behind the separator are not neighbours.
    #[test]
    fn a_separator_parts_texts() {
        let found = words("out of\u{1e}stock");
        let positions: Vec<usize> = found.iter().map(|word| word.position).collect();
        assert_eq!(positions, [0, 1, 102]);
    }

    /// Scenario: encoded data as one long run. Guarantee: it is no word, and what stands beside it is found.
    #[test]
    fn a_word_that_no_one_types_is_left_out() {
        let text = format!("key {} end", "a".repeat(1000));
        assert_eq!(texts(&text), ["key", "end"]);
    }

    proptest! {
        /// Scenario: any text. Guarantee: ranges lie in the text on the borders of characters, positions do not fall,
        /// each whole is followed by its parts, and splitting is repeatable.
        #[test]
        fn words_lie_in_their_text(text in "\\PC{0,200}") {
            let found = words(&text);
            for word in &found {
                prop_assert!(text.get(word.range.clone()).is_some_and(|part| !part.is_empty()));
                prop_assert!(!word.text.is_empty());
            }
            for pair in found.windows(2) {
                prop_assert!(pair[0].position <= pair[1].position);
                if pair[1].role == Role::Whole {
                    prop_assert!(pair[0].range.end <= pair[1].range.start);
                }
            }
            prop_assert_eq!(found, words(&text));
        }

        /// Scenario: words of small letters, joined in each way. Guarantee: all ways give the same words.
        #[test]
        fn ways_of_writing_are_alike(parts in proptest::collection::vec("[a-z]{2,8}", 2..5)) {
            let snake = parts.join("_");
            let camel: String = parts
                .iter()
                .map(|part| part[..1].to_uppercase() + &part[1..])
                .collect();
            prop_assert_eq!(texts(&snake), texts(&camel));
        }
    }
}
