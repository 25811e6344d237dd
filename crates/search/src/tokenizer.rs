//! The tokenizers of the index: words of code, and the folders of a path.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::words::{Word, words};

/// Name of [`CodeTokenizer`] in the schema.
pub(crate) const CODE: &str = "elixirscope-code-1";
/// Name of [`PathTokenizer`] in the schema.
pub(crate) const PATH: &str = "elixirscope-path-1";

/// Splits as [`words`] does.
#[derive(Clone, Debug, Default)]
pub(crate) struct CodeTokenizer;

/// Splits a path into folders and file; the file also without its ending, at the same position.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathTokenizer;

/// Words that were split off before.
pub(crate) struct Words {
    rest: std::vec::IntoIter<Word>,
    token: Token,
}

impl Words {
    fn of(words: Vec<Word>) -> Self {
        Self {
            rest: words.into_iter(),
            token: Token::default(),
        }
    }
}

impl Tokenizer for CodeTokenizer {
    type TokenStream<'a> = Words;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words {
        Words::of(words(text))
    }
}

impl Tokenizer for PathTokenizer {
    type TokenStream<'a> = Words;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Words {
        Words::of(segments(text))
    }
}

impl TokenStream for Words {
    fn advance(&mut self) -> bool {
        let Some(word) = self.rest.next() else {
            return false;
        };
        self.token = Token {
            offset_from: word.range.start,
            offset_to: word.range.end,
            position: word.position,
            text: word.text,
            position_length: 1,
        };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The folders and the file of a path, in lower case.
fn segments(path: &str) -> Vec<Word> {
    let mut out = Vec::new();
    let mut start = 0;
    for (position, segment) in path.split('/').enumerate() {
        let mut push = |text: &str| {
            out.push(Word {
                text: text.to_lowercase(),
                range: start..start + text.len(),
                position,
                role: crate::words::Role::Only,
            });
        };
        if !segment.is_empty() {
            push(segment);
        }
        let is_last = start + segment.len() == path.len();
        if let Some((stem, _)) = segment
            .rsplit_once('.')
            .filter(|(stem, _)| is_last && !stem.is_empty())
        {
            push(stem);
        }
        start += segment.len() + 1;
    }
    out
}

/// The folders of a `path:` that was typed: nothing is taken off its file.
pub(crate) fn asked_segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{asked_segments, segments};

    /// Scenario: a path. Guarantee: folders in order, the file with and without its ending at one position.
    #[test]
    fn a_path_is_its_folders() {
        let found = segments("lib/Shop/stock.ex");
        let found: Vec<(&str, usize)> = found
            .iter()
            .map(|word| (word.text.as_str(), word.position))
            .collect();
        assert_eq!(found, [("lib", 0), ("shop", 1), ("stock.ex", 2), ("stock", 2)]);
        assert_eq!(asked_segments("lib//shop/"), ["lib", "shop"]);
    }
}
