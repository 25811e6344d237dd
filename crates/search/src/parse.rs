//! From what a person types to a [`Query`], and why something is none.
//!
//! ```text
//! query  = item { space item }
//! item   = [ "-" ] ( filter | phrase | word )
//! filter = ( "kind" | "in" | "path" ) ":" ( word | phrase )
//! phrase = '"' any but '"' '"'
//! word   = any but space and '"'
//! ```

use std::str::FromStr;

use crate::document::Kind;
use crate::query::{Clause, Query, What};
use crate::words::words;

/// Longest query, in bytes.
const QUERY_BYTES_MAX: usize = 2048;
/// Most words, phrases and filters of one query.
const CLAUSES_MAX: usize = 64;

/// Why something is no query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// Nothing was typed, or only signs.
    #[error(
        "nothing to look for: expected words, a name such as Shop.Stock.reserve/2, or a filter such as kind:function"
    )]
    Empty,
    /// Only what must not be there was typed.
    #[error("only words with '-' before them: expected also something that is looked for")]
    OnlyExcluded,
    /// It is too long.
    #[error("a query of {0} bytes exceeds the limit of {QUERY_BYTES_MAX}")]
    TooLong(usize),
    /// It has too many parts.
    #[error("a query of more than {CLAUSES_MAX} words and filters")]
    TooMany,
    /// A quotation mark without its second.
    #[error("the '\"' before '{0}' has no second one")]
    OpenQuote(String),
    /// `name:` of no filter.
    #[error("unknown filter '{0}:'; expected kind:, in: or path:, or quotation marks around a text with ':'")]
    UnknownFilter(String),
    /// `kind:` of no kind.
    #[error("unknown kind '{0}'; expected {kinds}", kinds = kinds())]
    UnknownKind(String),
    /// A filter without a value.
    #[error(
        "the filter '{0}:' has no value; expected for example kind:function, in:Shop.Stock or path:lib/shop"
    )]
    NoValue(String),
}

fn kinds() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

impl FromStr for Query {
    type Err = BadQuery;

    fn from_str(text: &str) -> Result<Self, BadQuery> {
        if text.len() > QUERY_BYTES_MAX {
            return Err(BadQuery::TooLong(text.len()));
        }
        let mut clauses = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            if clauses.len() == CLAUSES_MAX {
                return Err(BadQuery::TooMany);
            }
            let (clause, behind) = item(rest)?;
            clauses.extend(clause);
            rest = behind.trim_start();
        }
        if clauses.is_empty() {
            return Err(BadQuery::Empty);
        }
        if clauses.iter().all(|clause| clause.is_excluded) {
            return Err(BadQuery::OnlyExcluded);
        }
        Ok(Self { clauses })
    }
}

/// One item and what is behind it; none of a word without letters and digits (`+`).
fn item(text: &str) -> Result<(Option<Clause>, &str), BadQuery> {
    let (is_excluded, text) = match text.strip_prefix('-') {
        Some(rest) if rest.starts_with(|next: char| !next.is_whitespace() && next != '-') => (true, rest),
        _ => (false, text),
    };
    let end = text
        .find(|char: char| char.is_whitespace() || char == '"')
        .unwrap_or(text.len());
    let (word, behind) = text.split_at(end);
    let (what, behind) = match filter_of(word) {
        Some((name, value)) => {
            let (value, behind) = if value.is_empty() && behind.starts_with('"') {
                quoted(behind)?
            } else {
                (value, behind)
            };
            (Some(filter(name, value.trim())?), behind)
        }
        None if word.is_empty() => {
            let (inside, behind) = quoted(behind)?;
            let is_empty = words(inside).is_empty();
            ((!is_empty).then(|| What::Phrase(inside.to_owned())), behind)
        }
        None => {
            let is_empty = words(word).is_empty() && !is_operator(word);
            ((!is_empty).then(|| What::Word(word.to_owned())), behind)
        }
    };
    Ok((what.map(|what| Clause { what, is_excluded }), behind))
}

/// Operators are functions, too: `|>`, `++`, `..//3`.
fn is_operator(word: &str) -> bool {
    word.len() > 1 && word.chars().all(|char| char.is_ascii_punctuation())
}

/// `name:value`; `:maps.keys` and `Foo::Bar` are none.
fn filter_of(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once(':')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    (is_name && !value.starts_with(':')).then_some((name, value))
}

/// What stands between this quotation mark and the next, and what is behind.
fn quoted(text: &str) -> Result<(&str, &str), BadQuery> {
    let inside = text.strip_prefix('"').unwrap_or(text);
    let start: String = inside.chars().take(20).collect();
    inside.split_once('"').ok_or(BadQuery::OpenQuote(start))
}

