//! Tokens of the language, and which characters make names.

use std::fmt;

use crate::ast::Scope;

/// A token and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Bytes from the beginning of the text.
    pub(crate) offset: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// `name`, `count`, `error`.
    Word(String),
    /// `span.http.method`.
    Attribute(Scope, String),
    /// `span:duration`, as written; not looked up yet.
    Intrinsic(String),
    /// A whole number without a sign.
    Int(u64),
    /// A fraction without a sign, finite.
    Float(f64),
    /// Nanoseconds without a sign.
    Duration(u64),
    /// Text, escapes resolved.
    String(String),
    /// An operator or a parenthesis, as written.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// Operators and parentheses, longer ones first.
pub(crate) const SIGNS: [&str; 40] = [
    "!>>", "!<<", "&>>", "&<<", "&&", "||", "!=", "!~", "!>", "!<", "&>", "&<", "&~", ">>", "<<", ">=", "<=",
    "=~", "=", "!", ">", "<", "~", "|", "{", "}", "(", ")", ",", "+", "-", "*", "/", "%", "^", "[", "]", ";",
    ":", "&",
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) | Self::Intrinsic(word) => write!(f, "`{word}`"),
            Self::Attribute(scope, name) => write!(f, "the attribute `{}{name}`", scope.spelling()),
            Self::Int(number) => write!(f, "the number {number}"),
            Self::Float(number) => write!(f, "the number {number}"),
            Self::Duration(_) => f.write_str("a duration"),
            Self::String(_) => f.write_str("a string"),
            Self::Sign(sign) => write!(f, "`{sign}`"),
            Self::End => f.write_str("the end of the query"),
        }
    }
}

/// Whether a character can be in an attribute's name without quotes: all but spaces and what operators, parentheses,
/// lists and strings are made of. `+ - * / %` are part of names.
pub(crate) fn is_name_char(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"{}()=~!<>&|^,\"`".contains(c)
}

/// Whether a character can be in a word.
pub(crate) fn is_word_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
