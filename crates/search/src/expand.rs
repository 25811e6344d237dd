//! Words of the index that are near a word: those that begin with it, those that are one letter away.

use std::collections::BTreeMap;
use std::io;

use tantivy::Searcher;
use tantivy::schema::Field as Id;

/// Shorter words have no typing errors that could be told from other words.
const TYPO_CHARS_MIN: usize = 5;
/// Shorter words begin too many.
const PREFIX_CHARS_MIN: usize = 3;
/// Most terms of a segment's field that are looked at for one beginning.
const PREFIX_TERMS_MAX: usize = 256;

/// Terms of these fields that begin with a word, itself not: the most frequent first, at most `count`.
pub(crate) fn beginning(
    searcher: &Searcher,
    fields: &[Id],
    word: &str,
    count: usize,
) -> io::Result<Vec<String>> {
    if word.chars().count() < PREFIX_CHARS_MIN {
        return Ok(Vec::new());
    }
    let mut found = BTreeMap::new();
    for segment in searcher.segment_readers() {
        for field in fields {
            let inverted = segment.inverted_index(*field).map_err(io::Error::other)?;
            let mut terms = inverted.terms().range().gt(word).into_stream()?;
            let mut left = PREFIX_TERMS_MAX;
            while left > 0 && terms.advance() {
                left -= 1;
                if !terms.key().starts_with(word.as_bytes()) {
                    break;
                }
                count_in(&mut found, terms.key(), terms.value().doc_freq);
            }
        }
    }
    Ok(most_frequent(found, count))
}

/// Terms of these fields that one typing error makes of a word: a letter too many, too few, another one, or two that
/// changed places (Damerau 1964). The most frequent first, at most `count`.
pub(crate) fn mistyped(
    searcher: &Searcher,
    fields: &[Id],
    word: &str,
    count: usize,
) -> io::Result<Vec<String>> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() < TYPO_CHARS_MIN {
        return Ok(Vec::new());
    }
    let mut found = BTreeMap::new();
    let mut other: Vec<char> = Vec::new();
    for segment in searcher.segment_readers() {
        for field in fields {
            let inverted = segment.inverted_index(*field).map_err(io::Error::other)?;
            let mut terms = inverted.terms().stream()?;
            while terms.advance() {
                // A letter of UTF-8 has one to four bytes.
                let bytes = terms.key().len();
                if bytes + 1 < letters.len() || bytes > (letters.len() + 1) * 4 {
                    continue;
                }
                let Ok(text) = std::str::from_utf8(terms.key()) else {
                    continue;
                };
                other.clear();
                other.extend(text.chars());
                if is_one_apart(&letters, &other) {
                    count_in(&mut found, terms.key(), terms.value().doc_freq);
                }
            }
        }
    }
    Ok(most_frequent(found, count))
}

fn count_in(found: &mut BTreeMap<String, u64>, term: &[u8], documents: u32) {
    if let Ok(text) = std::str::from_utf8(term) {
        *found.entry(text.to_owned()).or_default() += u64::from(documents);
    }
}

fn most_frequent(found: BTreeMap<String, u64>, count: usize) -> Vec<String> {
    let mut found: Vec<(String, u64)> = found.into_iter().collect();
    // By name where the counts are equal: the sort is stable.
    found.sort_by_key(|(_, documents)| std::cmp::Reverse(*documents));
    found.into_iter().map(|(text, _)| text).take(count).collect()
}

/// Does exactly one typing error make one word of the other?
fn is_one_apart(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let (short, long) = (&short[same..], &long[same..]);
    match long.len() - short.len() {
        0 => match (short, long) {
            ([_, rest @ ..], [_, other @ ..]) if rest == other => true,
            ([a, b, rest @ ..], [c, d, other @ ..]) => a == d && b == c && rest == other,
            _ => false,
        },
        1 => short == &long[1..],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::is_one_apart;

    fn apart(a: &str, b: &str) -> bool {
        let letters = |text: &str| text.chars().collect::<Vec<char>>();
        is_one_apart(&letters(a), &letters(b))
    }

    /// Scenario: each kind of typing error, at the beginning, inside and at the end, and two of them. Guarantee: one is
    /// accepted, none and two are not.
    #[test]
    fn one_error_is_told_from_none_and_two() {
        for other in [
            "eserve", "reserv", "resserve", "xeserve", "reservf", "erserve", "resevre", "reserves",
        ] {
            assert!(apart("reserve", other), "{other}");
            assert!(apart(other, "reserve"), "{other}");
        }
        for other in ["reserve", "reser", "xxserve", "evreser", "serve", ""] {
            assert!(!apart("reserve", other), "{other}");
        }
    }

    proptest! {
        /// Scenario: a word and one letter put somewhere. Guarantee: the words are one error apart, in both directions.
        #[test]
        fn a_letter_more_is_one_error(word in "[a-d]{1,9}", at in 0usize..9, letter in proptest::char::range('a', 'd')) {
            let at = at.min(word.len());
            let longer = format!("{}{letter}{}", &word[..at], &word[at..]);
            prop_assert!(apart(&word, &longer));
            prop_assert!(apart(&longer, &word));
        }
    }
}