fn filter(name: &str, value: &str) -> Result<What, BadQuery> {
    let lower = value.to_lowercase();
    let known = match name {
        "kind" => Kind::of_name(&lower).map(What::Kind),
        "in" => Some(What::In(
            lower
                .trim_start_matches([':', '.'])
                .trim_end_matches('.')
                .to_owned(),
        )),
        "path" => Some(What::Path(
            lower.trim_start_matches("./").trim_matches('/').to_owned(),
        )),
        _ => return Err(BadQuery::UnknownFilter(name.to_owned())),
    };
    match known {
        _ if value.is_empty() => Err(BadQuery::NoValue(name.to_owned())),
        None => Err(BadQuery::UnknownKind(value.to_owned())),
        Some(What::In(inner) | What::Path(inner)) if inner.is_empty() => {
            Err(BadQuery::NoValue(name.to_owned()))
        }
        Some(what) => Ok(what),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BadQuery, Kind, QUERY_BYTES_MAX, What};
    use crate::query::Query;

    fn read(text: &str) -> Result<Vec<(bool, What)>, BadQuery> {
        let query: Query = text.parse()?;
        let clauses = query.clauses.into_iter();
        Ok(clauses.map(|clause| (clause.is_excluded, clause.what)).collect())
    }

    fn word(text: &str) -> What {
        What::Word(text.to_owned())
    }

    /// Scenario: a query with one of everything. Guarantee: each part is read as documented.
    #[test]
    fn each_form_is_read() {
        let query = "reserve Shop.Stock.take/2 \"out of stock\" kind:Function in:Shop.Stock path:./lib/shop/ -test -kind:module";
        assert_eq!(
            read(query).unwrap(),
            [
                (false, word("reserve")),
                (false, word("Shop.Stock.take/2")),
                (false, What::Phrase("out of stock".to_owned())),
                (false, What::Kind(Kind::Function)),
                (false, What::In("shop.stock".to_owned())),
                (false, What::Path("lib/shop".to_owned())),
                (true, word("test")),
                (true, What::Kind(Kind::Module)),
            ]
        );
        assert_eq!(
            read("path:\"lib/my shop\"-x :maps.keys/1 |>").unwrap(),
            [
                (false, What::Path("lib/my shop".to_owned())),
                (true, word("x")),
                (false, word(":maps.keys/1")),
                (false, word("|>")),
            ]
        );
        assert_eq!(read("a - b + c").unwrap().len(), 3);
    }

    /// Scenario: what is no query. Guarantee: an error that names what was typed and what is expected.
    #[test]
    fn what_is_no_query_is_refused() {
        for (text, fault) in [
            ("", BadQuery::Empty),
            (" + . ", BadQuery::Empty),
            ("-a -b", BadQuery::OnlyExcluded),
            ("a \"b c", BadQuery::OpenQuote("b c".to_owned())),
            ("knd:function", BadQuery::UnknownFilter("knd".to_owned())),
            ("kind:functoin", BadQuery::UnknownKind("functoin".to_owned())),
            ("kind: a", BadQuery::NoValue("kind".to_owned())),
            ("path:/", BadQuery::NoValue("path".to_owned())),
        ] {
            assert_eq!(read(text), Err(fault), "{text}");
        }
        let long = "a".repeat(QUERY_BYTES_MAX + 1);
        assert_eq!(read(&long), Err(BadQuery::TooLong(QUERY_BYTES_MAX + 1)));
        assert_eq!(read(&"a ".repeat(100)), Err(BadQuery::TooMany));
        let fault = read("kind:fun").unwrap_err().to_string();
        assert!(fault.contains("function, macro"), "{fault}");
    }

    proptest! {
        /// Scenario: any text. Guarantee: a query or a fault, and a query asks for something.
        #[test]
        fn any_text_is_a_query_or_a_fault(text in "[ -~\u{e9}\u{4e2d}\n]{0,60}") {
            if let Ok(query) = text.parse::<Query>() {
                prop_assert!(query.clauses.iter().any(|clause| !clause.is_excluded));
            }
        }

        /// Scenario: texts of the signs that mean something. Guarantee: as above.
        #[test]
        fn signs_are_a_query_or_a_fault(text in "(kind|in|path|[-\": ./a])*") {
            if let Ok(query) = text.parse::<Query>() {
                prop_assert!(query.clauses.len() <= super::CLAUSES_MAX);
            }
        }

        /// Scenario: plain words. Guarantee: each is looked for as it was typed.
        #[test]
        fn plain_words_are_kept(typed in proptest::collection::vec("[a-z]{1,9}", 1..9)) {
            let found = read(&typed.join(" ")).unwrap();
            let expected: Vec<_> = typed.iter().map(|text| (false, word(text))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
