//! What is looked for, as `parse` reads it from what a person types.

use crate::document::Kind;
use crate::words::{Role, Word, words};

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A word or name, as typed: `reserve`, `handle_call`, `Shop.Stock.reserve/2`.
    Word(String),
    /// Words in this order, next to one another.
    Phrase(String),
    /// `kind:`: one of these kinds.
    Kind(Kind),
    /// `in:`: this module or below it, in lower case.
    In(String),
    /// `path:`: folders or a file, in lower case, with `/`.
    Path(String),
}

/// One thing that is asked for, or that must not be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// What.
    pub what: What,
    /// Must it not be there (`-word`)?
    pub is_excluded: bool,
}

/// A question. Made by parsing: `"reserve stock kind:function".parse::<Query>()`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// In the order they were typed.
    pub clauses: Vec<Clause>,
}

/// A word that was typed, taken apart as the index takes texts apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// In lower case, without a `:` before it: what an exact name is compared with.
    pub(crate) exact: String,
    /// Has it the form of a name: `Stock.reserve`, `reserve/2`?
    pub(crate) is_name: bool,
    /// All of its names as wholes, if they have parts.
    pub(crate) wholes: Vec<Word>,
    /// Its parts.
    pub(crate) parts: Vec<Word>,
}

impl Asked {
    pub(crate) fn of(typed: &str) -> Self {
        let plain = typed.strip_prefix(':').unwrap_or(typed);
        let (path, arity) = match plain.rsplit_once('/') {
            Some((path, digits)) if !path.is_empty() && is_number(digits) => (path, Some(digits)),
            _ => (plain, None),
        };
        let dotted = path
            .split_once('.')
            .is_some_and(|(before, after)| !before.is_empty() && !after.is_empty());
        // The number of parameters is in the exact name; as a word it says nothing.
        let mut found = words(path);
        found.retain(|word| !word.text.is_empty());
        let (wholes, parts) = found.into_iter().partition(|word| word.role == Role::Whole);
        Self {
            exact: plain.to_lowercase(),
            is_name: dotted || arity.is_some(),
            wholes,
            parts,
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Query {
    /// The words and phrases that a hit is shown by.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &str> {
        self.clauses
            .iter()
            .filter(|clause| !clause.is_excluded)
            .filter_map(|clause| match &clause.what {
                What::Word(text) | What::Phrase(text) => Some(text.as_str()),
                _ => None,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::Asked;

    /// Scenario: what people type for a function. Guarantee: a name is told from a word, and the number of parameters is
    /// no word.
    #[test]
    fn a_name_is_told_from_a_word() {
        let parts = |typed: &str| -> Vec<String> {
            let parts = Asked::of(typed).parts.into_iter();
            parts.map(|word| word.text).collect()
        };
        for (typed, is_name, exact) in [
            ("reserve", false, "reserve"),
            ("Shop.Stock.reserve/2", true, "shop.stock.reserve/2"),
            (":maps.keys/1", true, "maps.keys/1"),
            ("reserve/2", true, "reserve/2"),
            ("and/or", false, "and/or"),
            ("e.", false, "e."),
            ("..", false, ".."),
        ] {
            let asked = Asked::of(typed);
            assert_eq!((asked.is_name, asked.exact.as_str()), (is_name, exact), "{typed}");
        }
        assert_eq!(parts("Shop.Stock.reserve/2"), ["shop", "stock", "reserve"]);
        assert_eq!(parts("and/or"), ["and", "or"]);
    }
}
