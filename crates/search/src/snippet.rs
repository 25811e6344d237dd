//! The lines of a text that show best why it was found.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::answer::Answer;
use crate::query::Query;
use crate::words::words;

/// Bytes of a text that are looked through.
const TEXT_BYTES_MAX: usize = 256 << 10;
/// Bytes of a line that are shown.
const LINE_BYTES_MAX: usize = 200;

/// A line with marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// Its number in the text, from 0.
    pub line: usize,
    /// The line without the blanks around it, cut if it is long.
    pub text: String,
    /// How many different words of the query it has.
    pub words: usize,
    /// The words of the query in it: bytes of `text`, ascending, apart from one another.
    pub marks: Vec<Range<usize>>,
}

/// Finds a query's words in texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlighter {
    forms: BTreeSet<String>,
}

impl Highlighter {
    /// For a query and what it found (of which it takes the words that stood in for others).
    #[must_use]
    pub fn new(query: &Query, answer: &Answer) -> Self {
        let typed = query.shown().flat_map(words).map(|word| word.text);
        let taken = answer
            .instead
            .iter()
            .flat_map(|instead| instead.taken.iter().cloned());
        Self {
            forms: typed.chain(taken).collect(),
        }
    }

    /// The line with the most different words of the query; of several the first. `None`: it has none.
    #[must_use]
    pub fn snippet(&self, text: &str) -> Option<Snippet> {
        let mut best: Option<Snippet> = None;
        let mut bytes = 0;
        for (number, line) in text.lines().enumerate() {
            bytes += line.len();
            if bytes > TEXT_BYTES_MAX {
                break;
            }
            let shown = shortened(line.trim());
            let (count, marks) = self.marks(shown);
            if count > best.as_ref().map_or(0, |best| best.words) {
                let snippet = Snippet {
                    line: number,
                    text: shown.to_owned(),
                    words: count,
                    marks,
                };
                best = Some(snippet);
            }
        }
        best
    }

    /// How many different words of the query a line has, and where.
    fn marks(&self, line: &str) -> (usize, Vec<Range<usize>>) {
        let mut different = BTreeSet::new();
        let mut marks: Vec<Range<usize>> = Vec::new();
        for word in words(line) {
            if !self.forms.contains(&word.text) {
                continue;
            }
            // The parts of a whole that is marked are marked with it, and each counts.
            different.insert(word.text);
            match marks.last_mut() {
                Some(last) if word.range.start < last.end => last.end = last.end.max(word.range.end),
                _ => marks.push(word.range),
            }
        }
        (different.len(), marks)
    }
}

fn shortened(line: &str) -> &str {
    let mut end = line.len().min(LINE_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Highlighter;
    use crate::{Answer, Instead};

    fn highlighter(query: &str) -> Highlighter {
        Highlighter::new(&query.parse().unwrap(), &Answer::default())
    }

    /// Scenario: a text of which two lines have words of the query. Guarantee: the line with more different ones, with
    /// marks on them.
    #[test]
    fn the_line_with_the_most_words_is_shown() {
        let text = "def reserve(reserve, reserve) do\n    Stock.reserve_items(order)\nend";
        let found = highlighter("reserve order kind:function").snippet(text).unwrap();
        assert_eq!(
            (found.line, found.text.as_str()),
            (1, "Stock.reserve_items(order)")
        );
        let marked: Vec<&str> = found.marks.iter().map(|mark| &found.text[mark.clone()]).collect();
        assert_eq!(marked, ["reserve", "order"]);
        assert_eq!(highlighter("refund").snippet(text), None);
    }

    /// Scenario: a word that stood in for a mistyped one. Guarantee: it is marked.
    #[test]
    fn a_word_taken_instead_is_marked() {
        let answer = Answer {
            hits: Vec::new(),
            instead: vec![Instead {
                typed: "resrve".to_owned(),
                taken: vec!["reserve".to_owned()],
            }],
        };
        let found = Highlighter::new(&"resrve".parse().unwrap(), &answer).snippet("def reserve do");
        assert_eq!(found.unwrap().marks, vec![4..11; 1]);
    }

    proptest! {
        /// Scenario: any text. Guarantee: marks lie in the line, ascending and apart.
        #[test]
        fn marks_lie_in_their_line(text in "([a-c_ \n]|\u{e9}|Ab){0,80}") {
            if let Some(found) = highlighter("a ab a_b \u{e9}").snippet(&text) {
                let mut end = 0;
                for mark in &found.marks {
                    prop_assert!(mark.start >= end && found.text.get(mark.clone()).is_some());
                    end = mark.end;
                }
                prop_assert!(!found.marks.is_empty());
            }
        }
    }
}
