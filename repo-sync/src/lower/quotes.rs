//! Quoted text: strings, charlists, heredocs, sigils, quoted atoms and keys, and what is interpolated in them.

use codegraph::quoted::{Flags, Kind, Place, Symbol};

use super::escapes;
use super::grammar::Syntax;
use super::machine::{Machine, Task, nowhere};

/// A quoted node's text, from after the opening quote to before the closing one.
#[derive(Clone, Copy, Debug)]
struct Quotes {
    start: u32,
    end: u32,
    /// The byte that ends the text, three times in a heredoc.
    terminator: u8,
    /// Spaces before the closing quote of a heredoc, which are taken from each line.
    heredoc: Option<u32>,
    /// Escapes stay as written in sigils.
    verbatim: bool,
}

/// How interpolated parts are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parts {
    /// `to_string(x)::binary` in `<<>>`.
    Binary,
    /// `to_string(x)` in a list.
    List,
}

impl Machine<'_> {
    pub(super) fn open_string(&mut self, index: u32) {
        let (quotes, place) = (self.quotes(index), self.place(index));
        let flags = self.quote_flags(index, quotes);
        if !self.has_holes(index) {
            let symbol = self.text_part(quotes, quotes.start, quotes.end, true);
            return self.literal(Kind::String, symbol, flags, place);
        }
        let kids = self.schedule_parts(index, quotes, Parts::Binary);
        self.call("<<>>", flags, place, kids);
    }

    pub(super) fn open_charlist(&mut self, index: u32) {
        let (quotes, place) = (self.quotes(index), self.place(index));
        let flags = self.quote_flags(index, quotes);
        if !self.has_holes(index) {
            let symbol = self.text_part(quotes, quotes.start, quotes.end, true);
            return self.literal(Kind::Charlist, symbol, flags, place);
        }
        self.atom("Elixir.List", place);
        self.atom("to_charlist", place);
        self.call(".", Flags::IMPLICIT, place, 2);
        let kids = self.schedule_parts(index, quotes, Parts::List);
        self.list(Flags::IMPLICIT, place, kids);
        self.node(Kind::Apply, b"", flags, place, 2);
    }

    pub(super) fn open_quoted_atom(&mut self, index: u32) {
        let (quotes, place) = (self.quotes(index), self.place(index));
        let flags = self.quote_flags(index, quotes);
        if !self.has_holes(index) {
            let symbol = self.text_part(quotes, quotes.start, quotes.end, true);
            return self.literal(Kind::Atom, symbol, flags, place);
        }
        self.atom("erlang", place);
        self.atom("binary_to_atom", place);
        self.call(".", Flags::IMPLICIT, place, 2);
        let kids = self.schedule_parts(index, quotes, Parts::Binary);
        self.call("<<>>", Flags::IMPLICIT, place, kids);
        self.atom("utf8", place);
        self.node(Kind::Apply, b"", flags, place, 3);
    }

    pub(super) fn open_sigil(&mut self, index: u32) {
        let place = self.place(index);
        let mut quotes = self.quotes(index);
        quotes.verbatim = true;
        let flags = self.quote_flags(index, quotes);
        let name = self
            .flat
            .child(index, Syntax::SigilName)
            .map_or("", |name| self.text_of(name));
        let name = format!("sigil_{name}");
        let kids = self.schedule_parts(index, quotes, Parts::Binary);
        self.call("<<>>", flags.with(Flags::IMPLICIT), place, kids);
        if let Some(modifiers) = self.flat.child(index, Syntax::SigilModifiers) {
            let (text, span) = (self.text_of(modifiers), self.place(modifiers));
            self.node(
                Kind::Charlist,
                text.as_bytes(),
                Flags::default(),
                nowhere(span),
                0,
            );
        } else {
            let end = Place {
                start: place.end,
                ..place
            };
            self.list(Flags::IMPLICIT, end, 0);
        }
        self.call(&name, flags, place, 2);
    }

    fn literal(&mut self, kind: Kind, symbol: Option<Symbol>, flags: Flags, place: Place) {
        let Some(symbol) = symbol else {
            return self.absent(place);
        };
        self.tasks.push(Task::Make {
            kind,
            symbol,
            flags,
            place: nowhere(place),
            kids: 0,
        });
    }

    fn quote_flags(&self, index: u32, quotes: Quotes) -> Flags {
        let flags = self.flags(index);
        if quotes.heredoc.is_some() {
            flags.with(Flags::HEREDOC)
        } else {
            flags
        }
    }

    fn quotes(&self, index: u32) -> Quotes {
        let whole = self.flat.node(index);
        let (mut opening, mut closing) = (None, None);
        for child in self.flat.children(index) {
            let text = self.text_of(child);
            if self.flat.is_token(child) && !matches!(text, "~" | ":") {
                if opening.is_none() {
                    opening = Some(child);
                } else if !text.starts_with(':') {
                    closing = Some(child);
                }
            }
        }
        let text = opening.map_or("", |token| self.text_of(token));
        let start = opening.map_or(whole.start, |token| self.flat.node(token).end);
        let end = closing.map_or(whole.end, |token| self.flat.node(token).start);
        let terminator = match text.as_bytes().first().copied().unwrap_or(b'"') {
            b'(' => b')',
            b'[' => b']',
            b'{' => b'}',
            b'<' => b'>',
            same => same,
        };
        let mut quotes = Quotes {
            start,
            end: end.max(start),
            terminator,
            heredoc: None,
            verbatim: false,
        };
        if text.len() == 3 {
            let inside = self.slice(start, quotes.end);
            let header = inside.find('\n').map_or(inside.len(), |at| at + 1);
            quotes.start += header as u32;
            let lines = inside.trim_end_matches([' ', '\t']);
            let indentation = (inside.len() - lines.len()) as u32;
            if closing.is_some() {
                quotes.end = quotes.end.saturating_sub(indentation).max(quotes.start);
            }
            quotes.heredoc = Some(indentation);
        }
        quotes
    }

    fn has_holes(&self, index: u32) -> bool {
        self.flat.child(index, Syntax::Interpolation).is_some()
    }

    fn schedule_parts(&mut self, index: u32, quotes: Quotes, parts: Parts) -> u32 {
        let (mut at, mut kids, mut first) = (quotes.start, 0, true);
        for child in self.flat.children(index) {
            if self.flat.syntax(child) != Syntax::Interpolation {
                continue;
            }
            let hole = self.flat.node(child);
            // A heredoc's text begins with the line break that was cut off, so that there always is some.
            if hole.start > at || (first && quotes.heredoc.is_some()) {
                self.schedule_text(quotes, at, hole.start.max(at), first);
                kids += 1;
            }
            self.schedule_interpolation(child, parts);
            kids += 1;
            (at, first) = (hole.end, false);
        }
        if quotes.end > at || first {
            self.schedule_text(quotes, at, quotes.end.max(at), first);
            kids += 1;
        }
        kids
    }

    fn schedule_text(&mut self, quotes: Quotes, start: u32, end: u32, first: bool) {
        let span = Place {
            start,
            end,
            ..Place::default()
        };
        let symbol = self.text_part(quotes, start, end, first);
        self.literal(Kind::String, symbol, Flags::default(), span);
    }

    fn schedule_interpolation(&mut self, index: u32, parts: Parts) {
        let place = self.place(index);
        self.atom("Elixir.Kernel", place);
        self.atom("to_string", place);
        self.call(".", Flags::IMPLICIT, place, 2);
        self.schedule_body(index);
        self.node(
            Kind::Apply,
            b"",
            self.flags(index).with(Flags::IMPLICIT),
            place,
            2,
        );
        if parts == Parts::Binary {
            self.node(Kind::Variable, b"binary", Flags::IMPLICIT, place, 0);
            self.call("::", Flags::IMPLICIT, place, 2);
        }
    }

    /// A piece of text as a symbol: the terminator's escape, a heredoc's indentation, then escapes. `None` if Elixir
    /// refuses one of these.
    fn text_part(&mut self, quotes: Quotes, start: u32, end: u32, first: bool) -> Option<Symbol> {
        let raw = self.slice(start, end).as_bytes();
        let escaped = raw.contains(&b'\\');
        if quotes.heredoc.is_none() && !escaped {
            return Some(self.builder.symbol(raw));
        }
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        extract(raw, quotes, first, &mut text);
        let mut valid = true;
        if escaped && !quotes.verbatim {
            let mut resolved = Vec::with_capacity(text.len());
            valid = escapes::unescape(&text, &mut resolved);
            text = resolved;
        }
        let symbol = valid.then(|| self.builder.symbol(&text));
        self.scratch = text;
        symbol
    }
}

