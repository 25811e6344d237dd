//! JSON (RFC 8259) as a stream: what comes next is asked for by its type. Strings are borrowed if they hold no escapes; bytes
//! in them that are not UTF-8 go through, for the protobuf decoder to repair and count.

use std::borrow::Cow;

/// Why JSON is not OTLP/JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JSON at byte {at}{}: {what}", Field(self.field))]
pub struct JsonError {
    /// Offset in the text.
    pub at: usize,
    /// Message and JSON name of the innermost field that holds it.
    pub field: Option<(&'static str, &'static str)>,
    /// What is wrong.
    pub what: &'static str,
}

struct Field(Option<(&'static str, &'static str)>);

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some((message, field)) => write!(f, ", in {field} of {message}"),
            None => Ok(()),
        }
    }
}

/// A place in the text.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// An error at the next byte.
    pub(super) fn error(&self, what: &'static str) -> JsonError {
        JsonError {
            at: self.at,
            field: None,
            what,
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next byte that is not white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    /// Takes `wanted`, if it is next.
    pub(super) fn takes(&mut self, wanted: u8) -> bool {
        let is = self.peek() == Some(wanted);
        self.at += usize::from(is);
        is
    }

    pub(super) fn expect(&mut self, wanted: u8, what: &'static str) -> Result<(), JsonError> {
        if self.takes(wanted) {
            Ok(())
        } else {
            Err(self.error(what))
        }
    }

    /// Takes a literal, if it is next.
    pub(super) fn takes_word(&mut self, word: &'static [u8]) -> bool {
        self.peek();
        let is = self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(word));
        self.at += if is { word.len() } else { 0 };
        is
    }

    /// Nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("text after the end of the document")),
        }
    }

    /// After an item of an object or array: is there another one? Otherwise the end, `close`, was taken.
    pub(super) fn another(&mut self, close: u8) -> Result<bool, JsonError> {
        if self.takes(b',') {
            return Ok(true);
        }
        self.expect(close, "expected a comma or the end of the object or array")
            .map(|()| false)
    }

    pub(super) fn number(&mut self) -> Result<&'a str, JsonError> {
        self.peek();
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let leading_zero = self.byte() == Some(b'0');
        let digits = self.digits();
        if digits == 0 || leading_zero && digits > 1 {
            return Err(self.error("expected a number"));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.error("expected digits after the point"));
            }
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.error("expected digits of the exponent"));
            }
        }
        let taken = self
            .text
            .get(start..self.at)
            .and_then(|b| std::str::from_utf8(b).ok());
        taken.ok_or_else(|| self.error("expected a number"))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.byte().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, JsonError> {
        self.expect(b'"', "expected a string")?;
        let mut run = self.at;
        let mut unescaped: Option<Vec<u8>> = None;
        loop {
            match self.byte() {
                None => return Err(self.error("the text ends in a string")),
                Some(b'"') => {
                    let last = self.text.get(run..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(last),
                        Some(mut whole) => {
                            whole.extend_from_slice(last);
                            Cow::Owned(whole)
                        }
                    });
                }
                Some(b'\\') => {
                    let whole = unescaped.get_or_insert_default();
                    whole.extend_from_slice(self.text.get(run..self.at).unwrap_or_default());
                    self.at += 1;
                    let unescaped = self.escape()?;
                    whole.extend_from_slice(unescaped.encode_utf8(&mut [0; 4]).as_bytes());
                    run = self.at;
                }
                Some(0..0x20) => return Err(self.error("control character in a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let escaped = match self.byte() {
            Some(same @ (b'"' | b'\\' | b'/')) => char::from(same),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.error("unknown escape in a string")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// After `\u`. A half of a surrogate pair without the other one becomes U+FFFD.
    fn unicode(&mut self) -> Result<char, JsonError> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.text.get(self.at..self.at + 2) == Some(b"\\u") {
            let second_at = self.at;
            self.at += 2;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let pair = 0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00));
                return Ok(char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = second_at;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|b| char::from(b).to_digit(16));
            code = code << 4 | digit.ok_or_else(|| self.error("expected four hexadecimal digits"))?;
            self.at += 1;
        }
        Ok(code)
    }

    /// Skips a value of any type, without recursion. What is open takes a byte each.
    pub(super) fn skip(&mut self) -> Result<(), JsonError> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    if !self.takes(b'}') {
                        self.name()?;
                        open.push(b'}');
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    if !self.takes(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                Some(b'"') => drop(self.string()?),
                Some(b'-' | b'0'..=b'9') => drop(self.number()?),
                _ if self.takes_word(b"true") || self.takes_word(b"false") || self.takes_word(b"null") => {}
                _ => return Err(self.error("expected a value")),
            }
            // A value is complete: so may be what holds it.
            loop {
                match open.last() {
                    None => return Ok(()),
                    Some(&close) if self.another(close)? => {
                        if close == b'}' {
                            self.name()?;
                        }
                        break;
                    }
                    Some(_) => drop(open.pop()),
                }
            }
        }
    }

    /// A key of an object and its colon.
    pub(super) fn name(&mut self) -> Result<Cow<'a, [u8]>, JsonError> {
        let name = self.string()?;
        self.expect(b':', "expected a colon")?;
        Ok(name)
    }
}
