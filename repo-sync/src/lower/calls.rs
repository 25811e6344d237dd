//! Names, aliases, calls and access.

use codegraph::quoted::{Flags, Kind, Place, Symbol};

use super::grammar::Syntax;
use super::machine::{Machine, Task, nowhere};
use super::names::normal;

impl Machine<'_> {
    pub(super) fn open_identifier(&mut self, index: u32) {
        let (text, place) = (normal(self.text_of(index)), self.place(index));
        self.node(Kind::Variable, text.as_bytes(), Flags::default(), place, 0);
    }

    pub(super) fn open_alias(&mut self, index: u32) {
        let place = self.place(index);
        let kids = self.schedule_segments(index);
        self.call("__aliases__", Flags::default(), place, kids);
    }

    /// A value for each part of `A.B.C`, which is one token.
    fn schedule_segments(&mut self, index: u32) -> u32 {
        let whole = self.flat.node(index);
        let (mut at, mut kids) = (whole.start, 0);
        for part in self.slice(whole.start, whole.end).split('.') {
            let name = part.trim();
            let start = at + (part.len() - part.trim_start().len()) as u32;
            let span = Place {
                start,
                end: start + name.len() as u32,
                ..Place::default()
            };
            self.atom(name, span);
            at += part.len() as u32 + 1;
            kids += 1;
        }
        kids
    }

    /// `expression.Alias` and `expression.{...}`.
    pub(super) fn open_dot(&mut self, index: u32) {
        let (left, operator, right) = self.dot(index);
        let span = self.place(index);
        let operator = operator.unwrap_or(index);
        let place = self.anchored(operator, index);
        match right.map(|right| (right, self.flat.syntax(right))) {
            Some((right, Syntax::Tuple)) => {
                self.lower_or_absent(left, span);
                self.atom("{}", self.place(right));
                self.call(".", self.flags(index), place, 2);
                let mut kids = 1;
                for term in self.flat.terms(right) {
                    self.lower(term);
                    kids += 1;
                }
                self.node(Kind::Apply, b"", self.flags(right), place, kids);
            }
            Some((right, Syntax::Alias)) => {
                let (kids, first) = self.schedule_alias_left(left, span);
                let kids = kids + self.schedule_segments(right);
                let place = first.map_or(place, |(line, column)| Place {
                    line,
                    column,
                    ..place
                });
                self.call("__aliases__", self.flags(index), place, kids);
            }
            _ => self.open_name_of(index),
        }
    }

    /// What comes before `.Alias`: if it is itself an alias, in parentheses, its parts; else the expression.
    fn schedule_alias_left(&mut self, left: Option<u32>, span: Place) -> (u32, Option<(u32, u32)>) {
        let inner = left.map(|left| {
            let operand = self.flat.term(left).filter(|_| self.is_captured(left));
            self.inner(operand.unwrap_or(left))
        });
        match inner {
            Some(inner) if self.flat.syntax(inner) == Syntax::Alias => {
                let place = self.place(inner);
                (self.schedule_segments(inner), Some((place.line, place.column)))
            }
            _ => {
                self.lower_or_absent(left, span);
                (1, None)
            }
        }
    }

    /// A dot outside a call, which only a broken tree has: as if it were called.
    fn open_name_of(&mut self, index: u32) {
        let place = self.place(index);
        let mut kids = 0;
        for term in self.flat.terms(index) {
            self.lower(term);
            kids += 1;
        }
        self.node(Kind::Error, b"", Flags::default(), nowhere(place), kids);
    }

    fn dot(&self, index: u32) -> (Option<u32>, Option<u32>, Option<u32>) {
        let (mut left, mut operator, mut right) = (None, None, None);
        for child in self.flat.children(index) {
            if self.flat.is_token(child) {
                operator = operator.or(Some(child));
            } else if operator.is_none() {
                left = left.or(Some(child));
            } else {
                right = right.or(Some(child));
            }
        }
        (left, operator, right)
    }

    pub(super) fn open_call(&mut self, index: u32) {
        let (mut target, mut arguments, mut block) = (None, None, None);
        for term in self.flat.terms(index) {
            match self.flat.syntax(term) {
                Syntax::Arguments if target.is_some() => arguments = arguments.or(Some(term)),
                Syntax::DoBlock if target.is_some() => block = block.or(Some(term)),
                _ => target = target.or(Some(term)),
            }
        }
        let mut flags = self.flags(index);
        if arguments.is_none_or(|it| self.flat.child(it, Syntax::Parenthesis).is_none()) {
            flags = flags.with(Flags::NO_PARENS);
        }
        if block.is_some() {
            flags = flags.with(Flags::DO_BLOCK);
        }
        let Some(target) = target else {
            return self.absent(self.place(index));
        };
        match self.flat.syntax(target) {
            Syntax::Identifier => {
                let place = self.anchored(target, index);
                let kids = self.schedule_arguments(arguments, block);
                if kids == 1 && flags.has(Flags::NO_PARENS) && self.is_ambiguous(target) {
                    flags = flags.with(Flags::AMBIGUOUS_OP);
                }
                self.call(&normal(self.text_of(target)), flags, place, kids);
            }
            Syntax::Dot => {
                let (line, column) = self.schedule_callee(target);
                let kids = self.schedule_arguments(arguments, block);
                let span = self.place(index);
                self.node(Kind::Apply, b"", flags, Place { line, column, ..span }, kids + 1);
            }
            _ => {
                self.lower(target);
                let place = self.place(index);
                let arguments = self.schedule_arguments(arguments, block);
                self.tasks.push(Task::CallAgain {
                    flags,
                    place,
                    arguments,
                });
            }
        }
    }

    /// One value, `{:., _, [left, name]}` or `{:., _, [left]}`; the position of the call.
    fn schedule_callee(&mut self, index: u32) -> (u32, u32) {
        let (left, operator, right) = self.dot(index);
        let operator = self.anchored(operator.unwrap_or(index), index);
        self.lower_or_absent(left, operator);
        let Some(right) = right else {
            self.call(".", self.flags(index), operator, 1);
            return (operator.line, operator.column);
        };
        let place = self.place(right);
        let name = self.text_of(right);
        if matches!(self.flat.syntax(right), Syntax::String | Syntax::Charlist) {
            // The name is taken as it is written, escapes and all.
            let inside = name.get(1..name.len().saturating_sub(1)).unwrap_or_default();
            self.atom(inside, place);
        } else {
            self.atom(&normal(name), place);
        }
        self.call(".", self.flags(index), operator, 2);
        (place.line, place.column)
    }

    /// Values for the arguments, the last for the `do` block; how many.
    fn schedule_arguments(&mut self, arguments: Option<u32>, block: Option<u32>) -> u32 {
        let mut count = 0;
        if let Some(arguments) = arguments {
            if self.flat.node(arguments).broken {
                self.mark_damage(arguments, &mut count);
            }
            for term in self.flat.terms(arguments) {
                self.lower(term);
                count += 1;
            }
        }
        if let Some(block) = block {
            self.schedule_do_block(block);
            count += 1;
        }
        count
    }

    /// Arguments lack a token: say so where no error node does.
    fn mark_damage(&mut self, arguments: u32, count: &mut u32) {
        let says_so = self
            .flat
            .terms(arguments)
            .any(|term| self.flat.syntax(term) == Syntax::Error);
        if !says_so {
            let end = self.flat.node(arguments).end;
            self.absent(Place {
                start: end,
                end,
                ..Place::default()
            });
            *count += 1;
        }
    }

    /// `f -1`: the tokenizer takes the sign for a unary one (`handle_space_sensitive_tokens`).
    fn is_ambiguous(&self, target: u32) -> bool {
        let end = self.flat.node(target).end as usize;
        let rest = self.text.as_bytes().get(end..).unwrap_or_default();
        let spaces = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let sign = rest.get(spaces);
        let next = rest.get(spaces + 1).copied().unwrap_or(b' ');
        spaces > 0
            && matches!(sign, Some(b'+' | b'-'))
            && !next.is_ascii_whitespace()
            && !b"([<{%+-/>:".contains(&next)
    }

    pub(super) fn open_access(&mut self, index: u32) {
        let (mut target, mut bracket, mut key) = (None, None, None);
        for child in self.flat.children(index) {
            if self.flat.syntax(child) == Syntax::Bracket {
                bracket = bracket.or(Some(child));
            } else if bracket.is_none() {
                target = target.or(Some(child));
            } else {
                key = key.or(Some(child));
            }
        }
        let span = self.place(index);
        let place = self.anchored(bracket.unwrap_or(index), index);
        let token = self.place(bracket.unwrap_or(index));
        let flags = self.flags(index).with(Flags::FROM_BRACKETS);
        // The callee comes first in Elixir's order, though it is written last.
        self.atom("Elixir.Access", token);
        self.atom("get", token);
        self.call(".", flags, token, 2);
        self.lower_or_absent(target, span);
        self.lower_or_absent(key, span);
        self.tasks.push(Task::Make {
            kind: Kind::Apply,
            symbol: Symbol::NONE,
            flags,
            place,
            kids: 3,
        });
    }
}