/// Drops the backslash before a terminator and, in a heredoc, the indentation of each line.
fn extract(raw: &[u8], quotes: Quotes, first: bool, out: &mut Vec<u8>) {
    let mut rest = raw;
    if let (Some(indentation), true) = (quotes.heredoc, first) {
        rest = outdent(rest, indentation);
    }
    let end = [quotes.terminator; 3];
    let end = if quotes.heredoc.is_some() {
        &end[..]
    } else {
        &end[..1]
    };
    loop {
        let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\n')) else {
            out.extend_from_slice(rest);
            return;
        };
        let (plain, found) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = match found {
            [b'\n', after @ ..] => {
                out.push(b'\n');
                outdent(after, quotes.heredoc.unwrap_or(0))
            }
            [b'\\', after @ ..] if after.starts_with(end) => {
                out.extend_from_slice(end);
                after.get(end.len()..).unwrap_or_default()
            }
            // A line break after a backslash is still one.
            [b'\\', b'\n', ..] => {
                out.push(b'\\');
                found.get(1..).unwrap_or_default()
            }
            [b'\\', escaped, after @ ..] => {
                out.extend_from_slice(&[b'\\', *escaped]);
                after
            }
            other => {
                out.extend_from_slice(other);
                return;
            }
        };
    }
}

fn outdent(text: &[u8], indentation: u32) -> &[u8] {
    let spaces = text
        .iter()
        .take(indentation as usize)
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    text.get(spaces..).unwrap_or_default()
}
