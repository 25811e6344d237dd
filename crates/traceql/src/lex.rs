//! Text into tokens.

use crate::ast::Scope;
use crate::error::Fault;
use crate::lex_literal::{number, string};
use crate::token::{Kind, SIGNS, Token, is_name_char, is_word_char};

/// Scopes of intrinsics: what may stand before the colon.
const COLON_SCOPES: [&str; 6] = ["span", "trace", "event", "link", "instrumentation", "parent"];

/// The rest of a text, and where it begins.
#[derive(Clone, Copy)]
pub(crate) struct Rest<'a> {
    pub(crate) text: &'a str,
    pub(crate) offset: usize,
}

impl<'a> Rest<'a> {
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.text = self.text.get(bytes..).unwrap_or_default();
        self.offset += bytes;
    }

    /// Takes the characters for which it holds.
    pub(crate) fn take(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        let end = self.text.find(|c| !holds(c)).unwrap_or(self.text.len());
        let (taken, _) = self.text.split_at_checked(end).unwrap_or((self.text, ""));
        self.skip(end);
        taken
    }

    pub(crate) fn fault<T>(self, message: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::new(self.offset, message))
    }
}

/// All tokens, the last one [`Kind::End`].
pub(crate) fn lex(text: &str) -> Result<Vec<Token>, Fault> {
    let mut rest = Rest { text, offset: 0 };
    let mut tokens = Vec::new();
    loop {
        rest.take(char::is_whitespace);
        let offset = rest.offset;
        let kind = match next(&mut rest)? {
            Some(kind) => kind,
            None => Kind::End,
        };
        let end = kind == Kind::End;
        tokens.push(Token { kind, offset });
        if end {
            return Ok(tokens);
        }
    }
}

fn next(rest: &mut Rest<'_>) -> Result<Option<Kind>, Fault> {
    let mut chars = rest.text.chars();
    let (Some(first), second) = (chars.next(), chars.next()) else {
        return Ok(None);
    };
    if first.is_ascii_digit() || first == '.' && second.is_some_and(|c| c.is_ascii_digit()) {
        return number(rest).map(Some);
    }
    if first == '"' || first == '`' {
        return string(rest).map(|text| Some(Kind::String(text)));
    }
    if first == '.' || first.is_ascii_alphabetic() || first == '_' {
        return word(rest).map(Some);
    }
    if first == '\'' {
        return rest.fault("expected a string in double quotes or backticks, found a single quote");
    }
    for sign in SIGNS {
        if rest.text.starts_with(sign) {
            rest.skip(sign.len());
            return Ok(Some(Kind::Sign(sign)));
        }
    }
    rest.fault(format!(
        "expected an operator, a name or a value, found `{}`",
        first.escape_debug()
    ))
}

/// A word, an attribute, or an intrinsic with a scope.
fn word(rest: &mut Rest<'_>) -> Result<Kind, Fault> {
    for (scope, spelling) in Scope::SPELLED {
        if rest.text.starts_with(spelling) {
            rest.skip(spelling.len());
            return name(rest).map(|name| Kind::Attribute(scope, name));
        }
    }
    let start = *rest;
    let word = rest.take(is_word_char);
    if COLON_SCOPES.contains(&word) && rest.text.starts_with(':') {
        rest.skip(1);
        let intrinsic = rest.take(is_word_char);
        if intrinsic.is_empty() {
            return rest.fault(format!("expected the name of an intrinsic after `{word}:`"));
        }
        let spelled = start.text.get(..rest.offset - start.offset).unwrap_or_default();
        return Ok(Kind::Intrinsic(spelled.to_owned()));
    }
    Ok(Kind::Word(word.to_owned()))
}

/// An attribute's name: plain and quoted parts without anything between them.
fn name(rest: &mut Rest<'_>) -> Result<String, Fault> {
    let start = *rest;
    let mut name = rest.take(is_name_char).to_owned();
    let mut quoted = false;
    while rest.text.starts_with('"') {
        quoted = true;
        quoted_part(rest, &mut name)?;
        name.push_str(rest.take(is_name_char));
    }
    if name.is_empty() && !quoted {
        return start.fault("expected the name of an attribute after the dot");
    }
    Ok(name)
}

/// `"..."` in a name, where only `\"` and `\\` are escapes.
fn quoted_part(rest: &mut Rest<'_>, name: &mut String) -> Result<(), Fault> {
    let start = *rest;
    rest.skip(1);
    loop {
        name.push_str(rest.take(|c| c != '"' && c != '\\'));
        if rest.text.starts_with('"') {
            rest.skip(1);
            return Ok(());
        }
        let mut chars = rest.text.chars().skip(1);
        match chars.next() {
            Some(c @ ('"' | '\\')) => name.push(c),
            Some(_) => return rest.fault("expected `\\\"` or `\\\\` in a quoted name"),
            None => return start.fault("expected a closing quote of the name"),
        }
        rest.skip(2);
    }
}
